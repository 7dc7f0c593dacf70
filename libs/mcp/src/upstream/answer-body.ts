import { AppError, isAppError } from '@sallyport/contracts';
import type { Dispatcher } from 'undici';

/** When so much waits for its reader, the connection is not read on. */
const WAITING_BYTES_MAX = 64 * 1024;

const OVER = { done: true, value: undefined } as const;

const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

type Next = IteratorResult<Uint8Array, undefined>;

interface Reader {
  readonly resolve: (next: Next) => void;
  readonly reject: (fault: AppError) => void;
}

/**
 * An answer's body as its connection brings it, for one reader. Its faults are errors of the registry: `upstream.timeout` (silence), `call.cancelled`
 * (our side gave up), `upstream.failed` (anything else); what waits to be read is dropped then. Returning it closes the connection at once, also
 * while a read is waiting. No stream of Node's: one costs more than all that is done with a small answer.
 */
export class AnswerBody implements AsyncIterableIterator<Uint8Array> {
  private readonly chunks: Uint8Array[] = [];
  private waitingBytes = 0;
  private reader: Reader | null = null;
  private fault: AppError | null = null;
  private isComplete = false;
  private isOver = false;

  constructor(
    private readonly connection: Dispatcher.DispatchController,
    private readonly signal: AbortSignal,
    private readonly onOver: () => void,
  ) {}

  /** Takes what came. */
  push(chunk: Uint8Array): void {
    if (this.isOver) return;
    if (this.reader !== null) {
      this.reader.resolve({ done: false, value: chunk });
      this.reader = null;
      return;
    }
    this.chunks.push(chunk);
    this.waitingBytes += chunk.length;
    if (this.waitingBytes >= WAITING_BYTES_MAX) this.connection.pause();
  }

  /** Everything has come. */
  complete(): void {
    this.isComplete = true;
    if (this.reader === null) return;
    this.reader.resolve(OVER);
    this.leave();
  }

  /** Nothing more will come. */
  fail(cause: unknown): void {
    if (this.isOver) return;
    this.fault = this.faultOf(cause);
    this.reader?.reject(this.fault);
    this.leave();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    const chunk = this.chunks.shift();
    if (chunk !== undefined) {
      this.waitingBytes -= chunk.length;
      if (this.chunks.length === 0) this.connection.resume();
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.fault !== null) return Promise.reject(this.fault);
    if (this.isComplete) this.leave();
    if (this.isOver) return Promise.resolve(OVER);
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject };
    });
  }

  return(): Promise<Next> {
    this.close();
    return Promise.resolve(OVER);
  }

  /** Closes the connection, unless everything has come. */
  close(): void {
    if (this.isOver) return;
    const cause = new Error('nobody reads on');
    this.reader?.reject(this.faultOf(cause));
    this.leave();
    this.connection.abort(cause);
  }

  private leave(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.reader = null;
    this.chunks.length = 0;
    this.onOver();
  }

  private faultOf(cause: unknown): AppError {
    if (isAppError(cause)) return cause;
    const detail = { reached: 'yes' } as const;
    if (this.signal.aborted) return new AppError('call.cancelled', 'the exchange was given up during its answer', { cause, detail });
    if (codeOf(cause) === 'UND_ERR_BODY_TIMEOUT') return new AppError('upstream.timeout', 'the answer stalled', { cause, detail });
    return new AppError('upstream.failed', 'the answer broke off', { cause, detail });
  }
}
