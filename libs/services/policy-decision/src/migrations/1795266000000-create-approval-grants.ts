import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Grants as they were found on the log: what a resumed call may rest on. One row for each call that a grant was given to. */
export class CreateApprovalGrants1795266000000 implements MigrationInterface {
  readonly name = 'CreateApprovalGrants1795266000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE approval_grant (
      tenant_id text NOT NULL, approval_id text NOT NULL, call_id text NOT NULL, params_hash text NOT NULL, tool_digest text NOT NULL,
      rule_ids text[] NOT NULL, expires_at timestamptz NOT NULL, PRIMARY KEY (tenant_id, approval_id, call_id))`);
    await runner.query('CREATE INDEX approval_grant_by_end ON approval_grant (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE approval_grant');
  }
}
