import type { JsonObject, RequestId } from '../json/json-types.js';

/** Bounds of one answer. */
export interface AnswerLimits {
  /** Size of one message (a JSON body, or the fields of one SSE event). */
  readonly maxMessageBytes: number;
  readonly maxMessages: number;
  /** Size of the whole answer. */
  readonly maxTotalBytes: number;
  /** Longest silence of the upstream between two chunks. */
  readonly idleMs: number;
  readonly maxDepth: number;
  readonly maxMembers: number;
}

export interface RewriteOptions {
  readonly status: number;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly limits: AnswerLimits;
  /** Id of the request this answers; `null` for a notification, a response or a GET stream, which need no final message. */
  readonly requestId: RequestId | null;
  /**
   * Called for each notification and server request, in order. What it returns is sent at once; `null` drops the message.
   * Returning the same object sends the upstream's own text.
   */
  onInterim(message: JsonObject): Promise<JsonObject | null>;
  /**
   * Called once with the response to `requestId` (or, on a GET stream, with each response the upstream replays there); the message leaves
   * only after the promise resolved.
   */
  onFinal(message: JsonObject): Promise<JsonObject>;
  /**
   * Called when a legacy upstream ends the stream on purpose after it gave an event id, to be resumed by GET (2025-11-25, SSE polling).
   * Without it such an end is `upstream.failed`.
   */
  onDetached?(lastEventId: string): Promise<void>;
  /** An SSE comment is sent after this much silence towards the client. */
  readonly keepAliveMs: number;
}

export interface RewrittenAnswer {
  readonly contentType: string;
  /** Pull it to the end or return it: an abandoned body closes the upstream's. Throws `upstream.*` errors. An answer that is JSON comes in one piece. */
  readonly body: AsyncIterable<Uint8Array | string>;
}
