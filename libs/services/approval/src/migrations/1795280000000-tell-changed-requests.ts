import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What requests are looked up by, and which transaction changed each last: who follows them asks for what changed since the oldest
 * transaction that ran when they looked, and so misses none that committed late.
 */
export class TellChangedRequests1795280000000 implements MigrationInterface {
  readonly name = 'TellChangedRequests1795280000000';

  async up(runner: QueryRunner): Promise<void> {
    // One rewrite for all of them.
    await runner.query(`ALTER TABLE approval_request
      ADD COLUMN changed_tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
      ADD COLUMN subject text GENERATED ALWAYS AS (asked -> 'principal' ->> 'subject') STORED,
      ADD COLUMN agent text GENERATED ALWAYS AS (asked -> 'principal' -> 'actors' ->> 0) STORED,
      ADD COLUMN tool text GENERATED ALWAYS AS (asked -> 'tool' ->> 'id') STORED`);
    await runner.query('CREATE INDEX approval_request_by_change ON approval_request (tenant_id, changed_tx)');
    for (const column of ['subject', 'agent', 'tool'])
      await runner.query(`CREATE INDEX approval_request_by_${column} ON approval_request (tenant_id, ${column}, approval_id DESC)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE approval_request DROP COLUMN tool, DROP COLUMN agent, DROP COLUMN subject, DROP COLUMN changed_tx`);
  }
}
