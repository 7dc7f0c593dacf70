import { openKafkaEventLog, SocketPool } from '@sallyport/log';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithKafka } from './describe-with-kafka.js';
import { type KafkaBroker, startKafka } from './kafka-broker.js';

/** Kafka protocol, "Protocol API Keys": CreateTopics. A request is its length (4 bytes), its key (2), and so on. */
const CREATE_TOPICS = 19;
const KEY_AT = 4;

/** Sockets that tell when topics are about to be asked for. */
class WatchedSockets extends SocketPool {
  constructor(private readonly onCreateTopics: () => void) {
    super();
  }

  override connect(...args: Parameters<SocketPool['connect']>): ReturnType<SocketPool['connect']> {
    const socket = super.connect(...args);
    const write = socket.write.bind(socket);
    Object.assign(socket, {
      write: (chunk: Uint8Array, ...rest: never[]): boolean => {
        const bytes = Buffer.from(chunk);
        if (bytes.length > KEY_AT + 2 && bytes.readInt16BE(KEY_AT) === CREATE_TOPICS) this.onCreateTopics();
        return write(chunk, ...rest);
      },
    });
    return socket;
  }
}

describeWithKafka({ describe, skip: describe.skip, test }, 'when the broker stands still while a service starts', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafka();
  }, 240_000);
  afterAll(async () => {
    broker?.resume();
    await broker?.stop();
  });

  const open = (topic: string, onWaiting: (error: unknown) => void, more: { sockets?: SocketPool; startTimeoutMs?: number } = {}) =>
    openKafkaEventLog({
      ...{ brokers: broker.brokers, topics: { [topic]: { partitions: 1, cleanup: 'delete' as const } } },
      ...{ createTopics: true, replicationFactor: 1, ...more },
      report: ({ kind, error }) => (kind === 'waiting' ? onWaiting(error) : undefined),
    });

  test('topics that were not created in the time of a request are asked for again, the wait is told, and the service starts', async () => {
    let pauses = 0;
    const told: unknown[] = [];
    const sockets = new WatchedSockets(() => {
      if (pauses++ === 0) broker.pause();
    });
    const log = await open(
      'slow.events.v1',
      (error) => {
        told.push(error);
        // The request was given up: from now on the broker goes on.
        if (error !== undefined) broker.resume();
      },
      { sockets },
    );
    await log.append([{ topic: 'slow.events.v1', key: 'k', id: 'i', headers: {}, value: '{}' }]);
    await log.close();
    expect(pauses).toBeGreaterThan(0);
    expect(told.some((error) => String(error).includes('timed out'))).toBe(true);
  }, 120_000);

  test('a broker that never answers is given up after its time, with what is wrong', async () => {
    broker.pause();
    await expect(open('never.events.v1', () => undefined, { startTimeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'log.unavailable',
      message: expect.stringContaining(`the brokers (${broker.brokers.join(', ')}) did not have its topics ready in 1 s`),
    });
    broker.resume();
  }, 60_000);
});
