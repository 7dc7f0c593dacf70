import { randomBytes } from 'node:crypto';
import { AppError } from '@sallyport/contracts';
import pg from 'pg';
import type { QueryRunner } from 'typeorm';
import { plainIdentifier } from './identifier.js';
import { toStoreError } from './store-error.js';

/** The schema of the embedded event log, which several services append to and read. */
export const LOG_SCHEMA = 'log';

export interface ServiceToProvision {
  /** Name of the schema and of the service, e.g. `edge_gateway`. */
  readonly service: string;
  /** Whether the service appends to or reads the embedded log; default `true`. */
  readonly usesLog?: boolean;
}

/** Where a service connects. */
export interface ServiceUrls {
  /** The role the service runs as: reads and writes the rows of its own schema, owns nothing. */
  readonly url: string;
  /** The role that owns the schema and runs its migrations. */
  readonly migrationsUrl: string;
}

/** Roles belong to the whole server, so they carry the database's name: two databases of one server never share one. */
const roleOf = (database: string, service: string): string => plainIdentifier(`${database}_${service}`);
const ownerOf = (database: string, service: string): string => plainIdentifier(`${database}_${service}_owner`);
const logClientOf = (database: string): string => plainIdentifier(`${database}_log_client`);

/** Two processes that provision one database at once would race for the roles: "prov" in ASCII. */
const PROVISION_LOCK = 0x70726f76;

/**
 * Gives every service a schema, a role that owns it and a role it runs as, with new random passwords, and no right on anybody else's
 * schema. Services that use the log may use the `log` schema as far as the log's own migrations grant (`grantToLogClients`).
 * Repeatable; each call replaces the passwords, so one process at a time provisions a database (the embedded default, tests, an operator).
 * Throws `store.unavailable`, and `configuration.invalid` when the role of `adminUrl` may not create roles.
 */
export const provisionServices = async (
  adminUrl: string,
  services: readonly ServiceToProvision[],
): Promise<ReadonlyMap<string, ServiceUrls>> => {
  const admin = new pg.Client({ connectionString: adminUrl, application_name: 'sallyport-provisioning', connectionTimeoutMillis: 5_000 });
  admin.on('error', () => {});
  try {
    await admin.connect();
  } catch (error) {
    throw toStoreError(error, 'provisioning');
  }
  try {
    await admin.query('BEGIN');
    await admin.query('SELECT pg_advisory_xact_lock($1)', [PROVISION_LOCK]);
    const database = await databaseOf(admin);
    await admin.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await admin.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    const logClient = logClientOf(database);
    await ensureRole(admin, logClient, 'NOLOGIN');
    const urls = new Map<string, ServiceUrls>();
    for (const { service, usesLog } of services) {
      urls.set(service, await provision(admin, adminUrl, database, service));
      if (service === LOG_SCHEMA) await admin.query(`GRANT USAGE ON SCHEMA ${LOG_SCHEMA} TO ${logClient}`);
      if (usesLog ?? true) await admin.query(`GRANT ${logClient} TO ${roleOf(database, service)}`);
    }
    await admin.query('COMMIT');
    return urls;
  } catch (error) {
    throw toStoreError(error, 'provisioning');
  } finally {
    await admin.end().catch(() => {});
  }
};

const databaseOf = async (admin: pg.Client): Promise<string> => {
  const { rows } = await admin.query<{ database: string; may: boolean }>(
    'SELECT current_database() AS database, rolcreaterole OR rolsuper AS may FROM pg_roles WHERE rolname = current_user',
  );
  if (rows[0]?.may !== true) {
    throw new AppError('configuration.invalid', 'the role of the database URL may not create roles: give one URL per service instead');
  }
  return plainIdentifier(rows[0].database);
};

const ensureRole = async (admin: pg.Client, role: string, attributes: string): Promise<void> => {
  const present = await admin.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
  await admin.query(`${present.rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${role} ${attributes}`);
};

const provision = async (admin: pg.Client, adminUrl: string, database: string, service: string): Promise<ServiceUrls> => {
  const schema = plainIdentifier(service);
  const role = roleOf(database, service);
  const owner = ownerOf(database, service);
  const login = async (name: string): Promise<string> => {
    const password = randomBytes(24).toString('base64url');
    await ensureRole(admin, name, `LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '${password}'`);
    await admin.query(`GRANT CONNECT ON DATABASE ${database} TO ${name}`);
    const url = new URL(adminUrl);
    url.username = name;
    url.password = password;
    return url.href;
  };
  const migrationsUrl = await login(owner);
  const url = await login(role);
  // Who is not a superuser may give a schema only to a role it is a member of.
  await admin.query(`GRANT ${owner} TO CURRENT_USER`);
  await admin.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${owner}`);
  await admin.query(`REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC`);
  await admin.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
  const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${schema}`;
  await admin.query(`${defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role}`);
  await admin.query(`${defaults} GRANT USAGE, SELECT ON SEQUENCES TO ${role}`);
  await admin.query(`${defaults} GRANT EXECUTE ON FUNCTIONS TO ${role}`);
  return { url, migrationsUrl };
};

const roleExists = async (runner: QueryRunner, role: string): Promise<boolean> => {
  const rows: unknown[] = await runner.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
  return rows.length > 0;
};

const currentDatabase = async (runner: QueryRunner): Promise<string> => {
  const rows: { database: string }[] = await runner.query('SELECT current_database() AS database');
  return rows[0]?.database ?? '';
};

/**
 * For migrations of the log: gives the services that use the log a right, e.g. `grantToLogClients(runner, 'SELECT, INSERT ON log.records')`.
 * Does nothing in a database that was not provisioned, where one role owns everything.
 */
export const grantToLogClients = async (runner: QueryRunner, privileges: string): Promise<void> => {
  const role = logClientOf(await currentDatabase(runner));
  if (await roleExists(runner, role)) await runner.query(`GRANT ${privileges} TO ${role}`);
};

/**
 * For migrations: takes a right from the role a service runs as, e.g. `revokeFromService(runner, 'audit_projector',
 * 'UPDATE, DELETE ON audit_projector.events')`, which makes a table insert-only by grant. Only the owner, which no running service
 * connects as, could give it back. Does nothing in a database that was not provisioned.
 */
export const revokeFromService = async (runner: QueryRunner, service: string, privileges: string): Promise<void> => {
  const role = roleOf(await currentDatabase(runner), service);
  if (await roleExists(runner, role)) await runner.query(`REVOKE ${privileges} FROM ${role}`);
};
