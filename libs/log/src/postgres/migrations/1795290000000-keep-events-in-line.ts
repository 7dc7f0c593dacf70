import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Events of up to half a page stay in their row as they are. PostgreSQL compresses rows of more than 2 KB, and moves what is still longer to a
 * table of its own, with an index: one event of each call was, and it cost more than the event.
 */
export class KeepEventsInLine1795290000000 implements MigrationInterface {
  readonly name = 'KeepEventsInLine1795290000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE log.event SET (toast_tuple_target = 4080)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE log.event RESET (toast_tuple_target)');
  }
}
