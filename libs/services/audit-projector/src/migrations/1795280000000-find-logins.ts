import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Logins to the console and ends of sessions are found without reading the calls between them. */
export class FindLogins1795280000000 implements MigrationInterface {
  readonly name = 'FindLogins1795280000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX audit_event_logins ON audit_event (tenant_id, occurred_at DESC, event_id DESC)
       WHERE event_type IN ('ConsoleSessionOpened', 'ConsoleSessionEnded')`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX audit_event_logins');
  }
}
