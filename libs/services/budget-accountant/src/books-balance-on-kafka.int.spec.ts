import { openKafkaEventLog } from '@sallyport/log';
import { describeWithKafka, type KafkaBroker, startKafka, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { proveThatTheBooksBalance } from './testing/books-balance.harness.js';

/** A history that went wrong is made again with `SALLYPORT_SEED`. */
const SEED = Number(process.env.SALLYPORT_SEED ?? Math.floor(Math.random() * 2 ** 31));

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

  test(`the books balance over a random history (seed ${SEED})`, { timeout: 180_000 }, () =>
    proveThatTheBooksBalance(
      postgres,
      () => openKafkaEventLog({ brokers: broker.brokers, createTopics: true, replicationFactor: 1, maxWaitMs: 200 }),
      false,
      SEED,
    ),
  );
});
