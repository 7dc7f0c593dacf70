import type { JsonObject, RequestId } from '@sallyport/mcp';

/** Records the answer of a call whose stream ended early, and says what may be released of it. */
type Settle = (message: JsonObject) => Promise<JsonObject>;

interface Waiting {
  readonly settle: Settle;
  readonly end: (settled: Promise<boolean>) => void;
}

/**
 * Calls whose server ended the stream on purpose, to give the answer on a GET stream of the same session (2025-11-25, SSE polling). The call stays
 * open until that answer comes by, which is then recorded as its own; each instance knows those it dispatched.
 */
export class DetachedAnswers {
  private readonly waiting = new Map<string, Waiting>();

  /** `true` when the answer came by on another stream and is recorded; `false` when none came before `patience` was over. Rejects as recording did. */
  async wait(session: string, id: RequestId, settle: Settle, patience: AbortSignal): Promise<boolean> {
    const key = keyOf(session, id);
    try {
      return await new Promise<boolean>((end) => {
        this.waiting.set(key, { settle, end });
        if (patience.aborted) end(false);
        patience.addEventListener('abort', () => end(false), { once: true });
      });
    } finally {
      this.waiting.delete(key);
    }
  }

  /** Records an answer that came by on a GET stream as that of its call; `null` when no call waits for it here. */
  async take(session: string, message: JsonObject): Promise<JsonObject | null> {
    const { id } = message;
    if (typeof id !== 'string' && typeof id !== 'number') return null;
    const key = keyOf(session, id);
    const waiting = this.waiting.get(key);
    if (waiting === undefined) return null;
    this.waiting.delete(key);
    const released = waiting.settle(message);
    waiting.end(released.then(() => true));
    return released;
  }
}

const keyOf = (session: string, id: RequestId): string => `${typeof id}:${id}:${session}`;
