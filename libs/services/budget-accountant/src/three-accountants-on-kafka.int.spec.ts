import { describeWithKafka, type KafkaGround, startKafkaGround } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { proveThatThreeNeverOverspend } from './testing/three-accountants.harness.js';

describeWithKafka({ describe, skip: describe.skip, test }, 'on Kafka', () => {
  let ground: KafkaGround;
  beforeAll(async () => {
    ground = await startKafkaGround();
  }, 120_000);
  afterAll(() => ground?.stop());

  test('three accountants on the partitions of one tenant never spend more than it has', { timeout: 180_000 }, () =>
    proveThatThreeNeverOverspend(ground.postgres, ground.openLog, false),
  );
});
