import { isAppError } from '@sallyport/contracts';
import { type EventLog, openKafkaEventLog, type Subscription } from '@sallyport/log';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithKafka } from './describe-with-kafka.js';
import { type KafkaBroker, startKafka } from './kafka-broker.js';

const TOPIC = 'deaths.events.v1';
const CHAINS = 8;

describeWithKafka({ describe, skip: describe.skip, test }, 'when the broker is killed in the middle of appends', () => {
  let broker: KafkaBroker;
  let log: EventLog;

  beforeAll(async () => {
    broker = await startKafka();
    log = await openKafkaEventLog({
      brokers: broker.brokers,
      topics: { [TOPIC]: { partitions: 4, cleanup: 'delete' } },
      createTopics: true,
      replicationFactor: 1,
      maxWaitMs: 200,
      appendTimeoutMs: 5_000,
    });
  });

  afterAll(async () => {
    await log?.close();
    await broker?.stop();
  });

  const follow = async (group: string, from: 'earliest' | 'latest'): Promise<{ ids: string[]; subscription: Subscription }> => {
    const ids: string[] = [];
    const subscription = await log.subscribe({
      group,
      topics: [TOPIC],
      from,
      positions: 'ephemeral',
      handle: async (batch) => void ids.push(...batch.records.map(({ id }) => id)),
    });
    await subscription.ready;
    return { ids, subscription };
  };

  const assertChains = (read: readonly string[], acknowledged: readonly (readonly string[])[]): void => {
    for (const [chain, ids] of acknowledged.entries()) {
      const firsts = [...new Set(read.filter((id) => id.startsWith(`${chain}:`)))];
      expect(firsts.slice(0, ids.length)).toEqual(ids);
    }
  };

  test('nothing acknowledged is lost, every chain keeps its order, a consumer goes on where it was, and health says what is', async () => {
    const live = await follow('edge-gateway.live', 'latest');
    const acknowledged: string[][] = Array.from({ length: CHAINS }, () => []);
    let running = true;
    let onProgress = (): void => {};
    const sender = async (chain: number): Promise<void> => {
      for (let n = 0; running; ) {
        try {
          await log.append([{ topic: TOPIC, key: `chain-${chain}`, id: `${chain}:${n}`, headers: {}, value: '{}' }]);
        } catch (error) {
          if (!isAppError(error, 'log.unavailable')) throw error;
          // Unknown outcome: the same record again, as every caller does.
          continue;
        }
        acknowledged[chain]?.push(`${chain}:${n}`);
        n += 1;
        onProgress();
      }
    };
    const senders = Promise.all(acknowledged.map((_, chain) => sender(chain)));
    const total = (): number => acknowledged.reduce((sum, ids) => sum + ids.length, 0);
    const atLeast = (count: number): Promise<void> =>
      new Promise((resolve) => {
        onProgress = () => {
          if (total() >= count) resolve();
        };
      });
    await atLeast(400);
    await broker.kill();
    const atDeath = total();
    await expect.poll(() => log.isHealthy(), { timeout: 10_000 }).toBe(false);
    await broker.restart();
    await atLeast(atDeath + 400);
    running = false;
    await senders;
    await expect.poll(() => log.isHealthy(), { timeout: 10_000 }).toBe(true);

    const afterwards = await follow('edge-gateway.afterwards', 'earliest');
    await afterwards.subscription.caughtUp;
    assertChains(afterwards.ids, acknowledged);
    await expect.poll(() => new Set(live.ids).size, { timeout: 30_000 }).toBe(new Set(afterwards.ids).size);
    assertChains(live.ids, acknowledged);
    // Only an append that was given up may be on the log twice: one a chain and timeout.
    expect(afterwards.ids.length - new Set(afterwards.ids).size).toBeLessThanOrEqual(CHAINS * 8);
  });
});
