import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@sallyport/contracts';
import type { Admin, Kafka } from 'kafkajs';
import { AppendLane } from '../append-lane.js';
import type { EventLog, LogFault, LogRecord, SubscribeOptions, Subscription } from '../event-log.port.js';
import { productTopics, type TopicLayout, topicSpec } from '../topic-layout.js';
import { KafkaAppender } from './kafka-appender.js';
import { closedInTime, type KafkaConnectionOptions, kafkaClient, toLogError } from './kafka-connection.js';
import { KafkaSubscription, type KafkaSubscriptionHost } from './kafka-subscription.js';

export interface KafkaEventLogOptions extends KafkaConnectionOptions {
  /** Default: the product's topics. */
  readonly topics?: TopicLayout;
  /** Those of `topics` that this process may see and that must be there; default: all. */
  readonly requiredTopics?: readonly string[];
  /** Whether missing topics are created at start. Default `false`: operators create them, and services may not. */
  readonly createTopics?: boolean;
  /** Of topics created here; default 3. */
  readonly replicationFactor?: number;
  /** Of topics created here: copies that must have a record before it counts; default: what the cluster says. */
  readonly minInsyncReplicas?: number;
  /** How long a fetch waits at the broker for something new; also bounds how soon a rebalance is noticed. Default 1,000. */
  readonly maxWaitMs?: number;
  /** How long a member that died keeps its partitions; default 6,000, the least that a broker takes as it comes. */
  readonly sessionTimeoutMs?: number;
  /** How long an append waits before it rejects; default 30,000. */
  readonly appendTimeoutMs?: number;
  /** How long a cluster that is slow to answer is waited for at start; default 120,000. */
  readonly startTimeoutMs?: number;
  readonly report?: (fault: LogFault) => void;
}

/** `group.min.session.timeout.ms` of a broker as it comes (Kafka 4.3 documentation, broker configuration). */
const SESSION_TIMEOUT_MS = 6_000;
const PROBE_MS = 2_000;
const CREATED_TOPICS_TIMEOUT_MS = 30_000;
const CREATED_TOPICS_POLL_MS = 100;
/** A broker on a machine that is busy takes a minute to start and to create the topics. */
const START_TIMEOUT_MS = 120_000;
/** Between two attempts, and between two lines that say what is waited for. */
const START_RETRY_MS = 500;
const START_PROGRESS_MS = 5_000;

/** What a broker says of a topic that another broker, or the controller, knows already. */
const isOfNewTopic = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && (error.type === 'UNKNOWN_TOPIC_OR_PARTITION' || error.type === 'LEADER_NOT_AVAILABLE');

/** Whether an error says that the cluster did not answer in time or is not ready, and not that it refuses. */
const isOfSlowCluster = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  if (error instanceof AppError) return isOfSlowCluster(error.cause);
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.length > 0 && error.errors.every(isOfSlowCluster);
  if (error.name === 'KafkaJSNumberOfRetriesExceeded') return isOfSlowCluster(error.cause);
  return 'retriable' in error && error.retriable === true;
};

/**
 * The log on Kafka. Resolves when the topics are there and appends can be made.
 * A cluster that is slow is asked again, and `report` is told that it is waited for.
 * Throws `log.unavailable` when the cluster does not answer within `startTimeoutMs` or refuses, `configuration.invalid` when a topic is missing or has another
 * partition count than it was given for life.
 */
export const openKafkaEventLog = async (options: KafkaEventLogOptions): Promise<EventLog> => {
  const log = new KafkaEventLog(kafkaClient(options), options);
  try {
    await log.open();
  } catch (error) {
    await log.close();
    throw toLogError(error, 'open');
  }
  return log;
};

class KafkaEventLog implements EventLog, KafkaSubscriptionHost {
  readonly layout: TopicLayout;
  readonly maxWaitMs: number;
  readonly sessionTimeoutMs: number;
  private readonly appender: KafkaAppender;
  private readonly lane: AppendLane;
  private readonly subscriptions = new Set<KafkaSubscription>();
  private connectedAdmin: Promise<Admin> | undefined;
  private probe: NodeJS.Timeout | undefined;
  private probing = false;
  private reachable = false;
  private closing: Promise<void> | undefined;

  constructor(
    readonly kafka: Kafka,
    private readonly options: KafkaEventLogOptions,
  ) {
    this.layout = options.topics ?? productTopics;
    this.maxWaitMs = options.maxWaitMs ?? 1_000;
    this.sessionTimeoutMs = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS;
    this.appender = new KafkaAppender(kafka, this.layout);
    this.lane = new AppendLane({
      send: (records) => this.appender.send(records),
      ...(options.appendTimeoutMs === undefined ? {} : { timeoutMs: options.appendTimeoutMs }),
    });
  }

  async open(): Promise<void> {
    await this.patiently(() => this.verifyTopics());
    await this.appender.open();
    this.reachable = true;
    this.probe = setInterval(() => void this.look(), PROBE_MS);
    this.probe.unref();
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    for (const { topic } of records) topicSpec(this.layout, topic);
    return this.lane.append(records);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (this.closing !== undefined) throw new AppError('log.unavailable', 'the log is closed');
    for (const topic of options.topics) topicSpec(this.layout, topic);
    const subscription = new KafkaSubscription(this, options);
    this.subscriptions.add(subscription);
    void subscription.start();
    return subscription;
  }

  async ends(topic: string): Promise<ReadonlyMap<number, bigint>> {
    topicSpec(this.layout, topic);
    try {
      const offsets = await (await this.admin()).fetchTopicOffsets(topic);
      return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
    } catch (error) {
      throw toLogError(error, `ends of ${topic}`);
    }
  }

  async verifyTopics(): Promise<void> {
    const required = this.options.requiredTopics ?? Object.keys(this.layout);
    try {
      const admin = await this.admin();
      if (this.options.createTopics === true) await this.createMissing(admin, required);
      const { topics } = await this.metadataOf(admin, required);
      const counts = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
      const faults = required.flatMap((topic) => {
        const wanted = topicSpec(this.layout, topic).partitions;
        const found = counts.get(topic) ?? 0;
        return found === wanted ? [] : [`${topic} has ${found} partitions and should have ${wanted}`];
      });
      if (faults.length > 0) throw new AppError('configuration.invalid', faults.join('; '));
    } catch (error) {
      throw toLogError(error, 'verify topics');
    }
  }

  isHealthy(): boolean {
    return this.reachable && this.closing === undefined && this.appender.isHealthy;
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      clearInterval(this.probe);
      await Promise.all([...this.subscriptions].map((subscription) => subscription.close()));
      await closedInTime(this.lane.close());
      await closedInTime(this.appender.close());
      await closedInTime(this.connectedAdmin?.then((admin) => admin.disconnect()));
    })();
    return this.closing;
  }

  report(fault: LogFault): void {
    this.options.report?.(fault);
  }

  onClosed(subscription: KafkaSubscription): void {
    this.subscriptions.delete(subscription);
  }

  /** Tries again what a cluster did not do in the time of a request: it may have done it since, or is still starting. */
  private async patiently(work: () => Promise<void>): Promise<void> {
    const { brokers, startTimeoutMs = START_TIMEOUT_MS } = this.options;
    const deadlineMs = performance.now() + startTimeoutMs;
    let last: unknown;
    const tell = (): void => this.report({ kind: 'waiting', group: '-', error: last });
    const progress = setInterval(tell, START_PROGRESS_MS);
    const isOver = new AbortController();
    const over = delay(startTimeoutMs, undefined, { signal: isOver.signal }).then(() => {
      const asked = `the brokers (${brokers.join(', ')}) did not have its topics ready in ${startTimeoutMs / 1_000} s`;
      throw new AppError('log.unavailable', `${asked}: are they reachable, and do they have a controller?`, { cause: last });
    });
    over.catch(() => {});
    try {
      for (;;) {
        try {
          await Promise.race([work(), over]);
          return;
        } catch (error) {
          if (!isOfSlowCluster(error) || performance.now() >= deadlineMs) throw error;
          last = error;
          tell();
          await delay(START_RETRY_MS);
        }
      }
    } finally {
      clearInterval(progress);
      isOver.abort();
    }
  }

  async admin(): Promise<Admin> {
    this.connectedAdmin ??= (async () => {
      const admin = this.kafka.admin();
      await admin.connect();
      return admin;
    })();
    try {
      return await this.connectedAdmin;
    } catch (error) {
      this.connectedAdmin = undefined;
      throw error;
    }
  }

  /** Asks the cluster something cheap, so that an outage shows without an append and its end without a caller. */
  private async look(): Promise<void> {
    if (this.probing) {
      // The last question is not answered yet.
      this.reachable = false;
      return;
    }
    this.probing = true;
    try {
      await (await this.admin()).describeCluster();
      this.reachable = true;
      this.appender.recover();
    } catch {
      this.reachable = false;
    } finally {
      this.probing = false;
    }
  }

  /** Layout of topics; of such as have just been created, by us or by a service that starts at the same time, once every broker knows them. */
  private async metadataOf(admin: Admin, topics: readonly string[]): ReturnType<Admin['fetchTopicMetadata']> {
    const deadline = performance.now() + CREATED_TOPICS_TIMEOUT_MS;
    for (;;) {
      try {
        return await admin.fetchTopicMetadata({ topics: [...topics] });
      } catch (error) {
        if (this.options.createTopics !== true || !isOfNewTopic(error) || performance.now() > deadline) throw error;
        await delay(CREATED_TOPICS_POLL_MS);
      }
    }
  }

  private async createMissing(admin: Admin, required: readonly string[]): Promise<void> {
    const present = new Set(await admin.listTopics());
    const { minInsyncReplicas } = this.options;
    const missing = required.filter((topic) => !present.has(topic));
    if (missing.length === 0) return;
    await admin.createTopics({
      // The client's own wait gives up on a topic that its broker has not heard of yet; `metadataOf` waits for that as well.
      waitForLeaders: false,
      timeout: 30_000,
      topics: missing.map((topic) => {
        const { partitions, cleanup } = topicSpec(this.layout, topic);
        return {
          topic,
          numPartitions: partitions,
          replicationFactor: this.options.replicationFactor ?? 3,
          configEntries: [
            { name: 'cleanup.policy', value: cleanup },
            // Positions in time are the log's, not those of whoever appended.
            { name: 'message.timestamp.type', value: 'LogAppendTime' },
            ...(minInsyncReplicas === undefined ? [] : [{ name: 'min.insync.replicas', value: String(minInsyncReplicas) }]),
          ],
        };
      }),
    });
  }
}
