import { randomUUID } from 'node:crypto';
import { AppError, isAppError } from '@sallyport/contracts';
import { type Database, LOG_SCHEMA, openDatabase, type Sql } from '@sallyport/platform';
import { AppendLane } from '../append-lane.js';
import type { PartitionBounds } from '../consumption/group-consumption.js';
import type { LogFault, LogRecord, ReceivedRecord, SubscribeOptions, Subscription, TransactionalEventLog } from '../event-log.port.js';
import { partitionName, partitionsOf, productTopics, type TopicLayout, type TopicPartition, topicSpec } from '../topic-layout.js';
import { type AppendedRun, appendRecords } from './append-statement.js';
import { maintainLog } from './log-maintenance.js';
import { LogSession } from './log-session.js';
import { CreateLog1795260000000 } from './migrations/1795260000000-create-log.js';
import { KeepEventsInLine1795290000000 } from './migrations/1795290000000-keep-events-in-line.js';
import { SampleFewEvents1795310000000 } from './migrations/1795310000000-sample-few-events.js';
import { PostgresSubscription, type SubscriptionHost } from './postgres-subscription.js';

export interface PostgresEventLogOptions {
  /** Where the log's role connects. */
  readonly url: string;
  /** Where its migrations connect, when another role owns the schema. */
  readonly migrationsUrl?: string;
  readonly applicationName: string;
  /** Default: the product's topics. */
  readonly topics?: TopicLayout;
  /** Whether other processes read this log: they are then notified of every append. Default `true`. */
  readonly otherProcesses?: boolean;
  /** Records of event topics older than this are dropped; default: never. */
  readonly retentionMs?: number;
  /** How often to look for what no notification told of; default 2,000. */
  readonly lookMs?: number;
  /** How long an append waits before it rejects; default 30,000. */
  readonly appendTimeoutMs?: number;
  readonly report?: (fault: LogFault) => void;
}

interface EventRow {
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly key: string;
  readonly id: string;
  readonly headers: string;
  readonly value: string;
  readonly appended_at: Date;
}

const BOUNDS = `SELECT p.topic, p.partition, p.next_position AS end,
    coalesce((SELECT e.position FROM log.event e WHERE e.topic = p.topic AND e.partition = p.partition
      ORDER BY e.topic, e.partition, e.position LIMIT 1), p.next_position) AS earliest
  FROM log.partition p WHERE (p.topic, p.partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))`;

const ENDS = 'SELECT topic, partition, next_position AS end FROM log.partition WHERE topic = ANY($1)';
const READ = 'SELECT * FROM log.read($1, $2, $3, $4)';
const MAINTAIN_MS = 60_000;

/**
 * The log in PostgreSQL. Opens the schema `log` (its migrations run), its topics are there when it resolves.
 * Throws `store.unavailable` when PostgreSQL does not answer.
 */
export const openPostgresEventLog = async (options: PostgresEventLogOptions): Promise<TransactionalEventLog> => {
  const db = await openDatabase({
    url: options.url,
    ...(options.migrationsUrl === undefined ? {} : { migrationsUrl: options.migrationsUrl }),
    schema: LOG_SCHEMA,
    applicationName: options.applicationName,
    migrations: [CreateLog1795260000000, KeepEventsInLine1795290000000, SampleFewEvents1795310000000],
    poolMax: 4,
  });
  const log = new PostgresEventLog(db, options);
  try {
    await log.open();
  } catch (error) {
    await log.close();
    throw error;
  }
  return log;
};

class PostgresEventLog implements TransactionalEventLog, SubscriptionHost {
  readonly layout: TopicLayout;
  readonly session: LogSession;
  private readonly instance = randomUUID();
  private readonly lane: AppendLane;
  private readonly subscriptions = new Set<PostgresSubscription>();
  private readonly knownEnds = new Map<string, bigint>();
  private looking = false;
  private look: NodeJS.Timeout | undefined;
  private maintain: NodeJS.Timeout | undefined;
  private healthy = false;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly db: Database,
    private readonly options: PostgresEventLogOptions,
  ) {
    this.layout = options.topics ?? productTopics;
    this.lane = new AppendLane({
      send: (records) => this.send(records),
      ...(options.appendTimeoutMs === undefined ? {} : { timeoutMs: options.appendTimeoutMs }),
    });
    this.session = new LogSession({
      url: options.url,
      applicationName: options.applicationName,
      onNotification: (payload) => this.onNotification(payload),
      onLost: () => {
        for (const subscription of this.subscriptions) subscription.loseSession();
      },
      onBack: () => {
        this.lookNow();
        for (const subscription of this.subscriptions) subscription.balance();
      },
    });
  }

  async open(): Promise<void> {
    await this.verifyTopics();
    try {
      await this.session.open();
    } catch (cause) {
      throw new AppError('store.unavailable', 'the session of the log could not be opened', { cause });
    }
    this.healthy = true;
    this.look = setInterval(() => {
      this.lookNow();
      for (const subscription of this.subscriptions) subscription.balance();
    }, this.options.lookMs ?? 2_000);
    this.look.unref();
    this.maintain = setInterval(() => this.maintainNow(), MAINTAIN_MS);
    this.maintain.unref();
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    for (const { topic } of records) topicSpec(this.layout, topic);
    return this.lane.append(records);
  }

  async appendIn(tx: Sql, records: readonly LogRecord[]): Promise<() => void> {
    if (records.length === 0) return () => {};
    // Without the name of this process: whether the transaction commits is not known here, so it listens like everybody else. Where nobody else
    // reads, a commit of which its process did not learn is found by the next look.
    const runs = await appendRecords(tx, this.layout, records, this.hasOtherReaders ? 'transaction' : null);
    return () => this.handOver(runs);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (this.closing !== undefined) throw new AppError('log.unavailable', 'the log is closed');
    const subscription = new PostgresSubscription(this, options);
    this.subscriptions.add(subscription);
    subscription.balance();
    return subscription;
  }

  async ends(topic: string): Promise<ReadonlyMap<number, bigint>> {
    try {
      const { rows } = await this.db.query<{ partition: number; end: string }>(ENDS, [[topic]]);
      return new Map(rows.map(({ partition, end }) => [partition, BigInt(end)]));
    } catch (cause) {
      throw new AppError('log.unavailable', `the ends of ${topic} could not be read`, { cause });
    }
  }

  async verifyTopics(): Promise<void> {
    const wanted = partitionsOf(this.layout, Object.keys(this.layout));
    await this.db.query('INSERT INTO log.partition (topic, partition) SELECT * FROM unnest($1::text[], $2::int[]) ON CONFLICT DO NOTHING', [
      wanted.map(({ topic }) => topic),
      wanted.map(({ partition }) => partition),
    ]);
    const { rows } = await this.db.query<{ topic: string; count: string }>(
      'SELECT topic, count(*) AS count FROM log.partition GROUP BY topic',
    );
    for (const { topic, count } of rows) {
      const spec = this.layout[topic];
      if (spec !== undefined && spec.partitions !== Number(count)) {
        throw new AppError('configuration.invalid', `topic ${topic} has ${count} partitions and should have ${spec.partitions}`);
      }
    }
  }

  isHealthy(): boolean {
    return this.healthy && this.closing === undefined;
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      clearInterval(this.look);
      clearInterval(this.maintain);
      await Promise.all([...this.subscriptions].map((subscription) => subscription.close()));
      await this.lane.close();
      await this.session.close();
      await this.db.close();
    })();
    return this.closing;
  }

  report(fault: LogFault): void {
    this.options.report?.(fault);
  }

  endOf(of: TopicPartition): bigint {
    return this.knownEnds.get(partitionName(of)) ?? 0n;
  }

  async bounds(partitions: readonly TopicPartition[]): Promise<PartitionBounds[]> {
    if (partitions.length === 0) return [];
    const { rows } = await this.db.query<{ topic: string; partition: number; end: string; earliest: string }>(BOUNDS, [
      partitions.map(({ topic }) => topic),
      partitions.map(({ partition }) => partition),
    ]);
    return rows.map(({ topic, partition, end, earliest }) => {
      this.learnEnd({ topic, partition }, BigInt(end));
      return { topic, partition, end: BigInt(end), earliest: BigInt(earliest) };
    });
  }

  async read(from: readonly (TopicPartition & { readonly position: bigint })[], recordsMax: number): Promise<ReceivedRecord[]> {
    const { rows } = await this.db.query<EventRow>({
      name: 'sallyport-read',
      text: READ,
      values: [
        from.map(({ topic }) => topic),
        from.map(({ partition }) => partition),
        from.map(({ position }) => String(position)),
        recordsMax,
      ],
    });
    return rows.map((row) => ({
      topic: row.topic,
      partition: row.partition,
      position: BigInt(row.position),
      key: row.key,
      id: row.id,
      headers: readHeaders(row.headers),
      value: row.value,
      appendedAtMs: row.appended_at.getTime(),
    }));
  }

  onClosed(subscription: PostgresSubscription): void {
    this.subscriptions.delete(subscription);
  }

  private get hasOtherReaders(): boolean {
    return this.options.otherProcesses ?? true;
  }

  private async send(records: readonly LogRecord[]): Promise<void> {
    let runs: AppendedRun[];
    try {
      runs = await appendRecords(this.db, this.layout, records, this.hasOtherReaders ? this.instance : null);
    } catch (cause) {
      this.healthy = false;
      throw new AppError('log.unavailable', 'PostgreSQL did not take the append', { cause });
    }
    this.healthy = true;
    this.handOver(runs);
  }

  private handOver(runs: readonly AppendedRun[]): void {
    for (const run of runs) {
      this.learnEnd(run, run.first + BigInt(run.records.length));
      for (const subscription of this.subscriptions) subscription.handOver(run);
    }
  }

  private learnEnd(of: TopicPartition, end: bigint): void {
    if (end > this.endOf(of)) this.knownEnds.set(partitionName(of), end);
  }

  private onNotification(payload: string): void {
    const [sender, ...ends] = payload.split(' ');
    if (sender === 'members') {
      for (const subscription of this.subscriptions) if (subscription.isMemberOf(ends.join(' '))) subscription.balance();
      return;
    }
    if (sender === this.instance) return;
    if (ends.length === 0) this.lookNow();
    for (const entry of ends) {
      const colon = entry.lastIndexOf(':');
      const slash = entry.lastIndexOf('/', colon);
      this.noticeEnd({ topic: entry.slice(0, slash), partition: Number(entry.slice(slash + 1, colon)) }, BigInt(entry.slice(colon + 1)));
    }
  }

  private noticeEnd(of: TopicPartition, end: bigint): void {
    this.learnEnd(of, end);
    for (const subscription of this.subscriptions) subscription.notice(of, end);
  }

  /** Reads all ends: a notification may be lost, and an append fail without anybody calling. */
  private lookNow(): void {
    if (this.looking || this.closing !== undefined) return;
    this.looking = true;
    const topics = new Set([...this.subscriptions].flatMap(({ options }) => options.topics));
    this.db
      .query<{ topic: string; partition: number; end: string }>(ENDS, [[...topics]])
      .then(
        ({ rows }) => {
          this.healthy = true;
          for (const { topic, partition, end } of rows) this.noticeEnd({ topic, partition }, BigInt(end));
        },
        () => {
          this.healthy = false;
        },
      )
      .finally(() => {
        this.looking = false;
      });
  }

  private maintainNow(): void {
    const { retentionMs } = this.options;
    maintainLog(this.db, { layout: this.layout, ...(retentionMs === undefined ? {} : { retentionMs }) }).catch((error: unknown) => {
      if (!isAppError(error, 'store.unavailable')) this.report({ kind: 'transport', group: '', error });
    });
  }
}

const readHeaders = (text: string): Record<string, string> => {
  const headers: Record<string, string> = JSON.parse(text);
  return headers;
};
