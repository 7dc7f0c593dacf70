import type { MigrationInterface, QueryRunner } from 'typeorm';

/** One row per attempt that may go to an upstream; the primary key is the right to do it. */
export class CreateDispatchClaims1763726400000 implements MigrationInterface {
  readonly name = 'CreateDispatchClaims1763726400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE dispatch_claims (
        call_id text NOT NULL,
        attempt integer NOT NULL CHECK (attempt > 0),
        tenant_id text NOT NULL,
        chain_id text NOT NULL,
        edge_id text NOT NULL,
        claimed_at timestamptz NOT NULL DEFAULT now(),
        settled_at timestamptz,
        kept_records jsonb,
        PRIMARY KEY (call_id, attempt)
      )`);
    await runner.query('CREATE INDEX dispatch_claims_open ON dispatch_claims (edge_id, claimed_at) WHERE settled_at IS NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE dispatch_claims');
  }
}
