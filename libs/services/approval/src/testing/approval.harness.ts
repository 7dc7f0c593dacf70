import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  type AnyEnvelope,
  AppError,
  decodeEvent,
  type EventData,
  type EventType,
  encodeEvent,
  type Principal,
  type RequestFacts,
} from '@sallyport/contracts';
import type { ApprovalRule } from '@sallyport/domain';
import { type EventLog, LogStrategy, openPostgresEventLog, postgresPositions } from '@sallyport/log';
import {
  AppErrorFilter,
  createLogger,
  type Database,
  openDatabase,
  openSealer,
  parseRootKey,
  quietTelemetry,
  type Sealer,
  systemIdSource,
} from '@sallyport/platform';
import { anEvent, aTestClock, requestFacts, type TestClock, type TestPostgres } from '@sallyport/testing';
import { vi } from 'vitest';
import { APPROVAL_SCHEMA, approvalMigrations } from '../approval.migrations.js';
import { ApprovalModule } from '../approval.module.js';
import { APPROVE_SCOPE } from '../approval.ports.js';
import { EndInSilence } from '../waiting/end-in-silence.js';

export const RULE: ApprovalRule = { id: '*', approvers: ['*'], quorum: 1, waitSeconds: 60, grantSeconds: 30, detach: false };

export interface HttpAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** What a parked call differs in from the usual one. */
export interface ParkedCall {
  readonly callId?: string;
  readonly chainId?: string;
  readonly tenantId?: string;
  readonly edgeId?: string;
  readonly args?: object;
  readonly ruleIds?: readonly string[];
  readonly request?: Partial<RequestFacts> | null;
  readonly principal?: Partial<Principal>;
  readonly data?: Partial<EventData<'ToolCallParked'>>;
}

/** One replica of the service. */
export interface Replica {
  readonly app: NestFastifyApplication;
  endDue(): Promise<number>;
  /** `as`: `<subject>`, `<subject>@<tenant>`, with `+<actor>` for an agent acting and `!` for no scope. */
  http(method: 'GET' | 'POST', path: string, as?: string | null, body?: object): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** The service on a real PostgreSQL and the log in it, in a database of its own. */
export interface ApprovalHarness {
  readonly clock: TestClock;
  readonly log: EventLog;
  readonly sealer: Sealer;
  readonly database: Database;
  readonly faults: unknown[];
  /** With the log elsewhere: whether appends of the service fail. */
  readonly outage: { isOn: boolean };
  start(rules?: readonly ApprovalRule[], instance?: string): Promise<Replica>;
  /** Parks a call; resolves to its event. */
  park(call?: ParkedCall): Promise<AnyEnvelope>;
  say<T extends EventType>(type: T, data: EventData<T>, callId: string, override?: Partial<AnyEnvelope>): Promise<void>;
  append(...events: readonly AnyEnvelope[]): Promise<void>;
  /** What approval said so far, in order of arrival. */
  said(callId?: string): AnyEnvelope[];
  /** Waits until approval says this to this call. */
  heard<T extends EventType>(type: T, callId: string): Promise<Extract<AnyEnvelope, { type: T }>>;
  /** Resolves when everything that was appended to this chain was handled. */
  settled(chainId?: string): Promise<void>;
  close(): Promise<void>;
}

const principalOf = (authorization: string): Principal => {
  const [who = '', tenantId = 'acme'] = authorization.replace('Bearer ', '').replace('!', '').split('@');
  const [subject = '', ...actors] = who.split('+');
  const scopes = authorization.includes('!') ? ['tools:read'] : ['tools:read', APPROVE_SCOPE];
  return { ...requestFacts().principal, subject, actors, tenantId, scopes };
};

let calls = 0;

/** The log as one that lies elsewhere: nothing is appended within a transaction, and it may be away. */
const elsewhere = (log: EventLog, isAway: () => boolean): EventLog => ({
  append: (records) => (isAway() ? Promise.reject(new AppError('log.unavailable', 'away')) : log.append(records)),
  subscribe: (options) => log.subscribe(options),
  ends: (topic) => log.ends(topic),
  verifyTopics: () => log.verifyTopics(),
  isHealthy: () => log.isHealthy(),
  close: () => log.close(),
});

export interface ApprovalHarnessOptions {
  /** The log in the same PostgreSQL, but as if it were elsewhere. */
  readonly logElsewhere?: boolean;
  /** Another log; closed with the harness. */
  readonly openLog?: () => Promise<EventLog>;
}

export const openApprovalHarness = async (postgres: TestPostgres, options: ApprovalHarnessOptions = {}): Promise<ApprovalHarness> => {
  const testDatabase = await postgres.createDatabase();
  const urls = await testDatabase.provision([{ service: 'log' }, { service: APPROVAL_SCHEMA }]);
  const logUrls = urls.get('log');
  const ownUrls = urls.get(APPROVAL_SCHEMA);
  if (logUrls === undefined || ownUrls === undefined) throw new TypeError('not provisioned');
  const openLog = options.openLog ?? (() => openPostgresEventLog({ ...logUrls, applicationName: 'test-log' }));
  const log = await openLog();
  const database = await openDatabase({
    ...ownUrls,
    schema: APPROVAL_SCHEMA,
    applicationName: 'test-approval',
    migrations: approvalMigrations(),
  });
  const clock = aTestClock();
  const sealer = openSealer({ rootKey: parseRootKey(randomBytes(32).toString('base64url'), 'test'), clock });
  const said: AnyEnvelope[] = [];
  const outage = { isOn: false };
  const ownLog = options.logElsewhere === true ? elsewhere(log, () => outage.isOn) : log;
  const faults: unknown[] = [];
  const replicas = new Set<Replica>();
  const listening = await log.subscribe({
    group: 'edge-gateway.test',
    topics: ['approval.events.v1'],
    from: 'earliest',
    positions: 'ephemeral',
    handle: async ({ records }) => {
      said.push(...records.map((record) => decodeEvent(record)));
    },
  });
  await listening.ready;
  const append = (...events: readonly AnyEnvelope[]): Promise<void> => log.append(events.map(encodeEvent));

  const harness: ApprovalHarness = {
    ...{ clock, log, sealer, database, faults, append, outage },
    start: async (rules = [RULE], instance = 'approval-1') => {
      const module = await Test.createTestingModule({
        imports: [
          ApprovalModule.forRoot({
            ...{ database, sealer, clock, instance },
            log: ownLog,
            logInSameDatabase: options.logElsewhere !== true && options.openLog === undefined,
            ids: systemIdSource,
            telemetry: quietTelemetry(),
            authenticate: async (authorization) => {
              if (authorization === undefined) throw new AppError('identity.token-missing', 'no token');
              return principalOf(authorization);
            },
            tenants: ['acme', 'globex'].map((tenantId) => ({ tenantId, rules })),
            onFault: (what, error) => faults.push([what, error]),
          }),
        ],
      }).compile();
      const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false, bodyParser: false });
      app.useGlobalFilters(new AppErrorFilter(createLogger('test', { level: 'silent' })));
      app.connectMicroservice({ strategy: new LogStrategy({ log, positions: () => postgresPositions(database) }) });
      await app.init();
      await app.startAllMicroservices();
      const replica: Replica = {
        app,
        endDue: () => app.get(EndInSilence).endDue(),
        http: async (method, path, as = 'user:grace', body) => {
          const answer = await app.inject({
            ...{ method, url: `/v1/approvals${path}` },
            headers: as === null ? {} : { authorization: `Bearer ${as}` },
            ...(body === undefined ? {} : { payload: body }),
          });
          return { status: answer.statusCode, body: answer.json() };
        },
        close: async () => {
          if (replicas.delete(replica)) await app.close();
        },
      };
      replicas.add(replica);
      return replica;
    },
    park: async ({ tenantId = 'acme', chainId = 'chain-1', edgeId = 'edge-1', ruleIds = ['people'], args = { id: 7 }, ...call } = {}) => {
      calls += 1;
      const callId = call.callId ?? `call-${calls}`;
      const facts = requestFacts();
      const principal = { ...facts.principal, tenantId, ...call.principal };
      const params = JSON.stringify({ name: 'write_file', arguments: args });
      const paramsHash = sealer.keyedDigest(tenantId, 'params', params);
      const request = call.request === null ? {} : { request: requestFacts({ principal, paramsHash, edgeId, ...call.request }) };
      const event = anEvent(
        'ToolCallParked',
        {
          ...{ approvalRuleIds: [...ruleIds], paramsHash, toolDigest: facts.tool?.definitionDigest ?? '' },
          ...{
            expiresAt: '2026-11-21T13:00:00.000Z',
            sealedParams: sealer.seal(tenantId, params, callId),
            reasons: ['Writes ask a person.'],
          },
          ...request,
          ...call.data,
        },
        { id: `parked-${callId}-${calls}`, callId, chainId, key: chainId, tenantId, edgeId },
      );
      await append(event);
      return event;
    },
    say: (type, data, callId, override = {}) =>
      append(anEvent(type, data, { id: `${type}-${callId}-${systemIdSource.uuidv7()}`, callId, ...override })),
    said: (callId) => (callId === undefined ? [...said] : said.filter((event) => event.callId === callId)),
    heard: (type, callId) =>
      vi.waitFor(
        () => {
          const found = said.find(
            (event): event is Extract<AnyEnvelope, { type: typeof type }> => event.type === type && event.callId === callId,
          );
          if (found === undefined) throw new Error(`no ${type} to ${callId} yet`);
          return found;
        },
        { timeout: 20_000, interval: 2 },
      ),
    settled: async (chainId = 'chain-1') => {
      // A tenant without rules is answered at once, and what came before it in its chain was handled before it.
      const { callId } = await harness.park({ tenantId: 'barrier', chainId });
      await harness.heard('ApprovalRejected', callId ?? '');
    },
    close: async () => {
      for (const replica of [...replicas]) await replica.close();
      await listening.close();
      await log.close();
      await database.close();
    },
  };
  return harness;
};
