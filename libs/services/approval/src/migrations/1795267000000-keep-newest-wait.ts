import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which wait of a call is its newest, and how long ended requests are kept. */
export class KeepNewestWait1795267000000 implements MigrationInterface {
  readonly name = 'KeepNewestWait1795267000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE approval_call ADD COLUMN turn bigint GENERATED ALWAYS AS IDENTITY');
    await runner.query('ALTER TABLE approval_call ADD COLUMN heard_at timestamptz NOT NULL DEFAULT now()');
    await runner.query('CREATE INDEX approval_call_by_age ON approval_call (heard_at)');
    await runner.query('ALTER TABLE approval_request ADD COLUMN ended_at timestamptz');
    // The owner is held to row-level security as well.
    await runner.query(`SELECT set_config('sallyport.tenant', '*', true)`);
    await runner.query(`UPDATE approval_request SET ended_at = to_timestamp((state->>'atMs')::bigint / 1000.0)
      WHERE status IN ('used', 'rejected', 'expired', 'withdrawn')`);
    await runner.query(
      `CREATE INDEX approval_request_by_end ON approval_request (coalesce(ended_at, expires_at)) WHERE status <> 'pending'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX approval_request_by_end');
    await runner.query('ALTER TABLE approval_request DROP COLUMN ended_at');
    await runner.query('ALTER TABLE approval_call DROP COLUMN heard_at, DROP COLUMN turn');
  }
}
