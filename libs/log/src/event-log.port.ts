import type { Sql } from '@sallyport/platform';
import type { PositionStore } from './consumption/position-store.port.js';

/** A record to append. `key` decides the partition and with it the order; `headers.ce_id` is set to `id` where it is missing. */
export interface LogRecord {
  readonly topic: string;
  readonly key: string;
  /** Consumers drop an id they have handled: a record may be delivered, and after an unknown outcome appended, more than once. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text of the event's data, at most `RECORD_BYTES_MAX` bytes with its headers. */
  readonly value: string;
}

/** A record with its place. Positions grow within a partition; they have gaps where a topic is compacted, and on Kafka elsewhere too. */
export interface ReceivedRecord extends LogRecord {
  readonly partition: number;
  readonly position: bigint;
  /** The log's time, milliseconds since 1970. */
  readonly appendedAtMs: number;
}

/** Records of one or several partitions, in order within each partition. */
export interface RecordBatch {
  readonly records: readonly ReceivedRecord[];
  /**
   * Moves the positions of all partitions of the batch, within the transaction of the batch's results.
   * Throws `log.position-lost` when another consumer moved one of them: let it travel on, so that the transaction rolls back.
   * A handler that never calls it has its positions moved after it resolved (at least once). Does nothing on an ephemeral subscription.
   */
  advance(tx: Sql): Promise<void>;
}

export interface SubscribeOptions {
  /** Name of the consumer group; begins with the service's name. Members of a group share the partitions. */
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group begins that has no position yet. Ephemeral subscriptions: `latest` is the end at the time of `ready`. */
  readonly from: 'earliest' | 'latest';
  /** Where positions are kept; `ephemeral` keeps none, reads all partitions whoever else does, and continues in memory after a broken connection. */
  readonly positions: PositionStore | 'ephemeral';
  /** Looks at headers alone, before anything is parsed or stored. What it refuses counts as handled. Must not throw. */
  readonly accept?: (headers: Readonly<Record<string, string>>) => boolean;
  /**
   * Handles a batch. Rejecting with `store.unavailable` or `log.unavailable` pauses the group and repeats the batch for as long as it takes;
   * with anything else the batch is repeated a few times, then its records are handled one by one and the one that cannot be handled goes to
   * the dead letter.
   */
  readonly handle: (batch: RecordBatch) => Promise<void>;
  /** Gathers for so long after the first record of a batch, unless `gatherBytes` are there sooner. Default 0: at once. */
  readonly pauseMs?: number;
  /** Looks at headers alone: a record that somebody waits for ends the gathering at once, and what was gathered goes with it, in order. */
  readonly urgent?: (headers: Readonly<Record<string, string>>) => boolean;
  /** Default 65,536. */
  readonly gatherBytes?: number;
  /**
   * For records that nobody waits for at once. Where they are fetched over a network, a fetch that brought all there was is followed by the next so
   * much later, with what came meanwhile. Default: `pauseMs` of a consumer without urgent records, which then gathers at the broker; else 0.
   */
  readonly fetchEveryMs?: number;
  /** Most records of a batch; default 500. */
  readonly batchRecordsMax?: number;
  /**
   * Positions of a handler that does not call `advance` move so long after what it handled, together, instead of after each batch. What a crash or
   * a move of the partitions leaves behind is handled again: for handlers to which that makes no difference. Default: after each batch.
   */
  readonly moveMs?: number;
  /** After a poison record: `hold-chain` (default) sends what follows under its key to the dead letter too, `continue` handles it. */
  readonly poison?: 'hold-chain' | 'continue';
  /** Default: `<group>.dead-letter.v1` where that topic exists, else the one of the service that the group's name begins with. */
  readonly deadLetterTopic?: string;
}

export interface Subscription {
  /** Partitions are assigned and their start is fixed: an ephemeral subscription sees everything appended from now on. */
  readonly ready: Promise<void>;
  /** Everything that was on the log at `ready` is handled. */
  readonly caughtUp: Promise<void>;
  /** Records of the partitions held here that are not handled yet, as far as known here. */
  lag(): number;
  /** Finishes the batch that is being handled, takes no other, leaves the group. */
  close(): Promise<void>;
}

/** What happened to a group that its owner should know of. Carries no record contents. */
export interface LogFault {
  readonly kind: 'paused' | 'resumed' | 'retried' | 'poison' | 'parked' | 'dropped' | 'position-lost' | 'transport' | 'waiting';
  readonly group: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly position?: bigint;
  readonly error?: unknown;
}

/** The log: the only place where services meet. */
export interface EventLog {
  /**
   * Appends records; those of one key keep the order of the calls and of the array. Resolves when all are durable (committed, or
   * acknowledged by all in-sync replicas). Rejects with `log.unavailable`: then each of them is on the log or not, and may be appended again.
   */
  append(records: readonly LogRecord[]): Promise<void>;
  /** Resolves when the subscription is being set up; wait for `ready`. Throws `log.unavailable`. */
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** By partition of a topic, the position behind everything that was acknowledged before the call. Throws `log.unavailable`. */
  ends(topic: string): Promise<ReadonlyMap<number, bigint>>;
  /** Creates missing topics where that is allowed, then checks the partition count of each. Throws `log.unavailable`, `configuration.invalid`. */
  verifyTopics(): Promise<void>;
  /** Whether appends are expected to succeed now. Costs nothing. */
  isHealthy(): boolean;
  /** Closes subscriptions, then waits for appends that run. */
  close(): Promise<void>;
}

/** A log in the same database as its callers' tables. */
export interface TransactionalEventLog extends EventLog {
  /**
   * Appends within the caller's transaction, which must be on the log's database. Locks the partitions until the end: make it the last
   * statement. Call the returned function after COMMIT to hand the records over at once; without it they are found a little later.
   */
  appendIn(tx: Sql, records: readonly LogRecord[]): Promise<() => void>;
}

/** Whether a log can append inside a transaction of its callers. */
export const isTransactional = (log: EventLog): log is TransactionalEventLog => 'appendIn' in log;

/** Kafka's default limit of a request is 1 MiB, and every adapter keeps to it. */
export const RECORD_BYTES_MAX = 900 * 1024;
