import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What accounts spent, by the hour it was held in: kept when the windows of an account have long forgotten it. */
export class BookSpending1795280000000 implements MigrationInterface {
  readonly name = 'BookSpending1795280000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE spending (
      tenant_id text NOT NULL, account text NOT NULL, hour timestamptz NOT NULL, currency text NOT NULL,
      spent_micros bigint NOT NULL, calls bigint NOT NULL,
      PRIMARY KEY (tenant_id, account, hour, currency)) WITH (fillfactor = 70)`);
    await runner.query('CREATE INDEX spending_by_hour ON spending (hour)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE spending');
  }
}
