import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Epoch, tenants, policy versions, catalog, controls and poisoned chains. Every row carries the epoch it changed at, so that a replica loads what is newer.
 * JSON is kept as text: a tool's definition is a stranger's, and jsonb refuses some of what JSON allows.
 */
export class CreateControlState1795262000000 implements MigrationInterface {
  readonly name = 'CreateControlState1795262000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE epoch (
      singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), epoch bigint NOT NULL, changed_at timestamptz NOT NULL DEFAULT now())`);
    await runner.query('INSERT INTO epoch (epoch) VALUES (0)');
    await runner.query(`CREATE TABLE tenant (
      id text PRIMARY KEY, active boolean NOT NULL, declared_policy_hash text NOT NULL, declared_catalog_hash text NOT NULL,
      epoch bigint NOT NULL)`);
    await runner.query(`CREATE TABLE policy_version (
      tenant_id text NOT NULL, epoch bigint NOT NULL, hash text NOT NULL, files text NOT NULL, identity text NOT NULL,
      changed_by text NOT NULL, why text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, epoch))`);
    await runner.query('CREATE INDEX policy_version_by_epoch ON policy_version (epoch)');
    await runner.query(`CREATE TABLE catalog_server (
      tenant_id text NOT NULL, server text NOT NULL, epoch bigint NOT NULL, PRIMARY KEY (tenant_id, server))`);
    await runner.query('CREATE INDEX catalog_server_by_epoch ON catalog_server (epoch)');
    await runner.query(`CREATE TABLE catalog_tool (
      tenant_id text NOT NULL, id text NOT NULL, declared boolean NOT NULL, record text NOT NULL, pin_rule text NOT NULL,
      observed text, epoch bigint NOT NULL, PRIMARY KEY (tenant_id, id))`);
    await runner.query('CREATE INDEX catalog_tool_by_epoch ON catalog_tool (epoch)');
    await runner.query(`CREATE TABLE control (
      tenant_id text NOT NULL, kind text NOT NULL, value text NOT NULL, active boolean NOT NULL, epoch bigint NOT NULL,
      changed_by text NOT NULL, why text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, kind, value))`);
    await runner.query('CREATE INDEX control_by_epoch ON control (epoch)');
    await runner.query(`CREATE TABLE chain_poison (
      chain_id text NOT NULL, dead_letter_id text NOT NULL, tenant_id text NOT NULL, service text NOT NULL, reason text NOT NULL,
      active boolean NOT NULL, epoch bigint NOT NULL, poisoned_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (chain_id, dead_letter_id))`);
    await runner.query('CREATE INDEX chain_poison_by_epoch ON chain_poison (epoch)');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['chain_poison', 'control', 'catalog_tool', 'catalog_server', 'policy_version', 'tenant', 'epoch']) {
      await runner.query(`DROP TABLE ${table}`);
    }
  }
}
