import { grantToLogClients } from '@sallyport/platform';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The log as tables. `log.append` takes groups sorted by topic and partition, so that appenders lock partitions in one order and never
 * deadlock; a partition's row stays locked to COMMIT, so positions become visible in order and none is skipped.
 * `log.read` pins its access path: the planner guesses badly on a table it has no statistics of.
 */
export class CreateLog1795260000000 implements MigrationInterface {
  readonly name = 'CreateLog1795260000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE log.partition (
      topic text NOT NULL, partition integer NOT NULL, next_position bigint NOT NULL DEFAULT 0, compacted_to bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (topic, partition)) WITH (fillfactor = 20)`);
    await runner.query(`CREATE TABLE log.event (
      topic text NOT NULL, partition integer NOT NULL, position bigint NOT NULL, key text NOT NULL, id text NOT NULL,
      headers text NOT NULL, value text NOT NULL, appended_at timestamptz NOT NULL,
      PRIMARY KEY (topic, partition, position))`);
    await runner.query(`CREATE FUNCTION log.append(
        group_topics text[], group_partitions integer[], group_counts integer[],
        record_groups integer[], record_offsets integer[], keys text[], ids text[], headers text[], vals text[], notice text)
      RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
      DECLARE
        firsts bigint[] := '{}';
        first bigint;
        ends text := '';
      BEGIN
        FOR g IN 1 .. cardinality(group_topics) LOOP
          UPDATE log.partition p SET next_position = p.next_position + group_counts[g]
            WHERE p.topic = group_topics[g] AND p.partition = group_partitions[g]
            RETURNING p.next_position - group_counts[g] INTO first;
          IF first IS NULL THEN
            RAISE EXCEPTION 'no partition % of topic %', group_partitions[g], group_topics[g] USING ERRCODE = 'undefined_object';
          END IF;
          firsts := firsts || first;
          ends := ends || ' ' || group_topics[g] || '/' || group_partitions[g] || ':' || (first + group_counts[g]);
        END LOOP;
        INSERT INTO log.event (topic, partition, position, key, id, headers, value, appended_at)
          SELECT group_topics[r.g], group_partitions[r.g], firsts[r.g] + r.o, r.k, r.i, r.h, r.v, clock_timestamp()
          FROM unnest(record_groups, record_offsets, keys, ids, headers, vals) AS r(g, o, k, i, h, v);
        IF notice IS NOT NULL THEN
          PERFORM pg_notify('sallyport_log', CASE WHEN length(ends) < 7000 THEN notice || ends ELSE notice END);
        END IF;
        RETURN firsts;
      END $$`);
    await runner.query(`CREATE FUNCTION log.read(topics text[], partitions integer[], positions bigint[], records_max integer)
      RETURNS SETOF log.event LANGUAGE sql STABLE SECURITY DEFINER SET search_path = log, pg_temp
      SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan AS $$
        SELECT e.* FROM unnest(topics, partitions, positions) AS w(topic, partition, position)
        CROSS JOIN LATERAL (
          SELECT * FROM log.event r WHERE r.topic = w.topic AND r.partition = w.partition AND r.position >= w.position
          ORDER BY r.topic, r.partition, r.position LIMIT records_max) e $$`);
    await grantToLogClients(runner, 'SELECT ON log.partition, log.event');
    await grantToLogClients(
      runner,
      'EXECUTE ON FUNCTION log.append(text[], integer[], integer[], integer[], integer[], text[], text[], text[], text[], text)',
    );
    await grantToLogClients(runner, 'EXECUTE ON FUNCTION log.read(text[], integer[], bigint[], integer)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION log.read(text[], integer[], bigint[], integer)');
    await runner.query(
      'DROP FUNCTION log.append(text[], integer[], integer[], integer[], integer[], text[], text[], text[], text[], text)',
    );
    await runner.query('DROP TABLE log.event');
    await runner.query('DROP TABLE log.partition');
  }
}
