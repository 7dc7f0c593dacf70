import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A key belongs to the first call that claimed it; the delivered answer is sealed beside it for a day. */
export class AddIdempotency1795264000000 implements MigrationInterface {
  readonly name = 'AddIdempotency1795264000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE dispatch_claims
        ADD COLUMN idempotency_scope text,
        ADD COLUMN params_hash text,
        ADD COLUMN sealed_answer text,
        ADD COLUMN is_answered boolean NOT NULL DEFAULT false`);
    await runner.query(
      'CREATE UNIQUE INDEX dispatch_claims_key ON dispatch_claims (tenant_id, idempotency_scope) WHERE idempotency_scope IS NOT NULL',
    );
    await runner.query('CREATE INDEX dispatch_claims_answers ON dispatch_claims (settled_at) WHERE sealed_answer IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX dispatch_claims_answers');
    await runner.query('DROP INDEX dispatch_claims_key');
    await runner.query(`
      ALTER TABLE dispatch_claims DROP COLUMN idempotency_scope, DROP COLUMN params_hash, DROP COLUMN sealed_answer, DROP COLUMN is_answered`);
  }
}
