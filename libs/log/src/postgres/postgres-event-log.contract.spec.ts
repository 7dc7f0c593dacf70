import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, type EmbeddedPostgres, openDatabase, startEmbeddedPostgres } from '@sallyport/platform';
import pg from 'pg';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { consumptionMigrations } from '../consumption/consumption-migrations.js';
import { postgresPositions, resolvePoisonedChain } from '../consumption/postgres-position-store.js';
import { CONTRACT_TOPICS, type EventLogHarness, eventLogContract } from '../event-log.contract.js';
import { openPostgresEventLog } from './postgres-event-log.adapter.js';

let folder: string;
let postgres: EmbeddedPostgres;
let db: Database;
let harness: EventLogHarness;
let processes = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
  postgres = await startEmbeddedPostgres({ dataDir: folder });
  db = await openDatabase({ url: postgres.url(), schema: 'consumer', applicationName: 'contract', migrations: consumptionMigrations() });
  const names = new Map<object, string>();
  harness = {
    open: async () => {
      processes += 1;
      const applicationName = `process-${processes}`;
      const log = await openPostgresEventLog({ url: postgres.url(), applicationName, topics: CONTRACT_TOPICS });
      names.set(log, applicationName);
      return log;
    },
    kill: async (log) => {
      // What the server sees of a killed process: all its connections end, and none comes back.
      const admin = new pg.Client({ connectionString: postgres.url() });
      await admin.connect();
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1 || '%'`, [names.get(log)]);
      await admin.end();
      await log.close();
    },
    positions: postgresPositions(db),
    db,
    resolvePoisonedChain: (group, key) => resolvePoisonedChain(db, group, key),
  };
});

afterAll(async () => {
  await db?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('on PostgreSQL', () => {
  eventLogContract({ test }, () => harness);
});
