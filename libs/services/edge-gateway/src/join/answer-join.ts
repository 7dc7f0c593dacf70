import { decodeEvent, type Envelope, eventTypeOf, isAppError, RECORD_HEADERS } from '@sallyport/contracts';
import type { EventLog, RecordBatch, Subscription } from '@sallyport/log';

/** What came for a call: a decision, or an answer nobody here can read (another version, an obligation we do not know). */
export type JoinedAnswer = { readonly type: 'decided'; readonly event: Envelope<'PolicyDecided'> } | { readonly type: 'unreadable' };

/** What a call waits for; open it before the question is appended, close it when the call ended. */
export interface Waiting {
  /**
   * Resolves with the first decision of that evaluation, also when it came before anybody asked; with `null` when `timeoutMs` passed or
   * `signal` was aborted. Never rejects.
   */
  decision(evaluation: number, timeoutMs: number, signal: AbortSignal): Promise<JoinedAnswer | null>;
  close(): void;
}

interface Slot {
  readonly decisions: Map<number, JoinedAnswer>;
  isUnreadable: boolean;
  wake: (() => void) | null;
}

const TOPICS = ['policy.events.v1'] as const;

/**
 * Joins the answers of the other services to the calls of this instance, in whichever order they come. Reads ephemerally under the instance's
 * own stable name, from the end of the log at readiness; drops other instances' answers by their `edge-id` header, before any parsing.
 */
export class AnswerJoin {
  private readonly slots = new Map<string, Slot>();
  private subscription: Subscription | null = null;

  constructor(
    private readonly log: EventLog,
    private readonly edgeId: string,
  ) {}

  /** Resolves when every answer appended from now on will be seen: until then the gateway is not ready. Throws `log.unavailable`. */
  async start(): Promise<void> {
    this.subscription = await this.log.subscribe({
      group: `edge-gateway-join-${this.edgeId}`,
      topics: TOPICS,
      from: 'latest',
      positions: 'ephemeral',
      accept: (headers) => headers[RECORD_HEADERS.edgeId] === this.edgeId,
      handle: (batch) => {
        this.take(batch);
        return Promise.resolve();
      },
    });
    await this.subscription.ready;
  }

  open(callId: string): Waiting {
    const slot: Slot = { decisions: new Map(), isUnreadable: false, wake: null };
    this.slots.set(callId, slot);
    return {
      decision: (evaluation, timeoutMs, signal) => waitFor(slot, evaluation, timeoutMs, signal),
      close: () => {
        this.slots.delete(callId);
      },
    };
  }

  /** Takes a batch of answers. What is for nobody here (late, or repeated) is dropped. */
  take(batch: Pick<RecordBatch, 'records'>): void {
    for (const record of batch.records) {
      const callId = record.headers.ce_subject;
      const slot = callId === undefined ? undefined : this.slots.get(callId);
      if (slot === undefined || eventTypeOf(record.headers) !== 'PolicyDecided') continue;
      this.offer(slot, record);
      slot.wake?.();
    }
  }

  async close(): Promise<void> {
    await this.subscription?.close();
    for (const slot of this.slots.values()) slot.wake?.();
  }

  private offer(slot: Slot, record: { readonly headers: Readonly<Record<string, string>>; readonly value: string }): void {
    try {
      const event = decodeEvent(record);
      if (event.type !== 'PolicyDecided' || slot.decisions.has(event.data.evaluation)) return;
      slot.decisions.set(event.data.evaluation, { type: 'decided', event });
    } catch (error) {
      if (!isAppError(error)) throw error;
      slot.isUnreadable = true;
    }
  }
}

const waitFor = (slot: Slot, evaluation: number, timeoutMs: number, signal: AbortSignal): Promise<JoinedAnswer | null> => {
  const present = (): JoinedAnswer | null => slot.decisions.get(evaluation) ?? (slot.isUnreadable ? { type: 'unreadable' } : null);
  const already = present();
  if (already !== null || signal.aborted || timeoutMs <= 0) return Promise.resolve(already);
  return new Promise((resolve) => {
    const end = (answer: JoinedAnswer | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', hangUp);
      slot.wake = null;
      resolve(answer);
    };
    const hangUp = (): void => end(null);
    const timer = setTimeout(() => end(null), timeoutMs);
    signal.addEventListener('abort', hangUp, { once: true });
    slot.wake = () => {
      const answer = present();
      if (answer !== null) end(answer);
    };
  });
};
