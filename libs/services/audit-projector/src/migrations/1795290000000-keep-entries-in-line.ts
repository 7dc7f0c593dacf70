import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Entries of up to half a page stay in their row as they are, as events on the log do: most that are longer than 2 KB are hardly so. */
export class KeepEntriesInLine1795290000000 implements MigrationInterface {
  readonly name = 'KeepEntriesInLine1795290000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_event SET (toast_tuple_target = 4080)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_event RESET (toast_tuple_target)');
  }
}
