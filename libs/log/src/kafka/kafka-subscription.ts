import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { GroupConsumption, type PartitionBounds } from '../consumption/group-consumption.js';
import type { PositionMove } from '../consumption/position-store.port.js';
import type { LogFault, LogRecord, ReceivedRecord, SubscribeOptions, Subscription } from '../event-log.port.js';
import { partitionName, partitionsOf, type TopicLayout, type TopicPartition } from '../topic-layout.js';
import { closedInTime } from './kafka-connection.js';
import { headersOf } from './kafkajs.js';

/** What a subscription needs of its log. */
export interface KafkaSubscriptionHost {
  readonly layout: TopicLayout;
  readonly kafka: Kafka;
  readonly maxWaitMs: number;
  readonly sessionTimeoutMs: number;
  append(records: readonly LogRecord[]): Promise<void>;
  report(fault: LogFault): void;
  admin(): Promise<Admin>;
  onClosed(subscription: KafkaSubscription): void;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** Lag and ends are known from fetches, so a batch that takes long holds back the next one no longer than this. */
const HOLD_MS_MAX = 100;
/** Kafka's own commits serve lag dashboards alone, so they may trail. */
const COMMIT_MS = 5_000;

/**
 * One member of a Kafka consumer group. Kafka says which partitions are ours; where to read them from says the service's own database.
 * The next fetch goes out when what the last one brought is handled, so that it brings all that came meanwhile: what is fetched sooner waits here
 * instead of there, and each fetch costs the broker and this process a third of a millisecond. Who is behind fetches on until its queue is full.
 */
export class KafkaSubscription implements Subscription {
  readonly ready: Promise<void>;
  readonly caughtUp: Promise<void>;
  private readonly consumption: GroupConsumption;
  private consumer: Consumer | undefined;
  private assigned: readonly TopicPartition[] = [];
  /** Partitions whose reading begins where we said; what comes of others is of an earlier life. */
  private readonly sought = new Set<string>();
  private assignment = 0;
  private readonly commits = new Map<string, PositionMove>();
  private readonly commitTimer: NodeJS.Timeout;
  private room: (() => void)[] = [];
  private readonly fetchEveryMs: number;
  /** Pending while the next fetch is held back; every partition of a fetch waits for the same. */
  private held: Promise<void> | undefined;
  private endHold: () => void = () => {};
  private closing: Promise<void> | undefined;
  private settleReady: () => void = () => {};
  private endSleep: () => void = () => {};

  constructor(
    private readonly host: KafkaSubscriptionHost,
    private readonly options: SubscribeOptions,
  ) {
    this.ready = new Promise((resolve) => {
      this.settleReady = resolve;
    });
    // Headers are looked at before a record is made of a message, so the consumption need not look again.
    const { accept: _, ...rest } = options;
    const { urgent, pauseMs = 0 } = options;
    this.fetchEveryMs = options.fetchEveryMs ?? (urgent === undefined ? pauseMs : 0);
    this.consumption = new GroupConsumption(
      { ...rest, pauseMs: this.fetchEveryMs > 0 ? 0 : pauseMs },
      {
        append: (records) => host.append(records),
        onRoom: () => {
          for (const go of this.room.splice(0)) go();
        },
        onHandled: () => {
          if (this.fetchEveryMs === 0) this.endHold();
        },
        onLost: (lost) => void this.take(lost, this.assignment),
        onAdvanced: (moves) => {
          for (const move of moves) this.commits.set(partitionName(move), move);
        },
        report: (fault) => host.report(fault),
      },
      host.layout,
    );
    this.caughtUp = this.ready.then(() => this.consumption.caughtUp);
    this.commitTimer = setInterval(() => void this.commit(), COMMIT_MS);
    this.commitTimer.unref();
  }

  lag(): number {
    return this.consumption.lag();
  }

  /** Joins, and joins again for as long as it takes whenever the client gave up. */
  async start(): Promise<void> {
    for (let delayMs = RETRY_MIN_MS; this.closing === undefined; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
      const consumer = this.makeConsumer();
      this.consumer = consumer;
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [...this.options.topics], fromBeginning: this.options.from === 'earliest' });
        await consumer.run({
          autoCommit: false,
          partitionsConsumedConcurrently: Math.max(1, partitionsOf(this.host.layout, this.options.topics).length),
          eachBatch: (payload) => this.onBatch(payload),
        });
        return;
      } catch (error) {
        this.host.report({ kind: 'transport', group: this.options.group, error });
        await consumer.disconnect().catch(() => {});
        await this.sleep(delayMs);
      }
    }
  }

  close(): Promise<void> {
    this.closing ??= this.leave();
    return this.closing;
  }

  private async leave(): Promise<void> {
    clearInterval(this.commitTimer);
    this.assignment += 1;
    this.endSleep();
    this.endHold();
    await this.consumption.close();
    for (const go of this.room.splice(0)) go();
    await closedInTime(this.commit());
    await closedInTime(this.consumer?.disconnect());
    this.host.onClosed(this);
  }

  private makeConsumer(): Consumer {
    const consumer = this.host.kafka.consumer({
      groupId: this.options.group,
      sessionTimeout: this.host.sessionTimeoutMs,
      rebalanceTimeout: this.host.sessionTimeoutMs,
      heartbeatInterval: Math.min(1_000, this.host.maxWaitMs),
      maxWaitTimeInMs: this.host.maxWaitMs,
      minBytes: 1,
      maxBytesPerPartition: 2 * 1024 * 1024,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 50 },
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      if (consumer !== this.consumer || this.closing !== undefined) return;
      this.onAssigned(
        Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition }))),
      );
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (consumer !== this.consumer || this.closing !== undefined) return;
      this.host.report({ kind: 'transport', group: this.options.group, error: payload.error });
      if (!payload.restart) void this.start();
    });
    return consumer;
  }

  private onAssigned(assigned: readonly TopicPartition[]): void {
    this.assignment += 1;
    // The client forgot where it was: nothing counts until each partition was sent to its position again.
    this.sought.clear();
    const names = new Set(assigned.map(partitionName));
    const given = this.assigned.filter((of) => !names.has(partitionName(of)));
    this.assigned = assigned;
    if (given.length > 0) void this.consumption.giveUp(given);
    void this.take(assigned, this.assignment);
  }

  /** Takes partitions and seeks, again and again while a dependency is down, unless they were assigned anew meanwhile. */
  private async take(partitions: readonly TopicPartition[], assignment: number): Promise<void> {
    for (let delayMs = RETRY_MIN_MS; assignment === this.assignment; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
      try {
        // A reader without stored positions goes on where it was, whatever Kafka did meanwhile.
        const kept = this.options.positions === 'ephemeral' ? partitions.filter((of) => this.consumption.isHeld(of)) : [];
        const fresh = partitions.filter((of) => !kept.includes(of));
        const bounds = await this.bounds(fresh);
        if (assignment !== this.assignment) return;
        const starts = await this.consumption.take(bounds);
        if (assignment !== this.assignment) return;
        for (const of of partitions) {
          const start = starts.get(partitionName(of)) ?? this.consumption.nextOf(of);
          if (start === undefined) continue;
          this.consumer?.seek({ ...of, offset: String(start) });
          this.sought.add(partitionName(of));
        }
        this.settleReady();
        return;
      } catch (error) {
        if (assignment !== this.assignment) return;
        this.host.report({ kind: 'transport', group: this.options.group, error });
        await this.sleep(delayMs);
      }
    }
  }

  private async bounds(partitions: readonly TopicPartition[]): Promise<PartitionBounds[]> {
    const admin = await this.host.admin();
    const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
    const answers = await Promise.all(
      [...byTopic].map(async ([topic, own]) => {
        const wanted = new Set(own.map(({ partition }) => partition));
        return (await admin.fetchTopicOffsets(topic))
          .filter(({ partition }) => wanted.has(partition))
          .map(({ partition, low, high }) => ({ topic, partition, earliest: BigInt(low), end: BigInt(high) }));
      }),
    );
    return answers.flat();
  }

  private async onBatch({ batch, isStale, isRunning, heartbeat }: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = batch;
    const of = { topic, partition };
    if (isStale() || !this.sought.has(partitionName(of))) return;
    const { accept } = this.options;
    const records: ReceivedRecord[] = [];
    for (const message of messages) {
      const headers = headersOf(message);
      if (accept === undefined || accept(headers)) records.push(recordOf(of, message, headers));
    }
    this.consumption.deliver(of, records, BigInt(batch.lastOffset()) + 1n, BigInt(batch.highWatermark));
    while (this.consumption.isFull() && isRunning() && this.closing === undefined) {
      await this.untilRoom();
      await heartbeat();
    }
    if (this.closing !== undefined) return;
    // Nothing more comes by waiting where more is there already.
    if (this.consumption.isBehind()) this.endHold();
    else if (this.fetchEveryMs > 0) await this.hold(this.fetchEveryMs);
    else if (this.consumption.isHandling) await this.hold(HOLD_MS_MAX);
  }

  /** The client fetches again when every partition of its last fetch was handled, so this holds the next one back. */
  private hold(ms: number): Promise<void> {
    this.held ??= new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.held = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.endHold = done;
    });
    return this.held;
  }

  /** Resolves when there is room, at the latest when it is time for a heartbeat. */
  private async untilRoom(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.host.maxWaitMs);
      this.room.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private async commit(): Promise<void> {
    if (this.commits.size === 0 || this.consumer === undefined) return;
    const offsets = [...this.commits.values()].map(({ topic, partition, next }) => ({ topic, partition, offset: String(next) }));
    this.commits.clear();
    // Nothing but a dashboard reads them: one that fails is followed by another.
    await this.consumer.commitOffsets(offsets).catch(() => {});
  }

  private async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const recordOf = ({ topic, partition }: TopicPartition, message: KafkaMessage, headers: Record<string, string>): ReceivedRecord => ({
  topic,
  partition,
  position: BigInt(message.offset),
  key: message.key?.toString() ?? '',
  id: headers.ce_id ?? `${topic}/${partition}/${message.offset}`,
  headers,
  value: message.value?.toString() ?? 'null',
  appendedAtMs: Number(message.timestamp),
});
