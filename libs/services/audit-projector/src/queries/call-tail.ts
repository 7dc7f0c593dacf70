import { AppError, type CallRecord } from '@sallyport/contracts';
import { type CallState, storedCallState, toCallRecord } from '@sallyport/domain';
import type { Listening } from '@sallyport/platform';
import { Observable } from 'rxjs';
import type { AuditProjectorPorts } from '../audit-projector.ports.js';
import { ENDED_CALLS_CHANNEL } from '../calls/released-calls.js';
import { acrossTenants, asTenant } from '../tenant-scope.js';
import { type CallFilter, callConditions, seeWords, WITH_WORDS } from './call-queries.js';

/** A call that ended, with the cursor to continue after it; without a call, a sign of life that moves the cursor on. */
export interface TailStep {
  readonly cursor: string;
  readonly record: CallRecord | null;
}

const PAGE = 200;
/** Each holds a connection and reads whenever something ends. */
const TAILS_PER_TENANT = 32;
/** How often to look for what no notification told of. */
const LOOK_MS = 5_000;
/** Proxies close a stream that is silent for a minute or so. */
const SILENCE_MS = 15_000;

/** Follows calls as they end, for any number of readers over one listening connection. */
export class CallTail {
  private readonly readers = new Set<() => void>();
  private readonly openByTenant = new Map<string, number>();
  private listening: Promise<Listening> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly ports: AuditProjectorPorts) {}

  /**
   * Calls of a tenant as they end, in the order they were recorded as ended; from `cursor` on, else from now. A call settled later comes a
   * second time. Begins with a sign of life, and gives one when nothing ended for a while. Completes when the tail closes; errors with `store.unavailable`, after which the reader continues from its last cursor.
   * Throws `request.too-many-streams` when the tenant has as many open as it may.
   */
  follow(tenantId: string, filter: CallFilter, cursor: string | null): Observable<TailStep> {
    const { clock } = this.ports;
    if ((this.openByTenant.get(tenantId) ?? 0) >= (this.ports.tailsPerTenant ?? TAILS_PER_TENANT)) {
      throw new AppError('request.too-many-streams', `${tenantId} follows the record too many times`);
    }
    return new Observable<TailStep>((reader) => {
      let open = true;
      let wake: () => void = () => {};
      const woken = (): Promise<void> =>
        new Promise((resolve) => {
          wake = resolve;
        });
      const onNews = (): void => wake();
      const run = async (): Promise<void> => {
        let after = cursor ?? (await this.end());
        let saidAtMs = clock.monotonicMs();
        reader.next({ cursor: after, record: null });
        while (open && !this.closed) {
          // Asked for before reading, so that news in the meantime is not missed.
          const news = woken();
          const page = await this.read(tenantId, filter, after);
          after = page.after;
          const silent = page.calls.length === 0 && clock.monotonicMs() - saidAtMs >= SILENCE_MS;
          for (const step of silent ? [{ cursor: after, record: null }] : page.calls) {
            reader.next(step);
            saidAtMs = clock.monotonicMs();
          }
          if (!page.full && open && !this.closed) await news;
        }
        reader.complete();
      };
      this.readers.add(onNews);
      this.openByTenant.set(tenantId, (this.openByTenant.get(tenantId) ?? 0) + 1);
      this.listen()
        .then(run)
        .catch((error: unknown) => {
          this.ports.onFault?.({ doing: 'tail', error });
          reader.error(error);
        });
      return () => {
        open = false;
        this.readers.delete(onNews);
        const left = (this.openByTenant.get(tenantId) ?? 1) - 1;
        if (left > 0) this.openByTenant.set(tenantId, left);
        else this.openByTenant.delete(tenantId);
        wake();
      };
    });
  }

  /** Ends every reader's stream and the listening connection. */
  async close(): Promise<void> {
    this.closed = true;
    for (const reader of this.readers) reader();
    clearInterval(this.timer);
    const listening = await this.listening?.catch(() => undefined);
    await listening?.close();
  }

  private async listen(): Promise<void> {
    const wakeAll = (): void => {
      for (const reader of this.readers) reader();
    };
    this.listening ??= this.ports.database.listen({ channel: ENDED_CALLS_CHANNEL, onNotification: wakeAll, onGap: wakeAll });
    try {
      await this.listening;
    } catch (error) {
      this.listening = undefined;
      throw error;
    }
    if (this.timer === undefined) {
      this.timer = setInterval(wakeAll, LOOK_MS);
      this.timer.unref();
    }
  }

  /** The end of the tail over all tenants: it tells a reader where to begin and nothing of what lies before. */
  private end(): Promise<string> {
    return acrossTenants(this.ports.database, async (tx) => {
      const { rows } = await tx.query<{ number: string }>('SELECT coalesce(max(number), 0) AS number FROM ended_call');
      return rows[0]?.number ?? '0';
    });
  }

  private read(
    tenantId: string,
    filter: CallFilter,
    after: string,
  ): Promise<{ readonly calls: readonly TailStep[]; readonly after: string; readonly full: boolean }> {
    return asTenant(this.ports.database, tenantId, async (tx) => {
      // Up to here everything is looked at, whether the filter lets it through or not.
      const newest = await tx.query<{ number: string }>('SELECT coalesce(max(number), $2) AS number FROM ended_call WHERE tenant_id = $1', [
        tenantId,
        after,
      ]);
      const until = newest.rows[0]?.number ?? after;
      const isSearch = await seeWords(tx, tenantId, filter);
      const conditions = callConditions(tenantId, filter);
      conditions.add('e.tenant_id = ? AND e.number > ? AND e.number <= ?', tenantId, after, until);
      const { rows } = await tx.query<{ number: string; state: CallState }>(
        `SELECT e.number, c.state FROM ended_call e JOIN call_record c ON c.tenant_id = e.tenant_id AND c.call_id = e.call_id
         ${isSearch ? WITH_WORDS : ''} WHERE ${conditions} ORDER BY e.number LIMIT ${PAGE}`,
        conditions.values,
      );
      const calls = rows.flatMap(({ number, state }) => {
        const record = toCallRecord(storedCallState(state));
        return record === null ? [] : [{ cursor: number, record }];
      });
      const full = rows.length === PAGE;
      return { calls, after: full ? (rows.at(-1)?.number ?? after) : until, full };
    });
  }
}
