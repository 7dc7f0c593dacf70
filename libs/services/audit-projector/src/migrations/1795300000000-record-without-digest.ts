import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A projector of the version before digests records beside a newer one while a deployment goes round. What it leaves out stands as empty, as in
 * entries of before, and verifies by the hash that it computes.
 */
export class RecordWithoutDigest1795300000000 implements MigrationInterface {
  readonly name = 'RecordWithoutDigest1795300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE audit_event ALTER COLUMN digest SET DEFAULT ''`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_event ALTER COLUMN digest DROP DEFAULT');
  }
}
