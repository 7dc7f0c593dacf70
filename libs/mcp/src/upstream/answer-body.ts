import type { Readable } from 'node:stream';
import { AppError, isAppError } from '@sallyport/contracts';

const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

/**
 * An answer's body whose faults are errors of the registry: `upstream.timeout` (silence), `call.cancelled` (our side gave up),
 * `upstream.failed` (anything else). Returning it closes the connection at once, also while a read is waiting.
 */
export class AnswerBody implements AsyncIterableIterator<Uint8Array> {
  private readonly chunks: AsyncIterator<Uint8Array>;

  constructor(
    private readonly stream: Readable,
    private readonly signal: AbortSignal,
    onEnd: () => void,
  ) {
    // A body that nobody reads any more still reports its end; without a listener that would end the process.
    stream.on('error', () => undefined);
    stream.once('close', onEnd);
    this.chunks = stream[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const next = await this.chunks.next();
      return next.done === true ? { done: true, value: undefined } : { done: false, value: next.value };
    } catch (cause) {
      if (isAppError(cause)) throw cause;
      const detail = { reached: 'yes' } as const;
      if (this.signal.aborted) throw new AppError('call.cancelled', 'the exchange was given up during its answer', { cause, detail });
      if (codeOf(cause) === 'UND_ERR_BODY_TIMEOUT') throw new AppError('upstream.timeout', 'the answer stalled', { cause, detail });
      throw new AppError('upstream.failed', 'the answer broke off', { cause, detail });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.stream.destroy();
    return { done: true, value: undefined };
  }
}
