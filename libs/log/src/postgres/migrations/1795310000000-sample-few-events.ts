import type { MigrationInterface, QueryRunner } from 'typeorm';

const sampled = (target: number): string => `DO $$ DECLARE name name; BEGIN
  FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'log.event'::regclass AND attnum > 0 AND NOT attisdropped LOOP
    EXECUTE format('ALTER TABLE log.event ALTER COLUMN %I SET STATISTICS ${target}', name);
  END LOOP; END $$`;

/**
 * ANALYZE holds 300 rows in memory for each of a column's target, by default 30,000 of 3 KB. Events are found by their place alone, whatever the
 * statistics say.
 */
export class SampleFewEvents1795310000000 implements MigrationInterface {
  readonly name = 'SampleFewEvents1795310000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sampled(10));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(sampled(-1));
  }
}
