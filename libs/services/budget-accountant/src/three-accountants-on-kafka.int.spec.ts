import { openKafkaEventLog } from '@sallyport/log';
import { describeWithKafka, type KafkaBroker, startKafka, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { proveThatThreeNeverOverspend } from './testing/three-accountants.harness.js';

describeWithKafka({ describe, skip: describe.skip, test }, 'on Kafka', () => {
  let broker: KafkaBroker;
  let postgres: TestPostgres;
  beforeAll(async () => {
    [broker, postgres] = await Promise.all([startKafka(), startTestPostgres()]);
  }, 120_000);
  afterAll(async () => {
    await broker?.stop();
    await postgres?.stop();
  });

  test('three accountants on the partitions of one tenant never spend more than it has', { timeout: 180_000 }, () =>
    proveThatThreeNeverOverspend(
      postgres,
      () => openKafkaEventLog({ brokers: broker.brokers, createTopics: true, replicationFactor: 1, maxWaitMs: 200 }),
      false,
    ),
  );
});
