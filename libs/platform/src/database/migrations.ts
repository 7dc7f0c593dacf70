import { AppError } from '@sallyport/contracts';
import pg from 'pg';
import type { MigrationInterface } from 'typeorm';
import { plainIdentifier } from './identifier.js';

/** A TypeORM migration; its class name ends in a 13-digit timestamp, by which migrations are ordered. */
export type MigrationClass = new () => MigrationInterface;

export interface MigrationOptions {
  /** A role that may create tables in the schema (and the schema itself, where it is missing). */
  readonly url: string;
  readonly schema: string;
  readonly applicationName: string;
  readonly migrations: readonly MigrationClass[];
  readonly connectTimeoutMs: number;
}

/** The table of a service's schema that says which migrations ran. */
export const MIGRATIONS_TABLE = 'migrations';

/** First half of the advisory lock's key, so that it meets no lock of anybody else: "sall" in ASCII. */
const LOCK_SPACE = 0x73616c6c;

const nameOf = (migration: MigrationClass): string => new migration().name ?? migration.name;

/**
 * Brings a schema up to date, each migration in a transaction of its own. Replicas that start together wait for each other under an
 * advisory lock, and the second finds nothing to do. A migration that fails rolls back, stops the rest and is rethrown; those before it
 * stay. TypeORM is loaded only when something is to be done, which saves a start its time and memory.
 */
export const runMigrations = async (options: MigrationOptions): Promise<readonly string[]> => {
  const schema = plainIdentifier(options.schema);
  const client = new pg.Client({
    connectionString: options.url,
    application_name: `${options.applicationName}-migrations`,
    connectionTimeoutMillis: options.connectTimeoutMs,
  });
  // A connection lost while it idles emits here; the statement that needs it next rejects by itself.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCK_SPACE, schema]);
    const present = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    if (present.rowCount === 0) await client.query(`CREATE SCHEMA ${schema}`);
    const pending = await pendingOf(client, schema, options.migrations);
    if (pending.length === 0) return [];
    return await runPending(options, schema);
  } finally {
    await client.end().catch(() => {});
  }
};

const pendingOf = async (client: pg.Client, schema: string, migrations: readonly MigrationClass[]): Promise<readonly string[]> => {
  const names = migrations.map(nameOf);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new AppError('configuration.invalid', `migration ${repeated} is listed twice`);
  const ledger = await client.query('SELECT to_regclass($1) AS ledger', [`${schema}.${MIGRATIONS_TABLE}`]);
  if (ledger.rows[0]?.ledger === null) return names;
  const ran = await client.query<{ name: string }>(`SELECT name FROM ${schema}.${MIGRATIONS_TABLE}`);
  const done = new Set(ran.rows.map((row) => row.name));
  return names.filter((name) => !done.has(name));
};

const runPending = async (options: MigrationOptions, schema: string): Promise<readonly string[]> => {
  const { DataSource } = await import('typeorm');
  const source = new DataSource({
    type: 'postgres',
    url: options.url,
    schema,
    applicationName: `${options.applicationName}-migrations`,
    connectTimeoutMS: options.connectTimeoutMs,
    poolSize: 1,
    installExtensions: false,
    migrations: [...options.migrations],
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsTransactionMode: 'each',
    logging: false,
    extra: { options: `-c search_path=${schema}` },
  });
  await source.initialize();
  try {
    const ran = await source.runMigrations({ transaction: 'each' });
    return ran.map((migration) => migration.name);
  } finally {
    await source.destroy();
  }
};
