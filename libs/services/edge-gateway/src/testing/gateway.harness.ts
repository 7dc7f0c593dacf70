import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type AnyEnvelope, decodeEvent, type EventData, type Json, JWT_CLAIMS, type RiskTier } from '@sallyport/contracts';
import type { IdentityDirectory } from '@sallyport/domain';
import { type EventLog, openPostgresEventLog } from '@sallyport/log';
import {
  createLogger,
  type Database,
  HealthRegistry,
  openDatabase,
  openSealer,
  quietTelemetry,
  rootKeyOf,
  systemClock,
  systemIdSource,
  type Telemetry,
} from '@sallyport/platform';
import { type CountingUpstream, startCountingUpstream, startTestPostgres } from '@sallyport/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { NO_CONSOLE } from '../console-session/console-settings.js';
import { EdgeGateway } from '../edge-gateway.js';
import { EdgeGatewayModule } from '../edge-gateway.module.js';
import { EDGE_DEFAULTS, type EdgeSettings } from '../edge-settings.js';
import { leaveRawBodies } from '../http/raw-bodies.js';
import { EDGE_GATEWAY_MIGRATIONS } from '../migrations/index.js';
import { signingKeyFromFile } from '../tokens/own-token-minter.adapter.js';
import { type Accounting, type Answering, answerDecisions, aToolRecord, publishTools } from './decisions.harness.js';

export interface TokenOptions {
  readonly subject?: string;
  readonly agent?: string | null;
  readonly audience?: string;
  readonly issuer?: string;
  readonly tenant?: string;
  readonly expiresInSeconds?: number;
  readonly typ?: string;
  readonly alg?: 'EdDSA' | 'HS256';
  readonly stranger?: boolean;
  readonly scopes?: string;
}

export interface TestGateway {
  readonly url: string;
  readonly log: EventLog;
  readonly database: Database;
  readonly upstreams: Readonly<Record<string, CountingUpstream>>;
  /** What the decision point answers from now on. */
  answer(answering: Answering): void;
  /** What the accountant answers from now on. */
  account(accounting: Accounting): void;
  /** Looks for what was lost now, and not within the next seconds. */
  sweep(): Promise<void>;
  /** Makes appends fail, and later work again. */
  breakLog(down: boolean): void;
  token(options?: TokenOptions): Promise<string>;
  /** Everything on the gateway's topic, in order of appending. */
  events(): readonly AnyEnvelope[];
  eventsOf(callId: string): readonly AnyEnvelope[];
  /** Resolves with the first event that fits, past or to come. */
  event<T extends AnyEnvelope['type']>(
    type: T,
    fits?: (event: Extract<AnyEnvelope, { type: T }>) => boolean,
  ): Promise<Extract<AnyEnvelope, { type: T }>>;
  /** Everything the gateway ever appended, as text: for looking for what must not be there. */
  recorded(): string;
  close(): Promise<void>;
}

const TIERS: Readonly<Record<string, RiskTier>> = {
  echo: 'read',
  add: 'read',
  slow: 'read',
  leak_email: 'read',
  leak_secret: 'read',
  fail: 'read',
  ask: 'read',
};

/** Who may do what at most: ada by herself and through triage, which was delegated less than it has. */
const DIRECTORY: IdentityDirectory = {
  users: [{ id: 'user:ada', scopes: ['tools:read', 'tools:write'] }],
  agents: ['agent:triage', 'agent:stranger'].map((id) => ({ id, scopes: ['tools:read', 'tools:write'] })),
  delegations: [{ subject: 'user:ada', agent: 'agent:triage', scopes: ['tools:read'] }],
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** A log that can be told to be down; everything else is the real one. */
const breakable = (log: EventLog): EventLog & { down: boolean } => {
  const wrapped = {
    down: false,
    append: (records: Parameters<EventLog['append']>[0]) =>
      wrapped.down ? Promise.reject(new (class extends Error {})('the log is down')) : log.append(records),
    subscribe: (options: Parameters<EventLog['subscribe']>[0]) => log.subscribe(options),
    ends: (topic: string) => log.ends(topic),
    verifyTopics: () => log.verifyTopics(),
    isHealthy: () => !wrapped.down && log.isHealthy(),
    close: () => log.close(),
  };
  return wrapped;
};

/** Pins what upstreams say their tools are, as the decision point does; tiers by name, everything else writes. */
const pinObserved = async (
  log: EventLog,
  { tenantId, data }: { tenantId: string; data: EventData<'ToolDefinitionsObserved'> },
  epoch: number,
): Promise<void> => {
  await publishTools(
    log,
    data.definitions.map(({ name, digest, definition }) =>
      aToolRecord({ server: data.server, name, tenantId, pinnedDigest: digest, definition, riskTier: TIERS[name] ?? 'write-low', epoch }),
    ),
  );
};

/** The whole gateway on a real PostgreSQL and a real socket, with a decision point of the test's own and fixture upstreams. */
export const startTestGateway = async (options: {
  readonly settings?: Partial<EdgeSettings>;
  readonly upstreams?: Readonly<Record<string, 'dual' | 'modern' | 'legacy'>>;
  readonly answerTimeoutMs?: number;
  readonly telemetry?: Telemetry;
}): Promise<TestGateway> => {
  const postgres = await startTestPostgres();
  const { url: databaseUrl } = await postgres.createDatabase();
  const real = await openPostgresEventLog({ url: databaseUrl, applicationName: 'edge-gateway-test' });
  const log = breakable(real);
  const database = await openDatabase({
    url: databaseUrl,
    schema: 'edge_gateway',
    applicationName: 'edge-gateway-test',
    migrations: EDGE_GATEWAY_MIGRATIONS,
  });
  const upstreams: Record<string, CountingUpstream> = {};
  for (const [name, era] of Object.entries(options.upstreams ?? { tools: 'dual' as const }))
    upstreams[name] = await startCountingUpstream({ era });

  let answering: Answering = () => ({});
  let accounting: Accounting = () => ({ reservedMicros: 0 });
  const events: AnyEnvelope[] = [];
  const values: string[] = [];
  const listeners = new Set<() => void>();
  const follower = await real.subscribe({
    group: 'audit-projector-test',
    topics: ['tool-call.events.v1'],
    from: 'earliest',
    positions: 'ephemeral',
    handle: async ({ records }) => {
      for (const record of records) {
        const event = decodeEvent(record);
        events.push(event);
        values.push(JSON.stringify(record.headers), record.value);
        if (event.type === 'ToolDefinitionsObserved') await pinObserved(real, event, events.length);
      }
      for (const listener of listeners) listener();
    },
  });
  await follower.ready;
  const decisions = await answerDecisions(
    real,
    (asked, evaluation) => answering(asked, evaluation),
    (asked) => accounting(asked),
  );

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-edge-'));
  const pairs = {
    trusted: await generateKeyPair('EdDSA', { crv: 'Ed25519' }),
    stranger: await generateKeyPair('EdDSA', { crv: 'Ed25519' }),
  };
  const keySetFile = join(folder, 'jwks.json');
  writeFileSync(keySetFile, JSON.stringify({ keys: [{ ...(await exportJWK(pairs.trusted.publicKey)), kid: 'k', alg: 'EdDSA' }] }));
  const settings: EdgeSettings = {
    ...EDGE_DEFAULTS,
    edgeId: 'edge-1',
    publicUrl: url,
    allowedHosts: [],
    allowedOrigins: [],
    tenants: ['acme'],
    ...options.settings,
  };
  const module = EdgeGatewayModule.forRoot({
    settings,
    issuers: [
      {
        issuer: 'https://issuer.test',
        tokenSource: 'test',
        jwksFile: keySetFile,
        algorithms: ['EdDSA'],
        clockSkewSeconds: 5,
        claims: JWT_CLAIMS,
      },
    ],
    upstreams: Object.entries(upstreams).map(([server, upstream]) => ({
      audience: upstream.url.href,
      route: {
        server,
        tenantId: 'acme',
        url: upstream.url,
        routeVersion: '1',
        connectTimeoutMs: 1_000,
        answerTimeoutMs: options.answerTimeoutMs ?? 10_000,
        idleStreamTimeoutMs: 10_000,
        breaker: { failures: 3, openSeconds: 1 },
      },
    })),
    consoleSettings: NO_CONSOLE,
    scopesInForce: ({ scopes }) => scopes,
    directoryOf: () => DIRECTORY,
    log,
    database,
    sealer: openSealer({ rootKey: rootKeyOf([{ kid: 'k1', bytes: Buffer.alloc(32, 7) }], 'test'), clock: systemClock }),
    signingKey: await signingKeyFromFile(join(folder, 'keys', 'signing.jwk.json')),
    telemetry: options.telemetry ?? quietTelemetry(),
    logger: createLogger('edge-gateway', { level: process.env.SALLYPORT_LOG_LEVEL ?? 'fatal' }),
    health: new HealthRegistry(),
    clock: systemClock,
    ids: systemIdSource,
    version: '0.0.0-test',
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    logger: false,
    bodyParser: false,
    forceCloseConnections: true,
  });
  leaveRawBodies(app.getHttpAdapter().getInstance());
  await app.listen(port, '127.0.0.1');

  const eventWhere = async <T extends AnyEnvelope>(fits: (event: AnyEnvelope) => event is T): Promise<T> => {
    for (;;) {
      const found = events.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const listener = (): void => {
          listeners.delete(listener);
          resolve();
        };
        listeners.add(listener);
      });
    }
  };
  const gateway: TestGateway = {
    url,
    log,
    database,
    upstreams,
    answer: (next) => {
      answering = next;
    },
    account: (next) => {
      accounting = next;
    },
    sweep: async () => {
      await app.get(EdgeGateway).recovery.lost.sweep();
    },
    breakLog: (down) => {
      log.down = down;
    },
    token: async (wanted = {}) => {
      const now = Math.floor(Date.now() / 1_000);
      const agent = wanted.agent === undefined ? 'triage' : wanted.agent;
      const claims: Record<string, Json> = {
        scope: wanted.scopes ?? 'tools:read',
        client_id: 'client-1',
        [JWT_CLAIMS.tenant]: wanted.tenant ?? 'acme',
      };
      if (agent !== null) claims.act = { sub: agent };
      const alg = wanted.alg ?? 'EdDSA';
      const key =
        alg === 'HS256' ? new TextEncoder().encode('a'.repeat(32)) : pairs[wanted.stranger === true ? 'stranger' : 'trusted'].privateKey;
      return new SignJWT(claims)
        .setProtectedHeader({ alg, typ: wanted.typ ?? 'at+jwt', kid: 'k' })
        .setIssuer(wanted.issuer ?? 'https://issuer.test')
        .setSubject(wanted.subject ?? 'ada')
        .setAudience(wanted.audience ?? url)
        .setIssuedAt(now - 600)
        .setExpirationTime(now + (wanted.expiresInSeconds ?? 600))
        .setJti(systemIdSource.uuidv7())
        .sign(key);
    },
    events: () => events,
    eventsOf: (callId) => events.filter((event) => event.callId === callId),
    event: (type, fits = () => true) =>
      eventWhere(
        (event): event is Extract<AnyEnvelope, { type: typeof type }> =>
          event.type === type && fits(event as Extract<AnyEnvelope, { type: typeof type }>),
      ),
    recorded: () => values.join('\n'),
    close: async () => {
      await app.close();
      await Promise.all([follower.close(), decisions.close()]);
      await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
      await real.close();
      await database.close();
      await postgres.stop();
    },
  };
  for (const server of Object.keys(upstreams)) await gateway.event('ToolDefinitionsObserved', (event) => event.data.server === server);
  return gateway;
};
