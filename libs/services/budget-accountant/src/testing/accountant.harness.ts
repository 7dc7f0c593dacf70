import 'reflect-metadata';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  type AnyEnvelope,
  AppError,
  type BudgetLimit,
  decodeEvent,
  encodeEvent,
  type Principal,
  type RequestFacts,
  type ToolRecord,
} from '@sallyport/contracts';
import { type EventLog, LogStrategy, openPostgresEventLog, postgresPositions } from '@sallyport/log';
import {
  AppErrorFilter,
  type Clock,
  createLogger,
  type Database,
  openDatabase,
  quietTelemetry,
  type ServiceUrls,
  systemClock,
  systemIdSource,
} from '@sallyport/platform';
import { anEvent, requestFacts, type TestDatabase, type TestPostgres } from '@sallyport/testing';
import { BUDGET_SCHEMA, budgetAccountantMigrations } from '../budget-accountant.migrations.js';
import { BudgetAccountantModule } from '../budget-accountant.module.js';
import type { DeclaredBudgets } from '../budget-accountant.ports.js';
import { LedgerUpkeep } from '../upkeep/ledger-upkeep.js';

/** One accountant as a process would be: its own log, database and application. */
export interface RunningAccountant {
  readonly app: NestFastifyApplication;
  readonly database: Database;
  readonly upkeep: LedgerUpkeep;
  stop(): Promise<void>;
}

export interface AccountantOptions {
  readonly name?: string;
  readonly clock?: Clock;
  readonly declared?: readonly DeclaredBudgets[];
  readonly onFault?: (what: string, error: unknown) => void;
}

/** A log with an accountant's schema beside it, and a listener on what accountants say. */
export interface AccountantHarness {
  readonly database: TestDatabase;
  readonly urls: ServiceUrls;
  readonly log: EventLog;
  /** Everything on the accountant's topics so far, in the order of each chain. */
  readonly said: AnyEnvelope[];
  start(options?: AccountantOptions): Promise<RunningAccountant>;
  append(...events: readonly AnyEnvelope[]): Promise<void>;
  /** Puts prices on the log and waits until the accountant knows them. */
  price(tools: Readonly<Record<string, number | null>>, epoch?: number, tenantId?: string): Promise<void>;
  /** Resolves to what was said of a call, once it satisfies. */
  saidOf(callId: string, isEnough: (types: readonly string[]) => boolean): Promise<AnyEnvelope[]>;
  until(isDone: () => boolean | Promise<boolean>, what: string): Promise<void>;
  close(): Promise<void>;
}

const WAIT_MS = 30_000;
export const TENANT = 'acme';

/** Opens logs of one cluster; each is a process of its own. */
export type OpenLog = (logUrls: ServiceUrls) => Promise<EventLog>;
export const onPostgres: OpenLog = (urls) => openPostgresEventLog({ ...urls, applicationName: 'test-log' });

export const openAccountantHarness = async (
  postgres: TestPostgres,
  openLog: OpenLog = onPostgres,
  logInSameDatabase = true,
): Promise<AccountantHarness> => {
  const testDatabase = await postgres.createDatabase();
  const provisioned = await testDatabase.provision([{ service: 'log' }, { service: BUDGET_SCHEMA }, { service: 'policy_decision' }]);
  const [logUrls, urls] = [provisioned.get('log'), provisioned.get(BUDGET_SCHEMA)];
  if (logUrls === undefined || urls === undefined) throw new TypeError('not provisioned');
  const log = await openLog(logUrls);
  const said: AnyEnvelope[] = [];
  const ids = new Set<string>();
  const ear = await log.subscribe({
    group: 'edge-gateway.ear',
    topics: ['budget.events.v1', 'budget.state.v1', 'budget-accountant.dead-letter.v1'],
    from: 'earliest',
    positions: 'ephemeral',
    accept: (headers) => headers.ce_type !== undefined,
    handle: async ({ records }) => {
      for (const record of records) {
        // As every consumer does: an event whose publication had an unknown outcome comes twice.
        if (record.topic === 'budget-accountant.dead-letter.v1' || ids.has(record.id)) continue;
        ids.add(record.id);
        said.push(decodeEvent(record));
      }
    },
  });
  await ear.ready;
  let started = 0;
  const reader = await openDatabase({
    ...urls,
    schema: BUDGET_SCHEMA,
    applicationName: 'test-reader',
    migrations: budgetAccountantMigrations(),
  });

  const start = async (options: AccountantOptions = {}): Promise<RunningAccountant> => {
    started += 1;
    const name = options.name ?? `accountant-${started}`;
    const database = await openDatabase({
      ...urls,
      schema: BUDGET_SCHEMA,
      applicationName: `test-${name}`,
      migrations: budgetAccountantMigrations(),
    });
    const own = await openLog(logUrls);
    const module = await Test.createTestingModule({
      imports: [
        BudgetAccountantModule.forRoot({
          ...{ database, log: own, logInSameDatabase, clock: options.clock ?? systemClock, ids: systemIdSource },
          ...{ telemetry: quietTelemetry(), authenticator: { authenticate }, declared: options.declared ?? [], instanceId: name },
          ...{ holdGraceSeconds: 60, inDoubtAfterSeconds: 3_600, onFault: options.onFault ?? (() => {}) },
        }),
      ],
    }).compile();
    const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    app.useGlobalFilters(new AppErrorFilter(createLogger('test', { level: 'silent' })));
    app.connectMicroservice(
      { strategy: new LogStrategy({ log: own, positions: () => postgresPositions(database) }) },
      { inheritAppConfig: false },
    );
    await app.init();
    await app.startAllMicroservices();
    return {
      app,
      database,
      upkeep: app.get(LedgerUpkeep),
      stop: async () => {
        await app.close();
        await own.close();
        await database.close();
      },
    };
  };

  const until = async (isDone: () => boolean | Promise<boolean>, what: string): Promise<void> => {
    const deadline = performance.now() + WAIT_MS;
    while (!(await isDone())) {
      if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };

  return {
    ...{ database: testDatabase, urls, log, said, start, until },
    append: (...events) => log.append(events.map(encodeEvent)),
    price: async (tools, epoch = 1, tenantId = TENANT) => {
      await log.append(Object.entries(tools).map(([id, cost]) => encodeEvent(toolInCatalog(tenantId, id, cost, epoch))));
      await until(async () => {
        const { rows } = await reader.query<{ n: string }>(
          `SELECT count(*) AS n FROM price p JOIN unnest($1::text[], $2::bigint[]) AS w(tool, cost) USING (tool)
           WHERE p.cost_micros IS NOT DISTINCT FROM w.cost AND p.tenant_id = $3`,
          [Object.keys(tools), Object.values(tools), tenantId],
        );
        return Number(rows[0]?.n) === Object.keys(tools).length;
      }, 'prices');
    },
    saidOf: async (callId, isEnough) => {
      const found = (): AnyEnvelope[] => said.filter((event) => event.callId === callId);
      await until(() => isEnough(found().map(({ type }) => type)), `something about ${callId}, heard ${found().map(({ type }) => type)}`);
      return found();
    },
    close: async () => {
      await ear.close();
      await reader.close();
      await log.close();
    },
  };
};

/** `Bearer <subject>@<tenant>[ <scope>…]`. */
const authenticate = async (authorization: string | undefined): Promise<Principal> => {
  if (authorization === undefined) throw new AppError('identity.token-missing', 'no header');
  const [who = '', ...scopes] = authorization.replace('Bearer ', '').split(' ');
  const [subject = '', tenantId = TENANT] = who.split('@');
  return { ...requestFacts().principal, subject, tenantId, actors: ['agent:triage'], scopes };
};

const toolInCatalog = (tenantId: string, id: string, costMicros: number | null, epoch: number): AnyEnvelope => {
  const [server = '', name = ''] = id.split('/');
  const record: ToolRecord = {
    ...{ id, tenantId, server, name, owner: 'team', dataDomain: 'd', riskTier: 'read', version: '1', lifecycle: 'active' },
    ...{ lastReviewed: '2026-11-01', supportContact: 's', costMicros, currency: 'USD', scopes: [], tags: [], pinnedDigest: null },
    ...{ definition: null, driftedDigest: null, missing: [], epoch },
  };
  return anEvent('ToolInCatalog', record, {
    key: `${tenantId}/${id}`,
    tenantId,
    callId: null,
    chainId: null,
    subject: null,
    actor: null,
    edgeId: null,
  });
};

/** What of a request is of interest here. */
export interface Wish {
  readonly tool?: string;
  readonly subject?: string;
  readonly actors?: readonly string[];
  readonly tenantId?: string;
  readonly chainId?: string;
  readonly ttlMs?: number;
  readonly facts?: Partial<RequestFacts>;
  readonly requires?: ('policy' | 'budget')[];
}

/** An event of one call. */
export const of = (callId: string, chainId = 'chain-1', tenantId = TENANT) => ({ callId, chainId, key: chainId, tenantId });

export const requested = (callId: string, wish: Wish = {}): AnyEnvelope => {
  const { tool = 'crm/search', subject = 'user:ada', actors = ['agent:triage'], tenantId = TENANT, chainId = 'chain-1' } = wish;
  const [server = '', name = ''] = tool.split('/');
  const facts = requestFacts({
    principal: { ...requestFacts().principal, subject, actors: [...actors], tenantId },
    target: { kind: 'tool', server, name },
    ...wish.facts,
  });
  const data = {
    ...{ ...facts, sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: wish.ttlMs ?? 60_000 },
    requires: wish.requires ?? ['policy' as const, 'budget' as const],
  };
  return anEvent('ToolCallRequested', data, { id: `${callId}-requested`, ...of(callId, chainId, tenantId), subject });
};

export const declared = (limits: Readonly<Record<string, BudgetLimit>>, tenantId = TENANT): DeclaredBudgets[] => [
  { tenantId, limits: new Map(Object.entries(limits)) },
];
