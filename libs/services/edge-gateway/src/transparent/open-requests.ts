import type { RequestId } from '@sallyport/mcp';

/**
 * The requests a session has open here, so that a `notifications/cancelled` ends them: a client of the session revisions keeps its connection when
 * it cancels. Ids are a session's own; without a session nothing tells two clients of one principal apart, and nothing is cancelled.
 */
export class OpenRequests {
  private readonly open = new Map<string, AbortController>();

  /** From now on a cancellation of the request hangs up for its client. Answers what to call when it has ended. */
  enter(session: string, id: RequestId, hangUp: AbortController): () => void {
    const key = keyOf(session, id);
    this.open.set(key, hangUp);
    return () => {
      if (this.open.get(key) === hangUp) this.open.delete(key);
    };
  }

  cancel(session: string, id: RequestId): void {
    this.open.get(keyOf(session, id))?.abort();
  }
}

const keyOf = (session: string, id: RequestId): string => `${typeof id}:${id}:${session}`;
