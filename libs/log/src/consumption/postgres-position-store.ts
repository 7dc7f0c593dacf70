import { AppError } from '@sallyport/contracts';
import { bigintArray, type Database, intArray, type Sql, type TransactionOptions, textArray } from '@sallyport/platform';
import { partitionName, type TopicPartition } from '../topic-layout.js';
import type { PoisonedRecord, PositionMove, PositionStore } from './position-store.port.js';

const LOAD = `SELECT topic, partition, position FROM consumer_position
  WHERE group_name = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))`;

const CREATE = `INSERT INTO consumer_position (group_name, topic, partition, position)
  SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[]) ON CONFLICT DO NOTHING`;

const ADVANCE = `UPDATE consumer_position p SET position = m.next, moved_at = now()
  FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS m(topic, partition, expected, next)
  WHERE p.group_name = $1 AND p.topic = m.topic AND p.partition = m.partition AND p.position = m.expected`;

const POISON = `INSERT INTO poisoned_chain (group_name, key, topic, partition, position, error_code)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (group_name, key) DO NOTHING`;

/** Positions in the tables of `consumptionMigrations()`, in the schema of `db`. */
export const postgresPositions = (db: Database): PositionStore => new PostgresPositionStore(db);

class PostgresPositionStore implements PositionStore {
  constructor(private readonly db: Database) {}

  async load(group: string, partitions: readonly (TopicPartition & { readonly initial: bigint })[]): Promise<Map<string, bigint>> {
    const topics = partitions.map(({ topic }) => topic);
    const numbers = partitions.map(({ partition }) => partition);
    const initials = partitions.map(({ initial }) => String(initial));
    await this.db.query(CREATE, [group, topics, numbers, initials]);
    const { rows } = await this.db.query<{ topic: string; partition: number; position: string }>(LOAD, [group, topics, numbers]);
    return new Map(rows.map((row) => [partitionName(row), BigInt(row.position)]));
  }

  async advance(tx: Sql, group: string, moves: readonly PositionMove[]): Promise<void> {
    const { rowCount } = await tx.query({
      name: 'sallyport-advance',
      text: ADVANCE,
      values: [
        group,
        textArray(moves.map(({ topic }) => topic)),
        intArray(moves.map(({ partition }) => partition)),
        bigintArray(moves.map(({ expected }) => expected)),
        bigintArray(moves.map(({ next }) => next)),
      ],
    });
    if (rowCount !== moves.length) {
      throw new AppError('log.position-lost', `group ${group}: ${moves.length - rowCount} of ${moves.length} positions moved elsewhere`);
    }
  }

  transaction<T>(work: (tx: Sql) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.db.transaction(work, options);
  }

  async poisoned(group: string, keys?: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.db.query<{ key: string }>(
      'SELECT key FROM poisoned_chain WHERE group_name = $1 AND ($2::text[] IS NULL OR key = ANY($2))',
      [group, keys ?? null],
    );
    return new Set(rows.map(({ key }) => key));
  }

  async poison(tx: Sql, group: string, { key, topic, partition, position, errorCode }: PoisonedRecord): Promise<void> {
    await tx.query(POISON, [group, key, topic, partition, String(position), errorCode]);
  }
}

/**
 * Lets a chain go on: records of the key are handled again from the next one. What went to the dead letter meanwhile stays there.
 * Resolves to whether the chain was poisoned. Run it in the transaction of whatever records the decision.
 */
export const resolvePoisonedChain = async (tx: Sql, group: string, key: string): Promise<boolean> => {
  const { rowCount } = await tx.query('DELETE FROM poisoned_chain WHERE group_name = $1 AND key = $2', [group, key]);
  return rowCount > 0;
};
