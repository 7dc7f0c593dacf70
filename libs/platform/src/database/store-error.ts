import { AppError } from '@sallyport/contracts';

/** Node's codes for a connection that cannot be made or has gone. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  // A Unix socket whose server has more connections waiting than it keeps.
  'EAGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/**
 * SQLSTATE classes and codes (PostgreSQL 18, appendix A) that say "not now" and nothing of the statement: connection, authorization,
 * resources, operator intervention (shutdown, cancelled by a timeout), system faults, a server that only reads.
 */
const UNAVAILABLE_STATES = /^(08...|28...|53...|57...|58...|25006|25P03|XX00[12])$/;

/** What the driver says without a code. */
const CONNECTION_TEXTS =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|The server does not support SSL|Query read timeout|Cannot use a pool after calling end|Client was closed)/i;

const codeOf = (error: Error): string | undefined => ('code' in error && typeof error.code === 'string' ? error.code : undefined);

/** Whether an error means that PostgreSQL does not answer, as against that it refused a statement. */
export const isConnectionFault = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  if (code !== undefined && (CONNECTION_CODES.has(code) || UNAVAILABLE_STATES.test(code))) return true;
  if (error instanceof AggregateError) return error.errors.some(isConnectionFault);
  return CONNECTION_TEXTS.test(error.message);
};

/** The error to rethrow: `store.unavailable` round a connection fault, anything else untouched. */
export const toStoreError = (error: unknown, doing: string): unknown =>
  isConnectionFault(error) ? new AppError('store.unavailable', `PostgreSQL does not answer (${doing})`, { cause: error }) : error;
