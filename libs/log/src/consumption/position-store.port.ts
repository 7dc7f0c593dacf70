import type { Sql, TransactionOptions } from '@sallyport/platform';
import type { TopicPartition } from '../topic-layout.js';

/** A position that moves: `expected` is what this consumer believes it to be. */
export interface PositionMove extends TopicPartition {
  readonly expected: bigint;
  readonly next: bigint;
}

/** Why and where a chain was poisoned. */
export interface PoisonedRecord extends TopicPartition {
  readonly key: string;
  readonly position: bigint;
  readonly errorCode: string;
}

/**
 * Where a service keeps how far its groups have come, beside its own tables, so that a position moves in the transaction of its results.
 * Throws `store.unavailable` while the database does not answer.
 */
export interface PositionStore {
  /** Positions of partitions, by `partitionName`; one that is missing is created at `initial`. */
  load(group: string, partitions: readonly (TopicPartition & { readonly initial: bigint })[]): Promise<Map<string, bigint>>;
  /** Moves all of them or throws `log.position-lost`, when one is not where it is expected to be. */
  advance(tx: Sql, group: string, moves: readonly PositionMove[]): Promise<void>;
  /** Runs work in a transaction of the same database. */
  transaction<T>(work: (tx: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Keys of chains of the group that are poisoned now; among `keys`, or all. */
  poisoned(group: string, keys?: readonly string[]): Promise<Set<string>>;
  /** Marks a chain, within the transaction that moves the position behind the record. */
  poison(tx: Sql, group: string, record: PoisonedRecord): Promise<void>;
}
