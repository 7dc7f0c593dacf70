import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import {
  AppError,
  ConsoleLoginQuery,
  type ConsoleLogout,
  ConsoleLogoutBody,
  ConsoleSessionsQuery,
  ERRORS,
  Id,
  isAppError,
  LOGIN_FAILED,
} from '@sallyport/contracts';
import { checkCsrf, checkOwnPage, consoleCookieNamesOf, cookieOf, csrfDigestOf, parseInput } from '@sallyport/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { EdgeGateway } from '../edge-gateway.js';
import { readJson } from '../http/request-body.js';
import { HOME_PATH, LOGIN_SECONDS, type SessionInUse } from './console-sessions.js';
import { LoginFailed } from './oidc-login.js';

const BODY_BYTES_MAX = 1_024;
/** Where a login that failed comes back to. */
const FAILED_PATH = '/console/login';
const HEADERS = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' } as const;

/** Logs people in to the console and keeps their sessions. Each route looks at the session's cookie itself; none takes a token. */
@Controller('console')
export class ConsoleSessionController {
  private readonly cookies;
  private readonly publicUrl: string;

  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {
    this.publicUrl = gateway.ports.settings.publicUrl;
    this.cookies = consoleCookieNamesOf(this.publicUrl);
  }

  /** Sends the browser to the provider. Cookies belong to one host, so one that came by another name comes back by ours first. */
  @Get('session/login')
  async login(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(request, reply, async () => {
      const query = parseInput(ConsoleLoginQuery, request.query);
      const own = new URL(this.publicUrl);
      if (request.headers.host !== own.host)
        return redirect(reply, `${this.publicUrl}/console/session/login?${new URLSearchParams({ return: query.return })}`);
      await this.orToFailed(request, reply, async () => {
        const had = cookieOf(request.headers.cookie, this.cookies.session);
        const { address, cookie } = await this.gateway.console.begin(query.return, had);
        reply.header('set-cookie', this.cookie(this.cookies.login, cookie, '/', 'Lax', LOGIN_SECONDS));
        redirect(reply, address);
      });
    });
  }

  @Get('session/callback')
  async callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(request, reply, async () => {
      const { cookie, 'user-agent': browser = '' } = request.headers;
      const had = { login: cookieOf(cookie, this.cookies.login), session: cookieOf(cookie, this.cookies.session) };
      const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '';
      if (this.gateway.console.answers(query, had.login)) reply.header('set-cookie', this.cookie(this.cookies.login, '', '/', 'Lax', 0));
      await this.orToFailed(request, reply, async () => {
        const { secret, returnPath, lifetimeSeconds } = await this.gateway.console.finish(query, had, browser);
        reply.header('set-cookie', this.cookie(this.cookies.session, secret, '/', 'Strict', lifetimeSeconds));
        redirect(reply, `${this.publicUrl}${returnPath}`);
      });
    });
  }

  @Get('session')
  async session(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.withSession(request, reply, (session) => this.tell(reply, session));
  }

  @Post('session/renew')
  async renew(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.withSession(request, reply, (session) => this.tell(reply, session));
  }

  @Post('session/logout')
  async logout(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.withSession(request, reply, async (session) => {
      const { everywhere } = parseInput(ConsoleLogoutBody, (await readJson(request.raw, BODY_BYTES_MAX)) ?? {});
      const providerLogoutUrl = await this.gateway.console.logout(session, everywhere);
      this.forget(reply);
      send(reply, { providerLogoutUrl } satisfies ConsoleLogout);
    });
  }

  @Get('sessions')
  async sessions(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.withSession(request, reply, async (session) => {
      const { of, cursor, limit } = parseInput(ConsoleSessionsQuery, request.query);
      send(reply, await this.gateway.console.list(session, { of, cursor, limit }));
    });
  }

  @Delete('sessions/:id')
  async end(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.withSession(request, reply, async (session) => {
      const { id } = parseInput(z.object({ id: Id }), request.params);
      await this.gateway.console.end(session, id);
      if (id === session.stored.sessionId) this.forget(reply);
      send(reply, { ended: id });
    });
  }

  private tell(reply: FastifyReply, session: SessionInUse): void {
    const { told, token } = this.gateway.console.tell(session);
    const seconds = Math.ceil((Date.parse(told.renewBefore) - this.gateway.ports.clock.nowMs()) / 1_000);
    reply.header('set-cookie', this.cookie(this.cookies.access, token, '/v1', 'Strict', Math.max(0, seconds)));
    send(reply, told);
  }

  private forget(reply: FastifyReply): void {
    reply.header('set-cookie', [
      this.cookie(this.cookies.session, '', '/', 'Strict', 0),
      this.cookie(this.cookies.access, '', '/v1', 'Strict', 0),
    ]);
  }

  private cookie(name: string, value: string, path: string, sameSite: 'Lax' | 'Strict', seconds: number): string {
    const secure = this.publicUrl.startsWith('https:') ? '; Secure' : '';
    return `${name}=${value}; Path=${path}; Max-Age=${seconds}; HttpOnly; SameSite=${sameSite}${secure}`;
  }

  /** Runs `work` for a page of ours with a session that lives; what changes something shows the session's CSRF token first. */
  private async withSession(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (session: SessionInUse) => Promise<void> | void,
  ): Promise<void> {
    await this.answer(request, reply, async () => {
      const { method, headers } = request;
      const secret = cookieOf(headers.cookie, this.cookies.session);
      if (secret === null) throw new AppError('console.session-missing', 'no session cookie');
      checkOwnPage(this.publicUrl, method, headers);
      const session = await this.gateway.console.find(secret);
      checkCsrf(method, headers, csrfDigestOf(session.csrfToken));
      // A page reads by itself; it changes something, and renews, for a person alone.
      await work(method === 'GET' ? session : await this.gateway.console.use(secret));
    });
  }

  /**
   * A person reads a page, not a body: a login that fails ends at the console, with the reason; and on record, by its source and without a name,
   * as nobody has one yet. Throws `log.unavailable`.
   */
  private async orToFailed(request: FastifyRequest, reply: FastifyReply, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LoginFailed)) throw error;
      const { logger, telemetry } = this.gateway.ports;
      logger.warn({ reason: error.reason, err: error }, 'a login to the console failed');
      const route = request.routeOptions.url ?? HOME_PATH;
      const code = LOGIN_FAILED;
      const span = telemetry.startSpan(`${request.method} ${route}`, { kind: 'server' });
      span.end({ error: new AppError(code, error.message) });
      await this.gateway.rejections.record({
        ...{ code, source: request.ip ?? '-', tenantId: null, method: request.method, route, httpStatus: ERRORS[code].http },
        traceparent: span.traceparent,
      });
      telemetry.meters.rejections.add(1, { 'error.type': code, 'http.route': route });
      redirect(reply, `${this.publicUrl}${FAILED_PATH}?reason=${error.reason}`);
    }
  }

  /** Answers; what is turned away is on record like every other request that is. */
  private async answer(request: FastifyRequest, reply: FastifyReply, work: () => Promise<void> | void): Promise<void> {
    const { door, guard } = this.gateway;
    const { routeOptions } = request;
    try {
      reply.headers(HEADERS);
      guard.check(request.raw);
      await work();
    } catch (error) {
      const entrance = { route: routeOptions.url ?? HOME_PATH, resource: this.publicUrl, speaks: 'rest' } as const;
      const told = isAppError(error) ? error : new AppError('internal.error', 'an unexpected error', { cause: error });
      await door.reject(request, reply, entrance, told);
    }
  }
}

const redirect = (reply: FastifyReply, address: string): void => void reply.code(303).header('location', address).send();

const send = (reply: FastifyReply, body: object): void =>
  void reply.code(200).header('content-type', 'application/json').send(JSON.stringify(body));
