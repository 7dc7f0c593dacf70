import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Calls whose hold was given back are forgotten as those that were settled are, unless somebody has yet to say what became of them. */
export class ForgetReleasedCalls1795270000000 implements MigrationInterface {
  readonly name = 'ForgetReleasedCalls1795270000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX call_over');
    await runner.query(`CREATE INDEX call_over ON call (changed_at) WHERE status <> 'held' AND NOT in_doubt`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX call_over');
    await runner.query(`CREATE INDEX call_over ON call (changed_at) WHERE status = 'closed'`);
  }
}
