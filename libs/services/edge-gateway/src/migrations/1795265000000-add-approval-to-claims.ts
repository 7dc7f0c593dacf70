import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A grant belongs to the first dispatch that claimed it. */
export class AddApprovalToClaims1795265000000 implements MigrationInterface {
  readonly name = 'AddApprovalToClaims1795265000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE dispatch_claims ADD COLUMN approval_id text');
    await runner.query(
      'CREATE UNIQUE INDEX dispatch_claims_approval ON dispatch_claims (tenant_id, approval_id) WHERE approval_id IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE dispatch_claims DROP COLUMN approval_id');
  }
}
