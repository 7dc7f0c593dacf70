import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisionServices, type ServiceToProvision, type ServiceUrls, startEmbeddedPostgres } from '@sallyport/platform';
import pg from 'pg';

/** A database of its own for one test file, on a server shared with others. */
export interface TestDatabase {
  readonly name: string;
  /** The superuser's address. */
  readonly url: string;
  /** Schemas and roles as the product makes them, in this database alone. */
  provision(services: readonly ServiceToProvision[]): Promise<ReadonlyMap<string, ServiceUrls>>;
}

export interface TestPostgres {
  /** The superuser's address of the default database. */
  readonly adminUrl: string;
  readonly pid: number;
  createDatabase(): Promise<TestDatabase>;
  /** Runs one statement as the superuser, in `url` or the default database. */
  admin<R extends pg.QueryResultRow = Record<string, unknown>>(text: string, url?: string): Promise<R[]>;
  /** Ends PostgreSQL and removes its data. */
  stop(): Promise<void>;
}

/** Bump when the options of initdb change: the template is kept between runs. */
const TEMPLATE = join(tmpdir(), `sallyport-test-postgres-3-${process.getuid?.() ?? 0}`);

/** A cluster made once per machine and copied for each server, which is ten times faster than making it. */
const ensureTemplate = async (): Promise<void> => {
  if (existsSync(join(TEMPLATE, 'cluster'))) return;
  const unfinished = mkdtempSync(`${TEMPLATE}-`);
  const postgres = await startEmbeddedPostgres({ dataDir: unfinished });
  await postgres.stop();
  try {
    renameSync(unfinished, TEMPLATE);
  } catch {
    // Another test file made it meanwhile.
    rmSync(unfinished, { recursive: true, force: true });
  }
};

/**
 * Starts a real PostgreSQL with the product's own launcher on a folder of its own; durable as in production unless `settings` say otherwise.
 * It ends with the test process at the latest.
 */
export const startTestPostgres = async (settings?: Readonly<Record<string, string>>): Promise<TestPostgres> => {
  await ensureTemplate();
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  // Node's own copy does not keep owners, and a cluster made under root belongs to another account.
  execFileSync('cp', ['-a', `${TEMPLATE}/.`, dataDir]);
  const postgres = await startEmbeddedPostgres({ dataDir, settings });
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  const admin = async <R extends pg.QueryResultRow>(text: string, url = postgres.url()): Promise<R[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<R>(text)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    adminUrl: postgres.url(),
    pid: postgres.pid,
    admin,
    createDatabase: async () => {
      const name = `t_${randomBytes(6).toString('hex')}`;
      await admin(`CREATE DATABASE ${name}`);
      const url = postgres.url(name);
      return { name, url, provision: (services) => provisionServices(url, services) };
    },
    stop: async () => {
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
