import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Positions, poisoned chains and the outbox, in the schema of a service. */
export class CreateConsumption1795260000000 implements MigrationInterface {
  readonly name = 'CreateConsumption1795260000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE consumer_position (
      group_name text NOT NULL, topic text NOT NULL, partition integer NOT NULL,
      position bigint NOT NULL CHECK (position >= 0), moved_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (group_name, topic, partition)) WITH (fillfactor = 40)`);
    await runner.query(`CREATE TABLE poisoned_chain (
      group_name text NOT NULL, key text NOT NULL, topic text NOT NULL, partition integer NOT NULL, position bigint NOT NULL,
      error_code text NOT NULL, poisoned_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (group_name, key))`);
    await runner.query(`CREATE TABLE outbox (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, key text NOT NULL, id text NOT NULL,
      headers text NOT NULL, value text NOT NULL, staged_at timestamptz NOT NULL DEFAULT now())`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE outbox');
    await runner.query('DROP TABLE poisoned_chain');
    await runner.query('DROP TABLE consumer_position');
  }
}
