import type { IncomingMessage } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { AppError, type ErrorCode, isAppError, toErrorBody } from '@sallyport/contracts';
import { ZodError } from 'zod';
import type { Logger } from '../logging/logger.js';
import { discardRest } from './discard-rest.js';
import { noteRefusal } from './refused-requests.js';
import type { TurnedAway } from './turned-away.js';

/** What the filter needs of a reply (Fastify's, or another server's behind Nest). */
export interface ErrorReply {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body: unknown): unknown;
  readonly sent?: boolean;
}

/** What the filter needs of a request: Fastify's. */
export interface ErrorRequest {
  readonly method: string;
  /** None is left where the client has gone already. */
  readonly ip: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly raw: IncomingMessage;
  readonly routeOptions?: { readonly url?: string | undefined };
}

export interface AppErrorFilterOptions {
  /** Finds the call a request became, for the body of the error. */
  readonly callIdOf?: (request: unknown) => string | null;
  /** Notes requests that are answered with a status of 400 to 499 before they are answered; nobody does when it is absent. */
  readonly turnedAway?: TurnedAway;
}

/** Statuses that Nest and Fastify give by themselves, before any of our code ran. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'request.invalid',
  404: 'request.not-found',
  405: 'request.method-not-allowed',
  406: 'request.not-acceptable',
  413: 'request.body-too-large',
  414: 'request.not-found',
  415: 'request.unsupported-media-type',
};

const PARSE_FAULTS = new Set(['FST_ERR_CTP_EMPTY_JSON_BODY', 'FST_ERR_CTP_INVALID_JSON_BODY']);

const fieldOf = (error: Error, name: string): unknown => Reflect.get(error, name);

/** The error of the registry that anything thrown amounts to. What is not known is `internal.error`. */
export const toAppError = (thrown: unknown): AppError => {
  if (isAppError(thrown)) return thrown;
  if (thrown instanceof ZodError) {
    const paths = thrown.issues.slice(0, 16).map(({ path }) => path.join('.'));
    return new AppError('request.invalid', 'the request does not fit its schema', { cause: thrown, detail: { paths } });
  }
  if (thrown instanceof Error) {
    if (PARSE_FAULTS.has(String(fieldOf(thrown, 'code'))))
      return new AppError('request.parse-error', 'the body is not JSON', { cause: thrown });
    const status: unknown = thrown instanceof HttpException ? thrown.getStatus() : fieldOf(thrown, 'statusCode');
    const code = typeof status === 'number' ? CODE_OF_STATUS[status] : undefined;
    if (code !== undefined) return new AppError(code, 'refused by the HTTP server', { cause: thrown });
  }
  return new AppError('internal.error', 'something was thrown that no code names', { cause: thrown });
};

/**
 * Answers every error of an HTTP handler with the body of the registry and its status: code, summary, public detail, page. Internal text,
 * causes and stacks go to the log alone, and only for errors that are our fault (status 500 and above).
 */
@Catch()
export class AppErrorFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly options: AppErrorFilterOptions = {},
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    void this.answer(toAppError(thrown), host.switchToHttp().getRequest<ErrorRequest>(), host.switchToHttp().getResponse<ErrorReply>());
  }

  /** Answers an error that no route of the application threw. */
  async answer(error: AppError, request: ErrorRequest, reply: ErrorReply): Promise<void> {
    const callId = this.options.callIdOf?.(request) ?? null;
    noteRefusal(request.raw);
    const told = await this.noted(error, request);
    const { http, retryable } = told.definition;
    if (http >= 500) this.logger.error({ err: told, ...(callId === null ? {} : { callId }) }, 'request failed');
    // The answer has begun; whoever streams it ends it.
    if (reply.sent === true) return;
    reply.status(http);
    reply.header('content-type', 'application/json; charset=utf-8');
    reply.header('cache-control', 'no-store');
    if (retryable && (http === 429 || http === 503)) reply.header('retry-after', '1');
    discardRest(request.raw);
    reply.send(toErrorBody(told, callId));
  }

  private async noted(error: AppError, { method, ip, headers, routeOptions }: ErrorRequest): Promise<AppError> {
    const { turnedAway } = this.options;
    if (turnedAway === undefined || error.definition.http >= 500) return error;
    const { traceparent } = headers;
    return await turnedAway.note(error, {
      method,
      route: routeOptions?.url ?? '*',
      source: ip ?? '-',
      traceparent: typeof traceparent === 'string' ? traceparent : null,
    });
  }
}
