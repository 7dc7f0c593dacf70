// What every service may do in PostgreSQL, with the product's own provisioning and every migration it has.
import { approvalMigrations } from '@sallyport/approval';
import { auditMigrations } from '@sallyport/audit-projector';
import { budgetAccountantMigrations } from '@sallyport/budget-accountant';
import { SERVICES } from '@sallyport/contracts';
import { EDGE_GATEWAY_MIGRATIONS } from '@sallyport/edge-gateway';
import { openPostgresEventLog } from '@sallyport/log';
import { type Database, LOG_SCHEMA, type MigrationClass, openDatabase, type ServiceUrls } from '@sallyport/platform';
import { policyDecisionMigrations } from '@sallyport/policy-decision';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const REFUSED = { code: '42501' };
const MIGRATIONS: Readonly<Record<(typeof SERVICES)[number], readonly MigrationClass[]>> = {
  'edge-gateway': EDGE_GATEWAY_MIGRATIONS,
  'policy-decision': policyDecisionMigrations(),
  'budget-accountant': budgetAccountantMigrations(),
  approval: approvalMigrations(),
  'audit-projector': auditMigrations(),
};
/** Whose read models are shown to people of several tenants. */
const TENANT_SCHEMAS = ['approval', 'audit_projector'];

const schemaOf = (service: string): string => service.replaceAll('-', '_');
const SCHEMAS = SERVICES.map(schemaOf);

let postgres: TestPostgres;
let home: TestDatabase;
let urls: ReadonlyMap<string, ServiceUrls>;
const roles = new Map<string, Database>();

interface Relation {
  readonly schema: string;
  /** `r` for a table, `S` for a sequence. */
  readonly kind: string;
  readonly name: string;
  readonly column: string;
}
let relations: readonly Relation[] = [];

const relationsOf = (schema: string, kind: string): readonly Relation[] =>
  relations.filter((relation) => relation.schema === schema && relation.kind === kind);

const roleOf = (schema: string): Database => {
  const database = roles.get(schema);
  if (database === undefined) throw new TypeError(`${schema} is not open`);
  return database;
};

/** Expects that PostgreSQL refuses each statement for want of a right. */
const expectRefused = async (database: Database, statements: readonly string[]): Promise<void> => {
  const outcomes = await Promise.all(
    statements.map((statement) =>
      database.query(statement).then(
        () => `carried out: ${statement}`,
        (error: { code?: string }) => (error.code === REFUSED.code ? REFUSED.code : `${error.code}: ${statement}`),
      ),
    ),
  );
  expect(outcomes.filter((outcome) => outcome !== REFUSED.code)).toEqual([]);
};

const writesTo = ({ name, column }: Relation): readonly string[] => [
  `INSERT INTO ${name} DEFAULT VALUES`,
  `UPDATE ${name} SET ${column} = DEFAULT`,
  `DELETE FROM ${name}`,
  `TRUNCATE ${name}`,
];

beforeAll(async () => {
  postgres = await startTestPostgres();
  home = await postgres.createDatabase();
  urls = await home.provision([{ service: LOG_SCHEMA, usesLog: false }, ...SCHEMAS.map((service) => ({ service }))]);
  const log = await openPostgresEventLog({ url: '', ...urls.get(LOG_SCHEMA), applicationName: 'spec' });
  await log.close();
  for (const service of SERVICES) {
    const schema = schemaOf(service);
    roles.set(
      schema,
      await openDatabase({ url: '', ...urls.get(schema), schema, applicationName: 'spec', migrations: MIGRATIONS[service] }),
    );
  }
  relations = await postgres.admin<Relation & Record<string, unknown>>(
    `SELECT nspname AS schema, relkind AS kind, format('%I.%I', nspname, relname) AS name, format('%I', attname) AS column
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid AND attnum = 1
      WHERE relkind IN ('r', 'S') ORDER BY name`,
    home.url,
  );
}, 120_000);
afterAll(async () => {
  await Promise.all([...roles.values()].map((database) => database.close()));
  await postgres?.stop();
});

describe.each(SCHEMAS)('the role that %s runs as', (own) => {
  test('is refused every table and sequence of every other service, to read and to write', async () => {
    for (const other of SCHEMAS.filter((schema) => schema !== own)) {
      const tables = relationsOf(other, 'r');
      expect(tables.length, other).toBeGreaterThan(3);
      for (const table of tables) await expectRefused(roleOf(own), [`SELECT FROM ${table.name}`, ...writesTo(table)]);
      for (const { name } of relationsOf(other, 'S')) await expectRefused(roleOf(own), [`SELECT nextval('${name}')`]);
    }
  });

  test('may read the log and append to it by its function, and change nothing that is there', async () => {
    const tables = relationsOf(LOG_SCHEMA, 'r');
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['log.event', 'log.partition']));
    await roleOf(own).query('SELECT FROM log.event');
    for (const table of tables) await expectRefused(roleOf(own), writesTo(table));
  });

  test('makes, changes and owns nothing, in its own schema or elsewhere', async () => {
    const table = relationsOf(own, 'r')[0]?.name ?? '';
    await expectRefused(roleOf(own), [
      ...[...SCHEMAS, LOG_SCHEMA, 'public'].map((schema) => `CREATE TABLE ${schema}.extra (id int)`),
      ...['CREATE SCHEMA extra', 'CREATE TEMPORARY TABLE extra (id int)', 'CREATE ROLE extra', `CREATE DATABASE ${home.name}_extra`],
      ...[`DROP TABLE ${table}`, `ALTER TABLE ${table} ADD COLUMN extra int`, `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`],
      `CREATE FUNCTION ${own}.extra() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`,
      `CREATE TRIGGER extra BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
    ]);
    const rows = await postgres.admin<{ owned: string }>(
      `SELECT count(*) AS owned FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = '${home.name}_${own}'`,
      home.url,
    );
    expect(rows).toEqual([{ owned: '0' }]);
  });

  test('becomes nobody else, and sees neither passwords nor files of the server', async () => {
    const others = [`${home.name}_${own}_owner`, ...SCHEMAS.filter((schema) => schema !== own).map((schema) => `${home.name}_${schema}`)];
    await expectRefused(roleOf(own), [
      ...others.map((role) => `SET ROLE ${role}`),
      ...others.map((role) => `GRANT ${role} TO ${home.name}_${own}`),
      ...[`ALTER ROLE ${home.name}_${own} BYPASSRLS`, 'SELECT * FROM pg_authid', `SELECT pg_read_file('PG_VERSION')`],
      ...[`COPY (SELECT 1) TO PROGRAM 'true'`, `SET session_replication_role = 'replica'`],
    ]);
  });
});

test('a role of one installation does not reach another on the same server', async () => {
  const other = await postgres.createDatabase();
  await other.provision([{ service: 'edge_gateway' }]);
  const url = new URL(urls.get('edge_gateway')?.url ?? '');
  url.pathname = `/${other.name}`;
  await expect(postgres.admin('SELECT 1', url.href)).rejects.toMatchObject(REFUSED);
});

describe('row-level security', () => {
  test('guards every table that holds rows of tenants and answers people, also against its owner', async () => {
    const rows = await postgres.admin<{ name: string; guarded: boolean }>(
      `SELECT format('%I.%I', nspname, relname) AS name, relrowsecurity AND relforcerowsecurity
          AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND pg_get_expr(polqual, c.oid) LIKE '%sallyport.tenant%') AS guarded
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND attname = 'tenant_id'
        WHERE relkind = 'r' AND nspname IN (${TENANT_SCHEMAS.map((schema) => `'${schema}'`).join(', ')})`,
      home.url,
    );
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.filter(({ guarded }) => !guarded)).toEqual([]);
  });

  test('shows approvals of one tenant to nobody who asks for another, or for none, and takes none in its name', async () => {
    const approval = roleOf('approval');
    const as = <T>(tenant: string | null, statement: string): Promise<readonly T[]> =>
      approval.transaction(async (tx) => {
        if (tenant !== null) await tx.query(`SELECT set_config('sallyport.tenant', $1, true)`, [tenant]);
        return (await tx.query<T & Record<string, unknown>>(statement)).rows;
      });
    const put = (tenant: string): string => `INSERT INTO approval_rule (tenant_id, rule_id, body) VALUES ('${tenant}', 'r', '{}')`;
    await as('acme', put('acme'));
    expect(await as('acme', 'SELECT tenant_id FROM approval_rule')).toEqual([{ tenant_id: 'acme' }]);
    for (const tenant of ['globex', null]) {
      expect(await as(tenant, `SELECT tenant_id FROM approval_rule WHERE tenant_id = 'acme'`)).toEqual([]);
      expect(await as(tenant, 'UPDATE approval_rule SET body = body RETURNING rule_id')).toEqual([]);
      expect(await as(tenant, 'DELETE FROM approval_rule RETURNING rule_id')).toEqual([]);
      await expect(as(tenant, put('acme'))).rejects.toMatchObject(REFUSED);
    }
  });
});
