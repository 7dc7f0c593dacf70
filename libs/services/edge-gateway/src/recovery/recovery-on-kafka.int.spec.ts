import { describeWithKafka, startKafkaGround } from '@sallyport/testing';
import { describe, test } from 'vitest';
import { recoveryStories } from '../testing/recovery-stories.harness.js';

describeWithKafka({ describe, skip: describe.skip, test }, 'recovery on Kafka', () =>
  recoveryStories('with the log in Kafka', startKafkaGround),
);
