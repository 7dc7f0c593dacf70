import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, type EmbeddedPostgres, openDatabase, provisionServices, startEmbeddedPostgres } from '@sallyport/platform';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { LogRecord, ReceivedRecord, TransactionalEventLog } from '../event-log.port.js';
import { partitionOf, type TopicLayout } from '../topic-layout.js';
import { maintainLog } from './log-maintenance.js';
import { openPostgresEventLog, type PostgresEventLogOptions } from './postgres-event-log.adapter.js';

const EVENTS = 'tests.events.v1';
const STATE = 'tests.state.v1';
const layout: TopicLayout = { [EVENTS]: { partitions: 4, cleanup: 'delete' }, [STATE]: { partitions: 1, cleanup: 'compact' } };

let folder: string;
let postgres: EmbeddedPostgres;
let admin: pg.Client;
let databases = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
  postgres = await startEmbeddedPostgres({ dataDir: folder });
  admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
});

afterAll(async () => {
  await admin?.end();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A database of its own for each test. */
const aDatabase = async (): Promise<string> => {
  databases += 1;
  await admin.query(`CREATE DATABASE log_${databases}`);
  return postgres.url(`log_${databases}`);
};

const aLog = async (url: string, options: Partial<PostgresEventLogOptions> = {}): Promise<TransactionalEventLog> => {
  const log = await openPostgresEventLog({ url, applicationName: 'test', topics: layout, ...options });
  onTestFinished(() => log.close());
  return log;
};

const aService = async (url: string, migrationsUrl = url, schema = 'service'): Promise<Database> => {
  const db = await openDatabase({ url, migrationsUrl, schema, applicationName: 'service', migrations: [] });
  onTestFinished(() => db.close());
  return db;
};

const record = (key: string, id: string, topic = EVENTS): LogRecord => ({ topic, key, id, headers: {}, value: '{}' });

const follow = async (log: TransactionalEventLog, topic = EVENTS): Promise<ReceivedRecord[]> => {
  const seen: ReceivedRecord[] = [];
  const subscription = await log.subscribe({
    group: 'edge-gateway.test',
    topics: [topic],
    from: 'earliest',
    positions: 'ephemeral',
    handle: async (batch) => void seen.push(...batch.records),
  });
  await subscription.ready;
  return seen;
};

const idsOf = (records: readonly ReceivedRecord[]): string[] => records.map(({ id }) => id);

/** A key of another partition. */
const keyApart = (key: string): string => {
  for (let n = 0; ; n += 1) if (partitionOf(`${n}`, 4) !== partitionOf(key, 4)) return `${n}`;
};

test('a commit that comes late is never skipped: what came after it in its partition waits, other partitions do not', async () => {
  const url = await aDatabase();
  const [log, other] = [await aLog(url), await aLog(url)];
  const service = await aService(url);
  const seen = await follow(other);
  const appended = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const late = service.transaction(async (tx) => {
    await log.appendIn(tx, [record('chain', 'late')]);
    appended.resolve();
    await release.promise;
  });
  await appended.promise;
  let overtaken = false;
  const behind = other.append([record('chain', 'behind')]).then(() => {
    overtaken = true;
  });
  await log.append([record(keyApart('chain'), 'apart')]);
  await expect.poll(() => idsOf(seen)).toEqual(['apart']);
  expect(overtaken).toBe(false);
  release.resolve();
  await Promise.all([late, behind]);
  await expect.poll(() => idsOf(seen)).toEqual(['apart', 'late', 'behind']);
  expect(seen.filter(({ key }) => key === 'chain').map(({ position }) => position)).toEqual([0n, 1n]);
});

test('an append that is rolled back leaves no record and no gap', async () => {
  const url = await aDatabase();
  const log = await aLog(url);
  const service = await aService(url);
  const seen = await follow(log);
  await expect(
    service.transaction(async (tx) => {
      await log.appendIn(tx, [record('chain', 'undone')]);
      throw new Error('rolled back');
    }),
  ).rejects.toThrow('rolled back');
  await log.append([record('chain', 'kept')]);
  await expect.poll(() => idsOf(seen)).toEqual(['kept']);
  expect(seen[0]?.position).toBe(0n);
});

test('what a transaction appended is handed over after its commit, with or without the call', async () => {
  const url = await aDatabase();
  const log = await aLog(url, { lookMs: 60_000 });
  const service = await aService(url);
  const seen = await follow(log);
  // The notification may be there before the call.
  (await service.transaction((tx) => log.appendIn(tx, [record('chain', '1')])))();
  await expect.poll(() => idsOf(seen)).toEqual(['1']);
  await service.transaction((tx) => log.appendIn(tx, [record('chain', '2')]));
  await expect.poll(() => idsOf(seen)).toEqual(['1', '2']);
});

test('where no other process reads, a transaction notifies nobody, and what it appended is handed over or found by a look', async () => {
  const url = await aDatabase();
  const log = await aLog(url, { otherProcesses: false, lookMs: 50 });
  const service = await aService(url);
  const seen = await follow(log);
  const heard: string[] = [];
  const listening = await service.listen({ channel: 'sallyport_log', onNotification: (payload) => heard.push(payload) });
  onTestFinished(() => listening.close());
  (await service.transaction((tx) => log.appendIn(tx, [record('chain', '1')])))();
  await expect.poll(() => idsOf(seen)).toEqual(['1']);
  await service.transaction((tx) => log.appendIn(tx, [record('chain', '2')]));
  await expect.poll(() => idsOf(seen)).toEqual(['1', '2']);
  // Notifications come in the order of their commits.
  await service.query("SELECT pg_notify('sallyport_log', 'end')");
  await expect.poll(() => heard).toContain('end');
  expect(heard).toEqual(['end']);
});

test('appenders that lock many partitions in opposite orders do not deadlock', async () => {
  const url = await aDatabase();
  const logs = [await aLog(url), await aLog(url)];
  const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => {
      const order = n % 2 === 0 ? keys : keys.toReversed();
      return logs[n % 2]?.append(order.map((key) => record(key, `${n}:${key}`)));
    }),
  );
  const seen = await follow(await aLog(url));
  await expect.poll(() => seen.length).toBe(720);
});

test('finds records whose notification was lost', async () => {
  const url = await aDatabase();
  const silent = await aLog(url, { otherProcesses: false });
  const seen = await follow(await aLog(url, { lookMs: 50 }));
  await silent.append([record('chain', 'unannounced')]);
  await expect.poll(() => idsOf(seen)).toEqual(['unannounced']);
});

test('an event of less than half a page is one row of one table', async () => {
  const url = await aDatabase();
  const log = await aLog(url);
  await log.append(Array.from({ length: 20 }, (_, n) => ({ ...record('chain', `${n}`), value: randomBytes(2_600).toString('base64') })));
  const service = await aService(url);
  expect(
    (await service.query(`SELECT pg_relation_size(reltoastrelid)::int AS bytes FROM pg_class WHERE oid = 'log.event'::regclass`)).rows,
  ).toEqual([{ bytes: 0 }]);
});

test('reads by the primary key even from a table without statistics', async () => {
  const url = await aDatabase();
  const log = await aLog(url);
  await log.append(Array.from({ length: 900 }, (_, n) => record(`k${n}`, `${n}`)));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  const plans: string[] = [];
  client.on('notice', ({ message }) => plans.push(message ?? ''));
  await client.query(`LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
    SET client_min_messages = log; DELETE FROM pg_statistic WHERE starelid = 'log.event'::regclass`);
  plans.length = 0;
  const { rows } = await client.query('SELECT * FROM log.read($1, $2, $3, $4)', [[EVENTS, EVENTS], [0, 1], ['10', '20'], 50]);
  expect(rows.length).toBe(100);
  const plan = plans.find((text) => text.includes('log.event') || text.includes('event r')) ?? '';
  expect(plan).toContain('Index Scan using event_pkey');
  expect(plan).not.toMatch(/Seq Scan|Sort|Bitmap/);
});

test('compaction keeps the last record of each key, and readers of all ages see the same state', async () => {
  const url = await aDatabase();
  const log = await aLog(url);
  const db = await openDatabase({ url, schema: 'log', applicationName: 'maintenance', migrations: [] });
  onTestFinished(() => db.close());
  const early = await follow(log, STATE);
  for (let version = 0; version < 5; version += 1) {
    await log.append(Array.from({ length: 40 }, (_, key) => record(`k${key}`, `${key}:${version}`, STATE)));
  }
  expect(await maintainLog(db, { layout, compactAfterRecords: 500 })).toBe(0);
  expect(await maintainLog(db, { layout, compactAfterRecords: 100 })).toBe(160);
  expect(await maintainLog(db, { layout, compactAfterRecords: 100 })).toBe(0);
  await log.append([record('k0', '0:last', STATE)]);
  const late = await follow(await aLog(url), STATE);
  await expect.poll(() => late.length).toBe(41);
  await expect.poll(() => early.length).toBe(201);
  const stateOf = (records: readonly ReceivedRecord[]) => Object.fromEntries(records.map(({ key, id }) => [key, id]));
  expect(stateOf(late)).toEqual(stateOf(early));
});

test('drops events that outlived the retention, and a consumer that begins finds the rest', async () => {
  const url = await aDatabase();
  const log = await aLog(url);
  const db = await openDatabase({ url, schema: 'log', applicationName: 'maintenance', migrations: [] });
  onTestFinished(() => db.close());
  await log.append([record('chain', 'old 1'), record('chain', 'old 2')]);
  await db.query(`UPDATE log.event SET appended_at = now() - interval '2 hours'`);
  await log.append([record('chain', 'young')]);
  expect(await maintainLog(db, { layout, retentionMs: 3_600_000 })).toBe(2);
  const seen = await follow(log);
  await expect.poll(() => idsOf(seen)).toEqual(['young']);
});

test('a service appends within its own transaction by its own role, and may change nothing that was written', async () => {
  const url = await aDatabase();
  const urls = await provisionServices(url, [{ service: 'log' }, { service: 'edge_gateway' }]);
  const own = urls.get('log') ?? { url: '', migrationsUrl: '' };
  const edge = urls.get('edge_gateway') ?? { url: '', migrationsUrl: '' };
  const log = await aLog(own.url, { migrationsUrl: own.migrationsUrl });
  const service = await aService(edge.url, edge.migrationsUrl, 'edge_gateway');
  const seen = await follow(log);
  await service.transaction((tx) => log.appendIn(tx, [record('chain', 'by the service')]));
  await expect.poll(() => idsOf(seen)).toEqual(['by the service']);
  for (const statement of ['DELETE FROM log.event', `UPDATE log.event SET value = ''`, 'UPDATE log.partition SET next_position = 0']) {
    await expect(service.query(statement)).rejects.toThrow('permission denied');
  }
});

test('goes on after PostgreSQL ended its connections, and says meanwhile that it is not healthy', async () => {
  const url = await aDatabase();
  const log = await aLog(url, { lookMs: 50 });
  const seen = await follow(log);
  const name = new URL(url).pathname.slice(1);
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  await expect.poll(() => log.isHealthy()).toBe(false);
  await expect(log.append([record('chain', 'refused')])).rejects.toMatchObject({ code: 'log.unavailable' });
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await expect.poll(() => log.isHealthy(), { timeout: 5_000 }).toBe(true);
  await log.append([record('chain', 'again')]);
  await expect.poll(() => idsOf(seen)).toEqual(['again']);
});
