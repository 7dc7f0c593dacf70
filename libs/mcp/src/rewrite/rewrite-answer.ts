import { AppError, isAppError, type Json } from '@sallyport/contracts';
import { JsonFault, parseBounded } from '../json/bounded-parse.js';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import type { AnswerLimits, RewriteOptions, RewrittenAnswer } from './rewrite-options.js';
import { type SseEvent, SseSplitter } from './sse-splitter.js';
import { TIMED_OUT, waiting, within } from './waiting.js';

/** A comment carries no event; its text is ours, so that a comment of the upstream is no way round the inspection. */
const COMMENT = Buffer.from(':\n\n');
/** An event id is opaque and comes back in `Last-Event-ID`; longer ones fit no header. */
const MAX_EVENT_ID_LENGTH = 1024;
const EVENT_TYPE = /^[\w.-]{1,64}$/;
/** After the final message the rest of the stream is read this long, so that the connection can be used again. */
const DRAIN_MS = 250;

const REACHED = { reached: 'yes' } as const;
const invalid = (reason: string, cause?: unknown): AppError => new AppError('upstream.answer-invalid', reason, { cause, detail: REACHED });
const tooLarge = (reason: string): AppError => new AppError('upstream.answer-too-large', reason, { detail: REACHED });
const failed = (reason: string, cause?: unknown): AppError => new AppError('upstream.failed', reason, { cause, detail: REACHED });

const mediaTypeOf = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase();

const parseMessage = (bytes: Uint8Array, limits: AnswerLimits): JsonObject => {
  let value: Json;
  try {
    value = parseBounded(bytes, limits);
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    if (fault.kind === 'too-deep' || fault.kind === 'too-many-members') throw tooLarge(fault.message);
    throw invalid(fault.message);
  }
  if (!isJsonObject(value) || value.jsonrpc !== '2.0') throw invalid('not a JSON-RPC message');
  return value;
};

type MessageKind = 'interim' | 'final';

/** What a message of the upstream is to the request it came for. Throws `upstream.answer-invalid` for an answer to another request. */
const kindOf = (message: JsonObject, requestId: RequestId | null): MessageKind => {
  if (message.method !== undefined) {
    if (typeof message.method !== 'string' || message.result !== undefined || message.error !== undefined)
      throw invalid('not a JSON-RPC message');
    return 'interim';
  }
  if ((message.result === undefined) === (message.error === undefined))
    throw invalid('a response with neither or both of result and error');
  // An upstream that could not read the request answers with no id (JSON-RPC 2.0, 5).
  const answersUnread = message.error !== undefined && (message.id === null || message.id === undefined);
  if (requestId !== null && message.id !== requestId && !answersUnread) throw invalid('an answer to another request');
  return 'final';
};

/** The next chunk of a body, or its end; errors of the transport arrive as `upstream.*`. */
const nextOf = (source: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> =>
  source.next().catch((cause: unknown) => {
    throw isAppError(cause) ? cause : failed('the answer broke off', cause);
  });

const abandon = (source: AsyncIterator<Uint8Array>): void => {
  // Closing a body that is being read waits for that read, so nobody waits here; what it says after the end concerns nobody.
  source.return?.().then(undefined, () => undefined);
};

const drain = (source: AsyncIterator<Uint8Array>): void => {
  const timer = setTimeout(() => abandon(source), DRAIN_MS);
  source
    .next()
    .then(
      (rest) => {
        if (rest.done !== true) abandon(source);
      },
      () => undefined,
    )
    .finally(() => clearTimeout(timer));
};

/** All of a body that is no stream. */
const readWhole = async ({ body, limits }: RewriteOptions): Promise<Uint8Array> => {
  const source = body[Symbol.asyncIterator]();
  const maxBytes = Math.min(limits.maxMessageBytes, limits.maxTotalBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  let complete = false;
  try {
    for (;;) {
      const next = await within(nextOf(source), limits.idleMs);
      if (next === TIMED_OUT) throw new AppError('upstream.timeout', 'the answer stalled', { detail: REACHED });
      if (next.done === true) break;
      size += next.value.length;
      if (size > maxBytes) throw tooLarge(`an answer of more than ${maxBytes} bytes`);
      chunks.push(next.value);
    }
    complete = true;
  } finally {
    if (!complete) abandon(source);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
};

async function* rewriteJson(options: RewriteOptions): AsyncGenerator<Uint8Array | string, void> {
  const { limits, requestId } = options;
  const bytes = await readWhole(options);
  if (bytes.length === 0) {
    if (requestId !== null) throw failed('an empty answer');
    return;
  }
  const type = mediaTypeOf(options.contentType);
  if (type !== 'application/json') throw invalid(`an answer of type ${type.slice(0, 64)}`);
  const message = parseMessage(bytes, limits);
  if (kindOf(message, requestId) === 'interim') throw invalid('a JSON answer that is no response');
  const released = await options.onFinal(message);
  yield released === message ? bytes : JSON.stringify(released);
}

/** Writes an event anew: what may pass of its lines, and the data as given (`null`: none). */
const eventText = (event: SseEvent, data: string | null): string => {
  let text = '';
  let dataWritten = data === null;
  for (const { field, value } of event.lines) {
    if (field === 'id' && !value.includes('\0')) {
      if (value.length > MAX_EVENT_ID_LENGTH) throw invalid('an event id that no header can carry');
      text += `id: ${value}\n`;
    } else if (field === 'retry' && /^\d{1,9}$/.test(value)) text += `retry: ${value}\n`;
    else if (field === 'event' && EVENT_TYPE.test(value)) text += `event: ${value}\n`;
    else if (field === '') text += ':\n';
    else if (field === 'data' && !dataWritten && data !== null) {
      text += data === '' ? 'data:\n' : `data: ${data.split('\n').join('\ndata: ')}\n`;
      dataWritten = true;
    }
  }
  return text === '' ? '' : `${text}\n`;
};

const lastIdOf = (event: SseEvent): string | null => event.lines.findLast(({ field }) => field === 'id')?.value ?? null;

/** One SSE answer on its way through. */
class SseRewrite {
  private readonly splitter: SseSplitter;
  private readonly source: AsyncIterator<Uint8Array>;
  private messages = 0;
  private bytes = 0;
  private lastEventId: string | null = null;
  private answered = false;

  constructor(private readonly options: RewriteOptions) {
    this.splitter = new SseSplitter(options.limits.maxMessageBytes);
    this.source = options.body[Symbol.asyncIterator]();
  }

  async *run(): AsyncGenerator<Uint8Array, void> {
    let ended = false;
    try {
      while (!this.answered) {
        const next = yield* this.whileWaiting(nextOf(this.source), this.options.limits.idleMs);
        if (next === TIMED_OUT) throw new AppError('upstream.timeout', 'the answer stalled', { detail: REACHED });
        if (next.done === true) {
          ended = true;
          await this.onEnd();
          return;
        }
        yield* this.pass(next.value);
      }
    } finally {
      if (this.answered && !ended) drain(this.source);
      else if (!ended) abandon(this.source);
    }
  }

  private whileWaiting<T>(promise: Promise<T>, atMostMs: number | null): AsyncGenerator<Uint8Array, T | typeof TIMED_OUT> {
    return waiting(promise, { comment: COMMENT, everyMs: this.options.keepAliveMs, atMostMs });
  }

  private async *pass(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
    this.bytes += chunk.length;
    if (this.bytes > this.options.limits.maxTotalBytes) throw tooLarge(`an answer of more than ${this.options.limits.maxTotalBytes} bytes`);
    for (const event of this.splitter.push(chunk)) {
      const text = yield* this.rewritten(event);
      if (text !== '') yield Buffer.from(text);
      this.lastEventId = lastIdOf(event) ?? this.lastEventId;
      if (this.answered) return;
    }
  }

  private async *rewritten(event: SseEvent): AsyncGenerator<Uint8Array, string> {
    if (event.data === null || event.data === '') return eventText(event, event.data);
    this.messages++;
    if (this.messages > this.options.limits.maxMessages) throw tooLarge(`more than ${this.options.limits.maxMessages} messages`);
    const message = parseMessage(Buffer.from(event.data), this.options.limits);
    const final = kindOf(message, this.options.requestId) === 'final';
    const work: Promise<JsonObject | null> = final ? this.options.onFinal(message) : this.options.onInterim(message);
    const released = yield* this.whileWaiting(work, null);
    if (released === TIMED_OUT) throw failed('a wait without a bound ended');
    if (final && this.options.requestId !== null) this.answered = true;
    if (released === null) return eventText(event, null);
    return eventText(event, released === message ? event.data : JSON.stringify(released));
  }

  private async onEnd(): Promise<void> {
    if (this.options.requestId === null) return;
    if (this.lastEventId === null || this.options.onDetached === undefined) throw failed('the answer ended without a response');
    await this.options.onDetached(this.lastEventId);
  }
}

/**
 * Passes an upstream's answer through inspection, message by message, in the upstream's order and at the client's pace. An answer that is
 * JSON stays JSON, one that streams stays a stream; event ids, `retry` and empty events are kept, comments lose their text. The response to
 * `requestId` leaves only after `onFinal` resolved, and is the last thing that leaves. The output does not depend on how the input is cut.
 *
 * The body throws `upstream.answer-invalid` (not JSON-RPC, or an answer to another request), `upstream.answer-too-large`,
 * `upstream.timeout` (silence), `upstream.failed` (it broke off, or ended without the response), or what a callback threw; the message in
 * hand is then withheld. A client that hangs up while the upstream is silent is noticed by aborting the exchange's signal.
 */
export const rewriteAnswer = (options: RewriteOptions): RewrittenAnswer =>
  mediaTypeOf(options.contentType) === 'text/event-stream'
    ? { contentType: 'text/event-stream', body: new SseRewrite(options).run() }
    : { contentType: 'application/json', body: rewriteJson(options) };
