import { type EncodedEvent, encodeEvent } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import type { Clock, IdSource, Rejection, RejectionRecord } from '@sallyport/platform';
import type { KeyedDigests } from '../invoke/call-identity.js';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Window {
  readonly rejection: Rejection;
  readonly sourceHash: string;
  count: number;
  from: string;
  to: string;
  /** Those who are counted here and wait. */
  waiters: Waiter[];
  /** Sent and not acknowledged: nobody knows whether the log has it. */
  unheard: EncodedEvent | null;
  /** The last write, which ends before the next begins. */
  written: Promise<void>;
}

export interface RejectionRecorderOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly digests: KeyedDigests;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly edgeId: string;
  /** Whose record a rejection without a tenant goes to. */
  readonly tenantId: string;
  /** Followers of a rejection are gathered this long. Default 250 ms. */
  readonly windowMs?: number;
}

const WINDOW_MS = 250;
const WINDOWS_MAX = 1_000;
const MANY_SOURCES = '*';

/**
 * Puts turned-away requests on record: the first of a source and code at once, those that follow within a window as one event with an exact
 * count. Memory is bounded: past a thousand windows, sources are folded into one per code. No count is ever dropped, and none is told twice: what the
 * log does not acknowledge is sent again as it was, under its id, before what came since.
 */
export class RejectionRecorder implements RejectionRecord {
  private readonly windows = new Map<string, Window>();
  private readonly windowMs: number;

  constructor(private readonly options: RejectionRecorderOptions) {
    this.windowMs = options.windowMs ?? WINDOW_MS;
  }

  /** Resolves when the rejection is on record: answer only then. Rejects with `log.unavailable`; the rejection stays counted. */
  record(rejection: Rejection): Promise<void> {
    const isCrowded = this.windows.size >= WINDOWS_MAX;
    const tenantId = rejection.tenantId ?? this.options.tenantId;
    const source = this.options.digests.keyedDigest(tenantId, 'source', rejection.source);
    const own = [tenantId, rejection.code, rejection.route, rejection.method, rejection.httpStatus].join('|');
    const known = this.windows.get(`${source}|${own}`);
    if (known !== undefined) return this.follow(known);
    const sourceHash = isCrowded ? this.options.digests.keyedDigest(tenantId, 'source', MANY_SOURCES) : source;
    const key = `${sourceHash}|${own}`;
    const crowd = this.windows.get(key);
    if (crowd !== undefined) return this.follow(crowd);
    const now = this.options.clock.nowIso();
    const window: Window = {
      rejection: { ...rejection, tenantId },
      sourceHash,
      count: 0,
      from: now,
      to: now,
      waiters: [],
      unheard: null,
      written: Promise.resolve(),
    };
    this.windows.set(key, window);
    const recorded = this.follow(window);
    void this.flush(key, window);
    return recorded;
  }

  /** Writes what is gathered, for a drain. */
  async close(): Promise<void> {
    await Promise.all([...this.windows.values()].map((window) => this.write(window)));
  }

  private follow(window: Window): Promise<void> {
    const now = this.options.clock.nowIso();
    if (window.count === 0) window.from = now;
    window.count++;
    window.to = now;
    return new Promise((resolve, reject) => {
      window.waiters.push({ resolve, reject });
    });
  }

  private async flush(key: string, window: Window): Promise<void> {
    await this.write(window);
    setTimeout(() => {
      if (window.count === 0 && window.unheard === null) this.windows.delete(key);
      else void this.flush(key, window);
    }, this.windowMs).unref();
  }

  private write(window: Window): Promise<void> {
    window.written = window.written.then(() => this.writeNext(window));
    return window.written;
  }

  private async writeNext(window: Window): Promise<void> {
    const waiters = window.waiters.splice(0);
    try {
      if (window.unheard !== null) await this.send(window, window.unheard);
      waiters.push(...window.waiters.splice(0));
      if (window.count > 0) {
        window.unheard = this.encode(window);
        window.count = 0;
        await this.send(window, window.unheard);
      }
      for (const { resolve } of waiters) resolve();
    } catch (error) {
      for (const { reject } of waiters) reject(error);
    }
  }

  private async send(window: Window, event: EncodedEvent): Promise<void> {
    await this.options.log.append([event]);
    window.unheard = null;
  }

  private encode({ rejection, sourceHash, count, from, to }: Window): EncodedEvent {
    const { edgeId, ids, clock } = this.options;
    return encodeEvent({
      id: ids.uuidv7(),
      type: 'RequestRejected',
      version: 1,
      source: `/edge-gateway/${edgeId}`,
      occurredAt: clock.nowIso(),
      tenantId: rejection.tenantId ?? this.options.tenantId,
      key: `${edgeId}|${sourceHash}`,
      callId: null,
      chainId: null,
      subject: null,
      actor: null,
      causationId: null,
      traceparent: rejection.traceparent,
      edgeId: null,
      data: {
        code: rejection.code,
        sourceHash,
        edgeId,
        count,
        from,
        to,
        method: rejection.method.slice(0, 16),
        route: rejection.route.slice(0, 128),
        httpStatus: rejection.httpStatus,
      },
    });
  }
}
