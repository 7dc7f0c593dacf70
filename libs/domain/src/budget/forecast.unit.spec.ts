import type { WindowLimit } from '@sallyport/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WindowUsage } from './account-usage.js';
import { forecastOf } from './forecast.js';
import { windowStart } from './windows.js';

const HOUR_MS = 3_600_000;
const DAY = Date.parse('2026-11-21T00:00:00.000Z');
const atHour = (hour: number): number => DAY + hour * HOUR_MS;

const used = (spent: number, held = 0, calls = { held: 0, spent: 1 }): WindowUsage => ({
  startMs: DAY,
  calls,
  money: { USD: { held, spent } },
});
const LIMIT: WindowLimit = { maxMicros: 12_000, currency: 'USD' };

describe('a forecast', () => {
  test('goes on at the mean rate of the window so far, what is held counted as spent', () => {
    expect(forecastOf(used(3_000, 3_000), 'day', LIMIT, atHour(6))).toEqual({
      perHour: { calls: 0, money: { USD: 1_000 } },
      atReset: { calls: 4, money: { USD: 24_000 } },
      runsOutAt: '2026-11-21T12:00:00.000Z',
    });
  });

  test('says nothing runs out where it lasts until the window ends, where nothing was spent, and without a limit', () => {
    expect(forecastOf(used(3_000), 'day', LIMIT, atHour(6)).runsOutAt).toBeNull();
    expect(forecastOf(used(0), 'day', LIMIT, atHour(6)).runsOutAt).toBeNull();
    expect(forecastOf(used(9_000), 'day', undefined, atHour(6)).runsOutAt).toBeNull();
  });

  test('is over now where nothing is left, also of a limit of nothing', () => {
    expect(forecastOf(used(12_000), 'day', LIMIT, atHour(6)).runsOutAt).toBe('2026-11-21T06:00:00.000Z');
    expect(forecastOf(used(0), 'day', { maxCalls: 0 }, atHour(6)).runsOutAt).toBe('2026-11-21T06:00:00.000Z');
  });

  test('runs out with whichever of money and calls is gone first', () => {
    const both = { ...LIMIT, maxCalls: 8 };
    expect(forecastOf(used(3_000, 0, { held: 1, spent: 3 }), 'day', both, atHour(6)).runsOutAt).toBe('2026-11-21T12:00:00.000Z');
  });

  test('takes one call at the beginning of a window for no flood', () => {
    const first = forecastOf(used(100), 'day', LIMIT, DAY + 1);
    expect(first.atReset).toEqual({ calls: 20, money: { USD: 2_000 } });
    expect(first.runsOutAt).toBeNull();
  });

  test('keeps currencies apart and forecasts by that of the limit alone', () => {
    const two: WindowUsage = { ...used(1_000), money: { USD: { held: 0, spent: 1_000 }, EUR: { held: 0, spent: 90_000 } } };
    expect(forecastOf(two, 'day', LIMIT, atHour(6))).toMatchObject({
      perHour: { money: { USD: 166, EUR: 15_000 } },
      runsOutAt: null,
    });
  });

  test('is of integers that are exact, runs out within its window or not at all, and sooner when more is spent', () => {
    const amount = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(
        fc.record({ window: fc.constantFrom('minute', 'hour', 'day', 'month' as const), atMs: fc.integer({ min: 0, max: 4e12 }) }),
        ...([amount, amount, amount] as const),
        ({ window, atMs }, spent, more, max) => {
          const startMs = windowStart(window, atMs);
          const of = (sum: number) =>
            forecastOf(
              { startMs, calls: { held: 0, spent: sum }, money: { USD: { held: 0, spent: sum } } },
              window,
              { maxMicros: max, currency: 'USD' },
              atMs,
            );
          const [less, greater] = [of(Math.min(spent, more)), of(Math.max(spent, more))];
          for (const { perHour, atReset } of [less, greater])
            for (const number of [perHour.calls, perHour.money.USD, atReset.calls, atReset.money.USD])
              expect(Number.isSafeInteger(number)).toBe(true);
          for (const { runsOutAt } of [less, greater]) if (runsOutAt !== null) expect(Date.parse(runsOutAt)).toBeGreaterThanOrEqual(atMs);
          if (less.runsOutAt !== null) expect(Date.parse(greater.runsOutAt ?? '')).toBeLessThanOrEqual(Date.parse(less.runsOutAt));
        },
      ),
      { verbose: 1 },
    );
  });
});
