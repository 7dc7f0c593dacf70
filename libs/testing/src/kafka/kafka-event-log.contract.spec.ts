import { type EventLogHarness, eventLogContract } from '@sallyport/log';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { describeWithKafka } from './describe-with-kafka.js';
import { type KafkaBroker, startKafka } from './kafka-broker.js';
import { openKafkaContract } from './kafka-contract-harness.js';

describeWithKafka({ describe, skip: describe.skip, test }, 'on Kafka', () => {
  let broker: KafkaBroker;
  let contract: { harness: EventLogHarness; close(): Promise<void> };

  beforeAll(async () => {
    broker = await startKafka();
    contract = await openKafkaContract({ brokers: broker.brokers }, true);
  });

  afterAll(async () => {
    await contract?.close();
    await broker?.stop();
  });

  eventLogContract({ test }, () => contract.harness);
});
