import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceStatus } from '@sallyport/contracts';
import { type EmbeddedPostgres, parseConfiguration, startEmbeddedPostgres } from '@sallyport/platform';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { consumptionMigrations } from '../../consumption/consumption-migrations.js';
import { postgresPositions } from '../../consumption/postgres-position-store.js';
import { MemoryEventLog } from '../../memory/memory-event-log.adapter.js';
import { openProcessRuntime, openServiceRuntime, type ServiceRuntime } from '../service-runtime.js';
import { serviceStatus } from './service-status.js';

const TOPIC = 'tool-call.events.v1';
let folder: string;
let postgres: EmbeddedPostgres;
let log: MemoryEventLog;
let runtimes: ServiceRuntime[];

const openOne = async (): Promise<ServiceRuntime> => {
  const configuration = parseConfiguration({
    text: `tenants: [{ id: acme, name: Acme }]
identity: { issuers: [{ issuer: i, tokenSource: t, jwksFile: keys.json }] }`,
    file: '/etc/sallyport/sallyport.yaml',
    env: {},
  });
  const shared = openProcessRuntime({ configuration, log, sharesProcess: false });
  return await openServiceRuntime(shared, 'approval', consumptionMigrations(), { url: postgres.url(), migrationsUrl: postgres.url() });
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-status-'));
  postgres = await startEmbeddedPostgres({ dataDir: folder });
  log = new MemoryEventLog();
  runtimes = [await openOne(), await openOne()];
});
afterAll(async () => {
  for (const runtime of runtimes) await runtime.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const statusOf = async (runtime: ServiceRuntime) => ServiceStatus.parse(await serviceStatus(runtime, new Date(0)));

test('counts the replicas that are connected, what is not handled yet by topic, and chains that stand still', async () => {
  const [first, second] = runtimes;
  if (first === undefined || second === undefined) throw new TypeError('two were opened');
  await second.database.query('SELECT 1');
  expect(await statusOf(first)).toMatchObject({ service: 'approval', replicas: 2, lag: [], deadLetters: { records: 0, heldChains: 0 } });

  const records = Array.from({ length: 5 }, (_, n) => ({ topic: TOPIC, key: 'one-chain', id: `r${n}`, headers: {}, value: '{}' }));
  await log.append(records);
  const [[partition = 0] = []] = [...(await log.ends(TOPIC))].filter(([, end]) => end === 5n);
  const positions = postgresPositions(first.database);
  await positions.load('approval', [{ topic: TOPIC, partition, initial: 0n }]);
  expect((await statusOf(first)).lag).toMatchObject([{ group: 'approval', topic: TOPIC, partitions: 1, behind: 5 }]);

  await positions.transaction((tx) => positions.advance(tx, 'approval', [{ topic: TOPIC, partition, expected: 0n, next: 4n }]));
  await positions.transaction((tx) =>
    positions.poison(tx, 'approval', { key: 'one-chain', topic: TOPIC, partition, position: 4n, errorCode: 'internal.error' }),
  );
  await log.append([{ topic: 'approval.dead-letter.v1', key: 'one-chain', id: 'd', headers: {}, value: '{}' }]);
  expect(await statusOf(second)).toMatchObject({ lag: [{ behind: 1 }], deadLetters: { records: 1, heldChains: 1 } });
});

test('a replica that is gone is counted no more', async () => {
  const [first, second] = runtimes.splice(0);
  await second?.close();
  if (first === undefined) throw new TypeError('one is left');
  runtimes.push(first);
  // The server ends a session a moment after its client went.
  await vi.waitFor(async () => expect((await statusOf(first)).replicas).toBe(1), { timeout: 30_000 });
});
