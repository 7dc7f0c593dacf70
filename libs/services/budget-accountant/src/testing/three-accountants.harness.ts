import type { TestPostgres } from '@sallyport/testing';
import { expect } from 'vitest';
import { type AccountantHarness, declared, type OpenLog, openAccountantHarness, type RunningAccountant } from './accountant.harness.js';
import { answersTo, appendAll, askFor, booksBy, COST, endingsOf } from './busy-tenant.harness.js';

const CHAINS = 24;
const ROUNDS = 4;
const CALLS_A_ROUND = 120;
/** Less than the calls cost, more than one round does. */
const AFFORDABLE = 200;

const usageOf = async (postgres: TestPostgres, harness: AccountantHarness) => {
  const rows = await postgres.admin<{ account: string; usage: string }>(
    'SELECT account, usage FROM budget_accountant.account',
    harness.database.url,
  );
  return new Map(
    rows.map(({ account, usage }) => {
      const { money, calls } = JSON.parse(usage).month;
      const { held, spent } = money.USD ?? { held: 0, spent: 0 };
      return [account, { held, spent, heldCalls: calls.held, spentCalls: calls.spent }];
    }),
  );
};

/**
 * Three accountants on the partitions of one topic, and one tenant whose calls lie on all of them. Calls are asked for at once, ended in
 * every way, asked for again; meanwhile `disturb` does what it likes to the accountants. Whatever it was: nothing is spent beyond the limit,
 * every call has one answer, and the books are what was said.
 */
export const proveThatThreeNeverOverspend = async (
  postgres: TestPostgres,
  openLog: OpenLog,
  logInSameDatabase: boolean,
  disturb: (harness: AccountantHarness, round: number) => Promise<void> = async () => {},
): Promise<void> => {
  const harness = await openAccountantHarness(postgres, openLog, logInSameDatabase);
  const accountants: RunningAccountant[] = [];
  try {
    const limits = declared({ 'tenant:acme': { month: { maxMicros: AFFORDABLE * COST, currency: 'USD' } } });
    for (let n = 1; n <= 3; n += 1) accountants.push(await harness.start({ declared: limits }));
    await harness.price({ 'crm/search': COST });
    let spent = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const names = Array.from({ length: CALLS_A_ROUND }, (_, index) => `call-${round}-${index}`);
      const requests = askFor(names, CHAINS);
      const disturbed = disturb(harness, round);
      // Every request twice, as after an append whose outcome was unknown.
      await appendAll(harness, [...requests, ...requests]);
      const answers = await answersTo(harness, names);
      const reserved = answers.filter(({ type }) => type === 'BudgetReserved').length;
      expect(reserved).toBe(Math.min(CALLS_A_ROUND, Math.floor((AFFORDABLE * COST - spent) / COST)));
      const endings = answers.flatMap((answer, index) => endingsOf(answer, index));
      await appendAll(harness, [...endings, ...endings]);
      await disturbed;
      const ended = (): number =>
        harness.said.filter(
          ({ type, callId }) => (type === 'BudgetSettled' || type === 'BudgetReleased') && callId?.startsWith(`call-${round}-`),
        ).length;
      await harness.until(() => ended() >= reserved, `${reserved} ends in round ${round}, heard ${ended()}`);
      const { books, answers: counts } = booksBy(harness.said);
      expect([...counts.values()].filter((count) => count !== 1)).toEqual([]);
      const stored = await usageOf(postgres, harness);
      for (const [account, book] of books) expect({ account, ...stored.get(account) }).toEqual({ account, ...book });
      const tenant = books.get('tenant:acme');
      expect(tenant?.held).toBe(0);
      spent = tenant?.spent ?? 0;
      expect(spent).toBeLessThanOrEqual(AFFORDABLE * COST);
    }
    expect(spent).toBeGreaterThan(((AFFORDABLE - 2) * COST) / 2);
  } finally {
    for (const accountant of accountants) await accountant.stop();
    await harness.close();
  }
};
