import { AppError } from '@sallyport/contracts';
import type { Dispatcher } from 'undici';
import { AnswerBody } from './answer-body.js';
import type { UpstreamExchange } from './upstream-route.js';

/** The head of an answer, and its body as it comes. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AnswerBody;
}

const always = (): boolean => true;

/** One request on its way: what undici tells of it, and whether it was given up. One object per exchange. */
export class UpstreamAttempt implements Dispatcher.DispatchHandler {
  /** Set when the request is about to be written to a connection: from then on the upstream may have got something. */
  sent = false;
  timedOut = false;
  private readonly signal: AbortSignal;
  private readonly isCleared: () => boolean;
  private connection: Dispatcher.DispatchController | null = null;
  private body: AnswerBody | null = null;
  private givenUp: Error | null = null;
  private resolve: (answered: Answered) => void = () => {};
  private reject: (error: Error) => void = () => {};

  constructor({ signal, isCleared = always }: UpstreamExchange) {
    this.signal = signal;
    this.isCleared = isCleared;
    if (signal.aborted) this.giveUp();
    else signal.addEventListener('abort', this.giveUp, { once: true });
  }

  /** Sends the request once and resolves with the head of its answer; rejects with whatever undici says. */
  dispatch(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions): Promise<Answered> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      dispatcher.dispatch(options, this);
    });
  }

  /** The answer does not come in time. */
  readonly timeOut = (): void => {
    this.timedOut = true;
    this.giveUp();
  };

  /** Hears of no hang-up any more. */
  readonly release = (): void => this.signal.removeEventListener('abort', this.giveUp);

  onRequestStart(connection: Dispatcher.DispatchController): void {
    if (!this.isCleared()) {
      connection.abort(
        new AppError('policy.unavailable', 'the decision grew too old before the request could be written', { detail: { reached: 'no' } }),
      );
      return;
    }
    if (this.givenUp !== null) {
      connection.abort(this.givenUp);
      return;
    }
    this.sent = true;
    this.connection = connection;
  }

  onResponseStart(connection: Dispatcher.DispatchController, status: number, headers: Answered['headers']): void {
    if (status < 200) return;
    this.body = new AnswerBody(connection, this.signal, this.release);
    this.resolve({ status, headers, body: this.body });
  }

  onResponseData(_connection: Dispatcher.DispatchController, chunk: Buffer): void {
    this.body?.push(chunk);
  }

  onResponseEnd(): void {
    this.body?.complete();
  }

  onResponseError(_connection: Dispatcher.DispatchController, error: Error): void {
    if (this.body === null) this.reject(error);
    else this.body.fail(error);
  }

  private readonly giveUp = (): void => {
    const reason = new Error('given up');
    this.givenUp = reason;
    // A body that is there in full is given up like any other: nobody waits for it.
    this.body?.fail(reason);
    this.connection?.abort(reason);
  };
}
