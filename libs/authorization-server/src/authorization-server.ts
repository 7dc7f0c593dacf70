import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AppError } from '@sallyport/contracts';
import type { Clock, Database, SallyportConfiguration, Sealer } from '@sallyport/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type JWK, Provider } from 'oidc-provider';
import { ActingStore } from './acting.js';
import { type ArtifactStore, prune } from './artifacts.adapter.js';
import { Interactions } from './interactions.js';
import { overPage } from './pages/interaction-pages.js';
import { STYLE, STYLE_PATH } from './pages/page.js';
import { People } from './people.js';
import { providerSettings } from './provider-settings.js';

/** The path of the issuer below the public URL. */
export const AUTHORIZATION_PATH = '/authorization';

export interface AuthorizationServerOptions {
  readonly configuration: Pick<SallyportConfiguration, 'gateway' | 'identity' | 'tenants'>;
  readonly database: Database;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Private key of the development issuer: what this server signs, the gateway trusts as it trusts `sallyport token`. */
  readonly signingKey: JWK;
  /** Environment of the process: a production profile is refused. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where client id metadata documents come from; the network when not given. */
  readonly fetch?: typeof fetch;
}

/** A server of OAuth 2.1 and OpenID Connect for this machine. */
export interface AuthorizationServer {
  /** `<public URL>/authorization`. */
  readonly issuer: string;
  /** Adds its routes; call it before the application listens. */
  prepareHttp(fastify: FastifyInstance): void;
  close(): Promise<void>;
}

const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];
const FORM_BYTES_MAX = 8 * 1024;
const PRUNE_EVERY_MS = 600_000;
const METADATA_PATHS = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'] as const;

/**
 * Opens the authorization server of the embedded default: people of the configuration log in without a password, so it serves this machine
 * and nothing that calls itself production. Throws `configuration.invalid` for a public URL that is not on this machine and for
 * `NODE_ENV=production`; nothing is served then.
 */
export const openAuthorizationServer = async (options: AuthorizationServerOptions): Promise<AuthorizationServer> => {
  const { configuration, database, sealer, clock, signingKey, env } = options;
  const { publicUrl } = configuration.gateway;
  refuseWhereOthersReach(publicUrl, configuration.gateway.host, env);
  const store: ArtifactStore = { database, sealer, clock };
  const people = new People(configuration);
  const acting = new ActingStore(store);
  const issuer = `${publicUrl}${AUTHORIZATION_PATH}`;
  const provider = new Provider(
    issuer,
    providerSettings({
      ...{ publicUrl, people, acting, artifacts: store, signingKey },
      // Sessions end with the process, and so may the keys of their cookies.
      cookieKeys: [randomBytes(32).toString('base64url')],
      fetch: options.fetch ?? fetch,
    }),
  );
  const interactions = new Interactions({ provider, people, acting, publicUrl });
  const handle = provider.callback();
  const timer = setInterval(() => void prune(store).catch(() => {}), PRUNE_EVERY_MS);
  timer.unref();
  const pages = new Pages(issuer, people, interactions, handle);
  return {
    issuer,
    prepareHttp: (fastify) => pages.mount(fastify),
    close: async () => clearInterval(timer),
  };
};

const refuseWhereOthersReach = (publicUrl: string, host: string, env: AuthorizationServerOptions['env']): void => {
  const hint = 'put your own identity provider into identity.issuers and take the embedded one (/authorization) out';
  if (!LOOPBACK.includes(new URL(publicUrl).hostname))
    throw new AppError('configuration.invalid', `gateway.publicUrl: the embedded authorization server serves this machine alone; ${hint}`);
  if (!LOOPBACK.includes(host.includes(':') ? `[${host}]` : host))
    throw new AppError('configuration.invalid', `gateway.host: the embedded authorization server listens on this machine alone; ${hint}`);
  if (env.NODE_ENV === 'production')
    throw new AppError('configuration.invalid', `NODE_ENV=production: the embedded authorization server asks for no password; ${hint}`);
};

/** The routes of the provider and of the interactions on the product's HTTP server, with their own bodies and headers. */
class Pages {
  private readonly host: string;
  private readonly origin: string;

  constructor(
    issuer: string,
    private readonly people: People,
    private readonly interactions: Interactions,
    private readonly handle: ReturnType<Provider['callback']>,
  ) {
    ({ host: this.host, origin: this.origin } = new URL(issuer));
  }

  mount(fastify: FastifyInstance): void {
    void fastify.register(async (scope) => {
      // The provider reads its bodies itself; forms of the interactions are read below. Neither is the JSON of the other routes.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      scope.addHook('onRequest', async (request, reply) => {
        if (request.headers.host !== this.host) throw new AppError('request.host-refused', `the host is not ${this.host}`);
        this.secure(reply);
      });
      for (const path of METADATA_PATHS)
        scope.get(`${path}${AUTHORIZATION_PATH}`, (request, reply) => this.provide(request, reply, `${AUTHORIZATION_PATH}${path}`));
      scope.get(STYLE_PATH, (_request, reply) => reply.type('text/css').header('cache-control', 'public, max-age=3600').send(STYLE));
      scope.get(`${AUTHORIZATION_PATH}/interaction/:uid`, (request, reply) => this.show(request, reply));
      scope.post(`${AUTHORIZATION_PATH}/interaction/:uid`, (request, reply) => this.answer(request, reply));
      scope.get(`${AUTHORIZATION_PATH}/auth`, (request, reply) => this.provide(request, reply, this.withScopes(request.url)));
      scope.all(`${AUTHORIZATION_PATH}/*`, (request, reply) => this.provide(request, reply, request.url));
    });
  }

  private secure(reply: FastifyReply, formsLeadTo?: string | null): void {
    // Browsers hold redirects after a form to form-action as well, so where the client waits has to be named.
    const forms = formsLeadTo === undefined || formsLeadTo === null ? "'self'" : `'self' ${formsLeadTo}`;
    const headers = {
      'content-security-policy': `default-src 'none'; style-src 'self'; form-action ${forms}; frame-ancestors 'none'; base-uri 'none'`,
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    };
    for (const [name, value] of Object.entries(headers)) reply.raw.setHeader(name, value);
  }

  /** A client that names no scope asks for what its agent may have (RFC 6749, section 3.3: a default, or a refusal). */
  private withScopes(path: string): string {
    const url = new URL(path, this.origin);
    if ((url.searchParams.get('scope') ?? '') === '') url.searchParams.set('scope', this.people.scopes().join(' '));
    return `${url.pathname}${url.search}`;
  }

  /** Hands a request to the provider, which believes itself at the root of its issuer. */
  private provide(request: FastifyRequest, reply: FastifyReply, path: string): void {
    const { raw } = request;
    Object.assign(raw, { originalUrl: path, baseUrl: AUTHORIZATION_PATH });
    raw.url = path.slice(AUTHORIZATION_PATH.length);
    reply.hijack();
    void this.handle(raw, reply.raw);
  }

  private async show(request: FastifyRequest, reply: FastifyReply, isWrong = false): Promise<void> {
    const shown = await this.interactions.show(request.raw, reply.raw, isWrong).catch(nullWhenOver);
    if (shown === null) return this.send(reply, 404, await overPage());
    this.secure(reply, shown.leadsTo);
    this.send(reply, isWrong ? 400 : 200, shown.page);
  }

  private send(reply: FastifyReply, status: number, page: string): void {
    reply.hijack();
    reply.raw.setHeader('cache-control', 'no-store');
    reply.raw.setHeader('content-type', 'text/html; charset=utf-8');
    reply.raw.statusCode = status;
    reply.raw.end(page);
  }

  private async answer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (request.headers.origin !== this.origin) throw new AppError('request.origin-refused', 'the form was not one of ours');
    const form = new URLSearchParams(await bodyOf(request.raw));
    const taken = await this.interactions.answer(request.raw, reply.raw, form).catch(nullWhenOver);
    if (taken === null) this.send(reply, 404, await overPage());
    else if (taken) reply.hijack();
    else await this.show(request, reply, true);
  }
}

/** `null` where the provider knows no such interaction of this browser. */
const nullWhenOver = (cause: unknown): null => {
  const name: unknown = cause instanceof Error ? cause.name : undefined;
  if (name !== 'SessionNotFound' && name !== 'InvalidRequest') throw cause;
  return null;
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > FORM_BYTES_MAX) throw new AppError('request.body-too-large', 'a form of this size is none of ours');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};
