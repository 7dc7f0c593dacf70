import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { errorFields } from './error-fields.js';
import { prettyDestination } from './pretty-destination.js';

/**
 * Structured log of one service. Success is silent: a line says that somebody should know. Put `traceId` and `callId` on every line that
 * has to do with a call (`logger.child({ traceId, callId })`), and errors under `err`.
 */
export type Logger = PinoLogger;

export interface LoggerOptions {
  /** Default: SALLYPORT_LOG_LEVEL, else `info`. */
  readonly level?: string;
  /** One short line for people instead of JSON; for `npm start` on a terminal. */
  readonly pretty?: boolean;
  /** Where lines go; default standard output. */
  readonly destination?: DestinationStream;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Names under which secrets and people's data travel, whatever the case. */
const SENSITIVE = [
  'authorization',
  'Authorization',
  'proxy-authorization',
  'cookie',
  'Cookie',
  'set-cookie',
  'token',
  'accessToken',
  'access_token',
  'refreshToken',
  'secret',
  'clientSecret',
  'client_secret',
  'password',
  'apiKey',
  'privateKey',
  'params',
  'arguments',
  'args',
  'result',
  'body',
  'payload',
  'plaintext',
];
/** The redaction reaches three levels down; nothing deeper is to be logged at all. */
const PATHS = SENSITIVE.flatMap((name) =>
  ['', '*.', '*.*.'].map((prefix) => (name.includes('-') ? `${prefix.replace(/\.$/, '')}["${name}"]` : `${prefix}${name}`)),
);

/** Makes the logger of a service: JSON lines with time (RFC 3339), level, service and message; sensitive fields read `[redacted]`. */
export const createLogger = (service: string, options: LoggerOptions = {}): Logger => {
  const env = options.env ?? process.env;
  const wanted = options.level ?? env.SALLYPORT_LOG_LEVEL ?? 'info';
  const stream = options.destination ?? destination({ fd: 1, sync: true });
  return pino(
    {
      level: LEVELS.includes(wanted) ? wanted : 'info',
      base: { service },
      timestamp: stdTimeFunctions.isoTime,
      messageKey: 'message',
      errorKey: 'err',
      formatters: { level: (level) => ({ level }) },
      serializers: { err: errorFields, error: errorFields, cause: errorFields },
      redact: { paths: PATHS, censor: '[redacted]' },
    },
    options.pretty === true ? prettyDestination(stream) : stream,
  );
};
