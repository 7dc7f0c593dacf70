import { AppError, HTTP_HEADERS, isAppError, type Principal, toErrorBody } from '@sallyport/contracts';
import { type JsonObject, rpcError, WireError } from '@sallyport/mcp';
import { type Authenticator, type Clock, discardRest, type Logger, noteRefusal, type Telemetry } from '@sallyport/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { challengeFor, metadataUrlOf } from '../authentication/challenge.js';
import type { EdgeSettings } from '../edge-settings.js';
import type { RejectionRecorder } from '../rejections/rejection-recorder.js';
import type { RequestGuard } from './request-guard.js';

/** Where a request came in. */
export interface Entrance {
  /** Pattern of the route, for the record. */
  readonly route: string;
  /** Identifier of the resource (RFC 8707) that the token must be for. */
  readonly resource: string;
  /** How a rejection is worded. */
  readonly speaks: 'mcp' | 'rest';
}

/** A request whose sender is known. */
export interface Admitted {
  readonly principal: Principal;
  readonly entrance: Entrance;
  /** Monotonic, at the first byte. */
  readonly receivedAtMs: number;
  /** Aborted when the client hangs up before the answer is complete, and by whoever cancels for it. */
  readonly hangUp: AbortController;
}

export interface DoorDependencies {
  readonly settings: EdgeSettings;
  readonly guard: RequestGuard;
  readonly authenticator: Authenticator;
  readonly rejections: RejectionRecorder;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The outer door: lets nobody in whose Host, Origin or token is wrong, and puts everybody it turns away on record before it answers.
 * What is behind it throws for a request without form; those are turned away in the same way.
 */
export class Door {
  private draining = false;

  constructor(private readonly dependencies: DoorDependencies) {}

  /** Runs `work` for an admitted request. Never rejects; when it resolves the reply is sent or taken over. */
  async open(request: FastifyRequest, reply: FastifyReply, entrance: Entrance, work: (admitted: Admitted) => Promise<void>): Promise<void> {
    const { guard, authenticator, clock } = this.dependencies;
    const receivedAtMs = clock.monotonicMs();
    let principal: Principal | null = null;
    try {
      if (this.draining) reply.header('connection', 'close');
      guard.check(request.raw);
      const { origin } = request.headers;
      if (origin !== undefined) reply.headers(guard.corsHeaders(origin));
      if (request.method === 'OPTIONS' && origin !== undefined) {
        reply.code(204).send();
        return;
      }
      principal = await authenticator.authenticate(request.headers, entrance.resource);
      await work({ principal, entrance, receivedAtMs, hangUp: hangUpOf(reply) });
    } catch (error) {
      await this.reject(request, reply, entrance, toAppError(error), principal);
    }
  }

  /** Puts a rejection on record and answers it; `503 log.unavailable` where it cannot be recorded. */
  async reject(
    request: FastifyRequest,
    reply: FastifyReply,
    entrance: Entrance,
    error: AppError,
    principal: Principal | null = null,
  ): Promise<void> {
    const { rejections, telemetry, logger } = this.dependencies;
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    noteRefusal(request.raw);
    const span = telemetry.startSpan(`${request.method} ${entrance.route}`, {
      kind: 'server',
      parentTraceparent: single(request.headers.traceparent),
    });
    let told = error;
    try {
      await rejections.record({
        code: error.code,
        // None is left where the client has gone already.
        source: request.ip ?? '-',
        tenantId: principal?.tenantId ?? null,
        method: request.method,
        route: entrance.route,
        httpStatus: error.definition.http,
        traceparent: span.traceparent,
      });
    } catch (cause) {
      told = new AppError('log.unavailable', 'a rejection could not be recorded', { cause });
    }
    telemetry.meters.rejections.add(1, { 'error.type': told.code, 'http.route': entrance.route });
    span.end({ error: told });
    if (told.code === 'internal.error') logger.error({ code: told.code, err: told }, 'a request failed inside the gateway');
    else logger.info({ code: told.code, route: entrance.route }, 'request rejected');
    if (reply.raw.headersSent || reply.sent) return;
    this.answer(reply, entrance, told);
  }

  /** From now on connections are not kept. */
  drain(): void {
    this.draining = true;
  }

  private answer(reply: FastifyReply, entrance: Entrance, error: AppError): void {
    if (error.definition.http === 401)
      reply.header('www-authenticate', this.challengeOf(entrance, error, this.dependencies.settings.scopesSupported));
    discardRest(reply.request.raw);
    const body =
      entrance.speaks === 'mcp' ? rpcError({ id: error instanceof WireError ? error.id : null, error, callId: null }) : toErrorBody(error);
    reply.code(error.definition.http).header('content-type', 'application/json').send(JSON.stringify(body));
  }

  /** The challenge of a 401 or 403 for a resource. */
  challengeOf({ resource }: Entrance, error: AppError, scopes: readonly string[] = []): string {
    return challengeFor(error, metadataUrlOf(this.dependencies.settings.publicUrl, resource), scopes);
  }
}

const toAppError = (error: unknown): AppError =>
  isAppError(error) ? error : new AppError('internal.error', 'an unexpected error', { cause: error });

/** A header that may occur once; anything else counts as absent. */
export const single = (value: string | readonly string[] | undefined): string | null => (typeof value === 'string' ? value : null);

const hangUpOf = ({ raw }: FastifyReply): AbortController => {
  const hangUp = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) hangUp.abort();
  });
  return hangUp;
};

/** Writes the answer of a call; `null` sends no body. */
export const sendJson = (
  reply: FastifyReply,
  status: number,
  callId: string,
  body: JsonObject | object | null,
  headers: Readonly<Record<string, string>> = {},
): void => {
  if (reply.sent || reply.raw.headersSent || reply.raw.destroyed) return;
  reply.code(status).headers({ ...headers, [HTTP_HEADERS.callId]: callId });
  if (body === null) reply.send();
  else reply.header('content-type', 'application/json').send(JSON.stringify(body));
};
