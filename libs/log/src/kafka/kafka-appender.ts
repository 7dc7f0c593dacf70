import type { Kafka, Message, Producer, RecordMetadata } from 'kafkajs';
import type { LogRecord } from '../event-log.port.js';
import { partitionOf, type TopicLayout, topicSpec } from '../topic-layout.js';
import { toLogError } from './kafka-connection.js';
import { kafkajs } from './kafkajs.js';

const { CompressionTypes, Partitioners } = kafkajs;

/** Beyond this a send that is out counts as an outage. */
const STUCK_MS = 2_000;

/**
 * The one producer of a process: idempotent, acks=all, one request out at a time, so that a retry can neither double nor reorder.
 * After a send whose outcome is unknown the producer is replaced: its sequence numbers may no longer be the broker's, and a batch sent
 * under a number the broker has seen would be acknowledged and dropped.
 */
export class KafkaAppender {
  private producer: Promise<Producer> | undefined;
  private sendingSince: number | undefined;
  private failed = false;

  constructor(
    private readonly kafka: Kafka,
    private readonly layout: TopicLayout,
  ) {}

  /** Resolves when every in-sync replica has all of the records; rejects with `log.unavailable`. */
  async send(records: readonly LogRecord[]): Promise<void> {
    this.sendingSince = performance.now();
    try {
      this.producer ??= this.connect();
      const producer = await this.producer;
      const wanted = this.group(records);
      const topicMessages = [...wanted].map(([topic, messages]) => ({ topic, messages }));
      const answer = await producer.sendBatch({ acks: -1, compression: CompressionTypes.None, topicMessages });
      assertComplete(wanted, answer);
      this.failed = false;
    } catch (error) {
      this.failed = true;
      await this.discard();
      throw toLogError(error, 'append');
    } finally {
      this.sendingSince = undefined;
    }
  }

  get isHealthy(): boolean {
    return !this.failed && (this.sendingSince === undefined || performance.now() - this.sendingSince < STUCK_MS);
  }

  /** Another request was answered: an earlier failure is over. */
  recover(): void {
    this.failed = false;
  }

  async open(): Promise<void> {
    this.producer ??= this.connect();
    await this.producer;
  }

  async close(): Promise<void> {
    await this.discard();
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  }

  private async discard(): Promise<void> {
    const old = this.producer;
    this.producer = undefined;
    try {
      await (await old)?.disconnect();
    } catch {
      // It is of no use any more; the next append opens another one.
    }
  }

  private group(records: readonly LogRecord[]): Map<string, (Message & { partition: number })[]> {
    const topics = new Map<string, (Message & { partition: number })[]>();
    for (const { topic, key, id, headers, value } of records) {
      const message = {
        key,
        value,
        headers: headers.ce_id === undefined ? { ...headers, ce_id: id } : headers,
        partition: partitionOf(key, topicSpec(this.layout, topic).partitions),
      };
      const own = topics.get(topic);
      if (own === undefined) topics.set(topic, [message]);
      else own.push(message);
    }
    return topics;
  }
}

/** When a leader moves between two tries, kafkajs leaves out what the new leader should have got: every partition must have answered. */
const assertComplete = (wanted: ReadonlyMap<string, readonly { partition: number }[]>, answer: readonly RecordMetadata[]): void => {
  const answered = new Set(
    answer.filter(({ errorCode }) => errorCode === 0).map(({ topicName, partition }) => `${topicName}/${partition}`),
  );
  for (const [topic, messages] of wanted) {
    for (const { partition } of messages) {
      if (!answered.has(`${topic}/${partition}`)) throw new Error(`no acknowledgement for ${topic}/${partition}`);
    }
  }
};
