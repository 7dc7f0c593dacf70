import { accessRulesOf, type Service, TOPICS } from '@sallyport/contracts';
import {
  CONTRACT_TOPICS,
  type EventLog,
  type EventLogHarness,
  eventLogContract,
  type KafkaConnectionOptions,
  openKafkaEventLog,
  topicsOfService,
} from '@sallyport/log';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithKafka } from './describe-with-kafka.js';
import { type KafkaBroker, startKafka } from './kafka-broker.js';
import { openKafkaContract } from './kafka-contract-harness.js';

/** The suite's topics as the policy decision's own, beside the product's: the generator gives it the rights, the suite shows they suffice. */
const OWNED = Object.fromEntries(
  Object.entries(CONTRACT_TOPICS).map(([name, spec]) => [
    name,
    { ...spec, from: 'policy-decision' as const, to: ['policy-decision' as const], key: 'chainId' as const, events: [] },
  ]),
);
const USERS = { 'edge-gateway': 'edge-secret', 'policy-decision': 'policy-secret' };

describeWithKafka({ describe, skip: describe.skip, test }, 'on Kafka with SASL_SSL and the generated access rules', () => {
  let broker: KafkaBroker;
  let contract: { harness: EventLogHarness; close(): Promise<void> };

  const as = (service: keyof typeof USERS, mechanism: 'plain' | 'scram-sha-512' = 'scram-sha-512'): KafkaConnectionOptions => ({
    brokers: broker.saslBrokers,
    tls: { ca: broker.ca },
    sasl: { mechanism, username: service, password: USERS[service] },
  });

  const open = (connection: KafkaConnectionOptions, service: Service, startTimeoutMs = 60_000): Promise<EventLog> =>
    openKafkaEventLog({ ...connection, requiredTopics: topicsOfService(service), maxWaitMs: 200, startTimeoutMs });

  beforeAll(async () => {
    broker = await startKafka({ sasl: { users: USERS, rules: accessRulesOf({ ...TOPICS, ...OWNED }) } });
    const operator = await openKafkaEventLog({
      brokers: broker.brokers,
      topics: { ...TOPICS, ...CONTRACT_TOPICS },
      createTopics: true,
      replicationFactor: 1,
    });
    await operator.close();
    contract = await openKafkaContract(as('policy-decision'), false);
  });

  afterAll(async () => {
    await contract?.close();
    await broker?.stop();
  });

  eventLogContract({ test }, () => contract.harness);

  test('the gateway may write its own topic and is refused on policy.events.v1, where nothing arrives', async () => {
    const gateway = await open(as('edge-gateway'), 'edge-gateway');
    const pdp = await open(as('policy-decision', 'plain'), 'policy-decision');
    const record = (topic: string) => ({ topic, key: 'chain', id: topic, headers: {}, value: '{}' });
    try {
      await gateway.append([record('tool-call.events.v1')]);
      await expect(gateway.append([record('policy.events.v1')])).rejects.toMatchObject({
        code: 'log.unavailable',
        cause: { type: 'TOPIC_AUTHORIZATION_FAILED' },
      });
      await gateway.append([record('tool-call.events.v1')]);
      const seen: string[] = [];
      const reader = await gateway.subscribe({
        group: 'edge-gateway.forgery',
        topics: ['policy.events.v1'],
        from: 'earliest',
        positions: 'ephemeral',
        handle: async (batch) => void seen.push(...batch.records.map(({ id }) => id)),
      });
      await pdp.append([{ ...record('policy.events.v1'), id: 'genuine' }]);
      await reader.caughtUp;
      await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['genuine']);
    } finally {
      await Promise.all([gateway.close(), pdp.close()]);
    }
  });

  test('a stranger, a wrong password and a certificate nobody vouches for are refused', { timeout: 180_000 }, async () => {
    const wrong = { ...as('edge-gateway'), sasl: { mechanism: 'scram-sha-512' as const, username: 'edge-gateway', password: 'guess' } };
    const stranger = { ...wrong, sasl: { ...wrong.sasl, username: 'mallory' } };
    // Without the broker's authority its certificate is one that nobody vouches for.
    const unvouched = { ...as('edge-gateway'), tls: {} };
    const refused = [wrong, stranger, unvouched].map((connection) =>
      // Who is not let in has nothing to wait for.
      expect(open(connection, 'edge-gateway', 5_000)).rejects.toMatchObject({ code: 'log.unavailable' }),
    );
    await Promise.all(refused);
  });
});
