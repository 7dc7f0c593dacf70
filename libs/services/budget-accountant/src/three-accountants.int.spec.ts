import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, test } from 'vitest';
import { onPostgres } from './testing/accountant.harness.js';
import { proveThatThreeNeverOverspend } from './testing/three-accountants.harness.js';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());

test('three accountants on the partitions of one tenant never spend more than it has', { timeout: 120_000 }, () =>
  proveThatThreeNeverOverspend(postgres, onPostgres, true),
);

test(
  'whole books and one answer a call, when the connections of all accountants are killed in the middle again and again',
  { timeout: 120_000 },
  () =>
    proveThatThreeNeverOverspend(postgres, onPostgres, true, async ({ database }, round) => {
      for (let kill = 0; kill < 4; kill += 1) {
        await postgres.admin(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'test-accountant-%' AND datname = '${database.name}'
           AND (xact_start IS NOT NULL OR pid % 2 = ${(round + kill) % 2})`,
        );
        await new Promise((resolve) => setImmediate(resolve));
      }
    }),
);

test('an outbox between ledger and log, when the log is elsewhere: nothing is said twice or not at all', { timeout: 120_000 }, () =>
  proveThatThreeNeverOverspend(postgres, onPostgres, false),
);
