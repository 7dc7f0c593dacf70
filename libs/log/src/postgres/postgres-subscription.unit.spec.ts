import { expect, test } from 'vitest';
import type { ReceivedRecord } from '../event-log.port.js';
import type { LogSession } from './log-session.js';
import { PostgresSubscription } from './postgres-subscription.js';

const TOPIC = 'tests.events.v1';
const at = (partition: number) => ({ topic: TOPIC, partition });

/** An ephemeral reader never asks it anything. */
const noSession = {} as LogSession;

test('closed while it reads and more is to be read, it reads no more and lets everything else go on', async () => {
  let answer: (records: ReceivedRecord[]) => void = () => {};
  let reads = 0;
  const subscription = new PostgresSubscription(
    {
      layout: { [TOPIC]: { partitions: 2, cleanup: 'delete' } },
      session: noSession,
      append: async () => {},
      report: () => {},
      bounds: async (partitions) => partitions.map((of) => ({ ...of, earliest: 1n, end: 1n })),
      endOf: () => 2n,
      read: () => {
        reads += 1;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
      onClosed: () => {},
    },
    { group: 'edge-gateway.test', topics: [TOPIC], from: 'latest', positions: 'ephemeral', handle: async () => {} },
  );
  subscription.balance();
  await subscription.ready;
  subscription.notice(at(0), 2n);
  subscription.notice(at(1), 2n);
  expect(reads).toBe(1);
  const closed = subscription.close();
  answer([]);
  // Neither of the two ever comes while something spins.
  await new Promise((resolve) => setImmediate(resolve));
  await closed;
  expect(reads).toBe(1);
});
