import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, test } from 'vitest';
import { onPostgres } from './testing/accountant.harness.js';
import { proveThatTheBooksBalance } from './testing/books-balance.harness.js';

/** A history that went wrong is made again with `SALLYPORT_SEED`. */
const SEED = Number(process.env.SALLYPORT_SEED ?? Math.floor(Math.random() * 2 ** 31));

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());

test(`the books balance over a random history, on the PostgreSQL log (seed ${SEED})`, { timeout: 120_000 }, () =>
  proveThatTheBooksBalance(postgres, onPostgres, true, SEED),
);

test(`and with an outbox between ledger and log (seed ${SEED + 1})`, { timeout: 120_000 }, () =>
  proveThatTheBooksBalance(postgres, onPostgres, false, SEED + 1),
);
