import { AppError, isAppError } from '@sallyport/contracts';
import { JsonFault, parseBounded } from '../json/bounded-parse.js';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import { rewriteAnswer } from '../rewrite/rewrite-answer.js';
import type { AnswerLimits } from '../rewrite/rewrite-options.js';
import type { UpstreamHttp } from './upstream-http.js';
import type { UpstreamAnswer } from './upstream-route.js';

/** An error answer is a few lines; what is longer is not read. */
const MAX_ERROR_BYTES = 64 * 1024;

export interface PostedMessage {
  readonly message: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly token: string | null;
  readonly signal: AbortSignal;
  readonly limits: AnswerLimits;
  /** As `UpstreamExchange.isCleared`. */
  readonly isCleared?: () => boolean;
  onInterim?(message: JsonObject): void;
}

/** What came back for one message: the response, or `null` where the body held none. */
export interface PostedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly response: JsonObject | null;
}

const idOf = (message: JsonObject): RequestId | null =>
  message.method !== undefined && (typeof message.id === 'string' || typeof message.id === 'number') ? message.id : null;

/** The JSON-RPC error in the body of an HTTP error, if there is one. */
const readError = async (answer: UpstreamAnswer, limits: AnswerLimits): Promise<JsonObject | null> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > MAX_ERROR_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    const value = parseBounded(Buffer.concat(chunks), limits);
    return isJsonObject(value) && isJsonObject(value.error) ? value : null;
  } catch (fault) {
    if (fault instanceof JsonFault) return null;
    throw fault;
  }
};

/**
 * Posts one JSON-RPC message to an upstream and reads the whole answer, JSON or SSE. Throws as `UpstreamHttp.exchange` and `rewriteAnswer` do;
 * an HTTP error is returned with the JSON-RPC error of its body, if any.
 */
export const postMessage = async (http: UpstreamHttp, posted: PostedMessage): Promise<PostedAnswer> => {
  const answer = await http.exchange({
    method: 'POST',
    headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json', ...posted.headers },
    body: JSON.stringify(posted.message),
    token: posted.token,
    signal: posted.signal,
    ...(posted.isCleared === undefined ? {} : { isCleared: posted.isCleared }),
  });
  const { status, headers } = answer;
  if (status >= 400) return { status, headers, response: await readError(answer, posted.limits) };
  let response: JsonObject | null = null;
  const requestId = idOf(posted.message);
  const rewritten = rewriteAnswer({
    status,
    contentType: headers['content-type'] ?? '',
    body: answer.body,
    limits: posted.limits,
    requestId,
    onInterim: async (message) => {
      posted.onInterim?.(message);
      return null;
    },
    onFinal: async (message) => {
      response = message;
      return message;
    },
    keepAliveMs: posted.limits.idleMs,
  });
  for await (const _ of rewritten.body) if (response !== null) break;
  return { status, headers, response };
};

/** What an HTTP error without a usable JSON-RPC answer means for the call. */
export const refusedBy = (server: string, status: number): AppError =>
  status >= 500
    ? new AppError('upstream.failed', `${server} answered ${status}`, { detail: { reached: 'yes', status } })
    : new AppError('upstream.answer-invalid', `${server} answered ${status}`, {
        // Whom it does not let in it did nothing for.
        detail: { reached: 'yes', status, ...(status === 401 || status === 403 ? { refused: true } : {}) },
      });

/** Runs something whose failure concerns nobody: a notice to an upstream that may be gone. Errors that are not of the registry still surface. */
export const quietly = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!isAppError(error)) throw error;
  }
};
