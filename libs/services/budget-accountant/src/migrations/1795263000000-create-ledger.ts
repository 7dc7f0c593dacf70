import { revokeFromService } from '@sallyport/platform';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Accounts with what is held and spent of them, calls with their holds, limits, prices. Limits and prices carry the version they changed
 * at, so that a replica loads what is newer. What is inside an account or a call is folded by the domain and kept as its JSON.
 */
export class CreateLedger1795263000000 implements MigrationInterface {
  readonly name = 'CreateLedger1795263000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE account (
      tenant_id text NOT NULL, account text NOT NULL, usage text NOT NULL, used_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, account)) WITH (fillfactor = 50)`);
    await runner.query(`CREATE TABLE call (
      tenant_id text NOT NULL, call_id text NOT NULL, chain_id text NOT NULL, status text NOT NULL, state text NOT NULL,
      in_doubt boolean NOT NULL, deadline timestamptz, changed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, call_id)) WITH (fillfactor = 70)`);
    await runner.query('CREATE INDEX call_by_deadline ON call (deadline) WHERE deadline IS NOT NULL');
    await runner.query('CREATE INDEX call_in_doubt ON call (tenant_id, changed_at) WHERE in_doubt');
    await runner.query(`CREATE INDEX call_over ON call (changed_at) WHERE status = 'closed'`);
    await runner.query(
      `CREATE TABLE terms_version (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), version bigint NOT NULL)`,
    );
    await runner.query('INSERT INTO terms_version (version) VALUES (0)');
    await runner.query(`CREATE TABLE account_limit (
      tenant_id text NOT NULL, account text NOT NULL, limits text, declared text, version bigint NOT NULL,
      changed_by text NOT NULL, why text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, account))`);
    await runner.query('CREATE INDEX account_limit_by_version ON account_limit (version)');
    await runner.query(`CREATE TABLE price (
      tenant_id text NOT NULL, tool text NOT NULL, cost_micros bigint, currency text, list_version text NOT NULL, epoch bigint NOT NULL,
      version bigint NOT NULL, PRIMARY KEY (tenant_id, tool))`);
    await runner.query('CREATE INDEX price_by_version ON price (version)');
    // A price or a limit is never forgotten, only changed: without this a replica could miss that one is gone.
    for (const table of ['account_limit', 'price', 'terms_version']) {
      await revokeFromService(runner, 'budget_accountant', `DELETE, TRUNCATE ON ${table}`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['price', 'account_limit', 'terms_version', 'call', 'account']) await runner.query(`DROP TABLE ${table}`);
  }
}
