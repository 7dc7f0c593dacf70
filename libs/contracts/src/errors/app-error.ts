import { ERRORS, type ErrorCode, type ErrorDefinition } from './registry.js';

/** What an error may say to a stranger beside its summary. */
export interface PublicDetail {
  /** Machine-readable facts, without content or addresses. */
  readonly [name: string]: string | number | boolean | readonly string[] | null;
}

/**
 * The one error of the product. `code` and the registry's summary are public; the message is internal and goes to the log alone.
 * `instanceof` does not survive a process boundary: compare `code`.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: PublicDetail;

  constructor(code: ErrorCode, internal: string, options: { cause?: unknown; detail?: PublicDetail } = {}) {
    super(internal, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = options.detail ?? {};
  }

  get definition(): ErrorDefinition {
    return ERRORS[this.code];
  }
}

/** Whether something thrown is an error of the registry with one of these codes (any code when none is named). */
export const isAppError = (error: unknown, ...codes: readonly ErrorCode[]): error is AppError =>
  error instanceof AppError && (codes.length === 0 || codes.includes(error.code));

/** Where the page of a code is. */
export const docsUrlOf = (code: ErrorCode): string => `https://sallyport.io/docs/errors/${code}`;

/** The body of every HTTP error. Never internal text, never a stack. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly summary: string;
  readonly detail: PublicDetail;
  readonly callId: string | null;
  readonly retryable: boolean;
  readonly docs: string;
}

/** What a stranger is told of an error. */
export const toErrorBody = (error: AppError, callId: string | null = null): ErrorBody => ({
  code: error.code,
  summary: error.definition.summary,
  detail: error.detail,
  callId,
  retryable: error.definition.retryable,
  docs: docsUrlOf(error.code),
});
