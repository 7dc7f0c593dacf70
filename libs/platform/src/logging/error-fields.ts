import { isAppError } from '@sallyport/contracts';

/** What a log line says of an error. */
export interface ErrorFields {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack?: readonly string[];
  readonly cause?: ErrorFields;
}

const CAUSES_MAX = 4;

/** Errors whose texts quote the data they are about: a parser's, a database's, a schema's. */
const quotesData = (error: Error): boolean => error instanceof SyntaxError || 'severity' in error || 'issues' in error;

/**
 * An error as fields of a log line: kind, code, where, and why. The message is kept of errors that we or the platform wrote, and left out
 * of those that quote data (JSON.parse, PostgreSQL, zod); nothing else that hangs on an error is taken, as drivers hang rows there.
 */
export const errorFields = (error: unknown, depth = 0): ErrorFields => {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = isAppError(error) ? error.code : 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(quotesData(error) ? {} : { message: error.message }),
    stack: stackOf(error),
    ...(error.cause === undefined || depth === CAUSES_MAX ? {} : { cause: errorFields(error.cause, depth + 1) }),
  };
};

/** The places alone: the first lines of a stack repeat the message. */
const stackOf = (error: Error): readonly string[] =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .map((line) => line.trim());
