import { openKafkaEventLog } from '@sallyport/log';
import { describeWithKafka, startKafka, startTestPostgres } from '@sallyport/testing';
import { describe, test } from 'vitest';
import { recoveryStories } from '../testing/recovery-stories.harness.js';

describeWithKafka({ describe, skip: describe.skip, test }, 'recovery on Kafka', () =>
  recoveryStories('with the log in Kafka', async () => {
    const [broker, postgres] = await Promise.all([startKafka(), startTestPostgres()]);
    return {
      postgres,
      openLog: () => openKafkaEventLog({ brokers: broker.brokers, createTopics: true, replicationFactor: 1, maxWaitMs: 200 }),
      stop: async () => {
        await broker.stop();
        await postgres.stop();
      },
    };
  }),
);
