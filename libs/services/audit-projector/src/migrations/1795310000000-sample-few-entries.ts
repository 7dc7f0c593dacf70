import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Of 300 rows for each: entries are found by their keys alone, calls by what few or many of them have in common. */
const TARGETS = { audit_event: 10, call_record: 20, call_words: 50 };

const sampled = (table: string, target: number): string => `DO $$ DECLARE name name; BEGIN
  FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped LOOP
    EXECUTE format('ALTER TABLE ${table} ALTER COLUMN %I SET STATISTICS ${target}', name);
  END LOOP; END $$`;

/** ANALYZE holds its sample in memory: by default 30,000 rows, of 3 KB here. Each look at the growing record took PostgreSQL 80 MB more. */
export class SampleFewEntries1795310000000 implements MigrationInterface {
  readonly name = 'SampleFewEntries1795310000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const [table, target] of Object.entries(TARGETS)) await runner.query(sampled(table, target));
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of Object.keys(TARGETS)) await runner.query(sampled(table, -1));
  }
}
