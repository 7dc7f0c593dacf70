import { describeWithKafka, type KafkaGround, startKafkaGround } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { proveThatTheBooksBalance } from './testing/books-balance.harness.js';

/** A history that went wrong is made again with `SALLYPORT_SEED`. */
const SEED = Number(process.env.SALLYPORT_SEED ?? Math.floor(Math.random() * 2 ** 31));

describeWithKafka({ describe, skip: describe.skip, test }, 'on Kafka', () => {
  let ground: KafkaGround;
  beforeAll(async () => {
    ground = await startKafkaGround();
  }, 120_000);
  afterAll(() => ground?.stop());

  test(`the books balance over a random history (seed ${SEED})`, { timeout: 180_000 }, () =>
    proveThatTheBooksBalance(ground.postgres, ground.openLog, false, SEED),
  );
});
