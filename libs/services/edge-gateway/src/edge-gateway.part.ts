import { createHash } from 'node:crypto';
import { AppError } from '@sallyport/contracts';
import { scopesInForce } from '@sallyport/domain';
import { openServiceRuntime, type ProcessRuntime, type ServicePart } from '@sallyport/log';
import { STDIO_HOST_SECRET_HEADER, type UpstreamRoute } from '@sallyport/mcp';
import { identityDirectoryOf, type SallyportConfiguration, type ServiceUrls } from '@sallyport/platform';
import { sendConsoleFiles } from './console/console-files.js';
import { consoleSettingsOf } from './console-session/configured-console.js';
import type { LoginProvider } from './console-session/console-settings.js';
import { refuseEndedSessions } from './console-session/ended-sessions.js';
import { EdgeGateway } from './edge-gateway.js';
import { EdgeGatewayModule } from './edge-gateway.module.js';
import { EDGE_DEFAULTS, type EdgeSettings } from './edge-settings.js';
import { leaveRawBodies } from './http/raw-bodies.js';
import { EDGE_GATEWAY_MIGRATIONS } from './migrations/index.js';
import { signingKeyFromFile } from './tokens/own-token-minter.adapter.js';
import type { UpstreamSettings } from './upstreams/upstream-directory.js';

/** Where the children of stdio upstreams are served, and the secret shown there. */
export interface StdioHostAddress {
  urlOf(tenantId: string, server: string): URL;
  readonly secret: string;
}

/**
 * The gateway as a part of a process: its store and signing key opened. `stdioHost` is needed when the configuration has stdio upstreams and
 * names no host of its own. Throws as `openServiceRuntime` and `signingKeyFromFile` do.
 */
export const edgeGatewayPart = async (
  shared: ProcessRuntime,
  options: {
    readonly urls?: ServiceUrls;
    readonly stdioHost?: StdioHostAddress;
    /** Where people log in to the console when the configuration names no provider: a public client there. */
    readonly embeddedLogin?: Pick<LoginProvider, 'issuer' | 'clientId'>;
  } = {},
): Promise<ServicePart> => {
  const { configuration } = shared;
  const upstreams = upstreamsOf(configuration, options.stdioHost ?? configuredHost(configuration));
  const signingKey = await signingKeyFromFile(configuration.gateway.signingKeyFile);
  const consoleSettings = await consoleSettingsOf(configuration, options.embeddedLogin ?? null);
  const sealer = shared.sealer();
  const runtime = await openServiceRuntime(shared, 'edge-gateway', EDGE_GATEWAY_MIGRATIONS, options.urls);
  const { log, database, telemetry, logger, health, clock, ids, version } = runtime;
  return {
    runtime,
    prepareHttp: (fastify) => {
      leaveRawBodies(fastify);
      sendConsoleFiles(fastify);
      refuseEndedSessions(fastify, { database, clock, idleSeconds: consoleSettings.idleSeconds });
    },
    rejectionsOf: (app) => app.get(EdgeGateway, { strict: false }).rejections,
    module: EdgeGatewayModule.forRoot({
      settings: settingsOf(configuration),
      issuers: configuration.identity.issuers,
      consoleSettings,
      scopesInForce: (principal) => [...scopesInForce(principal, identityDirectoryOf(configuration, principal.tenantId)).effective],
      directoryOf: (tenantId) => identityDirectoryOf(configuration, tenantId),
      upstreams,
      log,
      database,
      sealer,
      signingKey,
      telemetry,
      logger,
      health,
      clock,
      ids,
      version,
    }),
  };
};

const settingsOf = ({ gateway, tenants }: SallyportConfiguration): EdgeSettings => ({
  ...EDGE_DEFAULTS,
  edgeId: gateway.instanceId,
  publicUrl: gateway.publicUrl,
  allowedHosts: [...gateway.allowedHosts, ...['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${gateway.port}`)],
  allowedOrigins: gateway.allowedOrigins,
  tenants: tenants.map(({ id }) => id),
  decisionTimeoutMs: gateway.decisionTimeoutMs,
  callTtlMs: gateway.callTtlMs,
  approvalHoldMs: gateway.approvalHoldMs,
  callsInFlightMaxPerTenant: gateway.maxInFlightPerTenant,
  streamsMaxPerTenant: gateway.maxStreamsPerTenant,
  streamLifetimeMs: gateway.streamLifetimeMs,
  argumentBytesMax: gateway.maxArgumentBytes,
  argumentDepthMax: gateway.maxArgumentDepth,
  wire: { maxBodyBytes: gateway.maxBodyBytes, maxDepth: gateway.maxDepth, maxMembers: gateway.maxMembers },
  answerBytesMax: gateway.maxAnswerBytes,
  keepAliveMs: gateway.keepAliveMs,
  observeEveryMs: gateway.observeEveryMs,
  listTtlMs: gateway.listTtlMs,
});

/** A host that runs as a process of its own serves `/{tenant}/{server}`, as the embedded one does. */
const configuredHost = ({ stdioHost }: SallyportConfiguration): StdioHostAddress | undefined => {
  const { url, secret } = stdioHost;
  if (url === undefined || secret === undefined) return undefined;
  return { secret, urlOf: (tenantId, server) => new URL(`/${tenantId}/${server}`, url) };
};

const upstreamsOf = ({ upstreams }: SallyportConfiguration, stdioHost: StdioHostAddress | undefined): UpstreamSettings[] =>
  upstreams.map(({ server, tenant, transport, connectTimeoutMs, answerTimeoutMs, idleStreamTimeoutMs, breaker, maxConnections, token }) => {
    const limits = { connectTimeoutMs, answerTimeoutMs, idleStreamTimeoutMs, breaker, maxConnections };
    const common = { server, tenantId: tenant, ...limits };
    if (transport.kind === 'http') {
      const route: UpstreamRoute = {
        ...common,
        url: new URL(transport.url),
        headers: transport.headers,
        routeVersion: routeVersionOf(transport.url),
      };
      return { route, audience: token.audience ?? transport.url };
    }
    if (stdioHost === undefined)
      throw new AppError('configuration.invalid', `upstreams: ${server} is a stdio server and no stdio host runs here`);
    const route: UpstreamRoute = {
      ...common,
      url: stdioHost.urlOf(tenant, server),
      headers: { [STDIO_HOST_SECRET_HEADER]: stdioHost.secret },
      routeVersion: 'stdio',
      viaStdioHost: true,
    };
    return { route, audience: null };
  });

/** Tells one address from another on record without naming it. */
const routeVersionOf = (url: string): string => `http-${createHash('sha256').update(url).digest('hex').slice(0, 16)}`;
