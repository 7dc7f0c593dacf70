import type { BudgetTally, BudgetWindow, WindowForecast, WindowLimit } from '@sallyport/contracts';
import { tallyOf, type WindowUsage } from './account-usage.js';
import { instantOf, windowEnd } from './windows.js';

const HOUR_MS = 3_600_000;
/** A window counts as at least this part of its length old. */
const YOUNGEST_PART = 20;

/** The greatest number that is still exact ends what grows. */
const exact = (value: bigint): number => Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value);

/** `amount × numerator ÷ denominator`, rounded down, without a step that is not exact. */
const scaled = (amount: number, numerator: number, denominator: number): number =>
  exact((BigInt(amount) * BigInt(numerator)) / BigInt(denominator));

const goneOf = ({ held, spent }: BudgetTally): number => Math.min(held + spent, Number.MAX_SAFE_INTEGER);

/**
 * Where a window leads to if it goes on as it did so far. Held counts as spent: what runs is not there for others. All numbers are integers,
 * rounded down; the moment it runs out is the earlier one of money and calls, and `atMs` where nothing is left now.
 */
export const forecastOf = (used: WindowUsage, window: BudgetWindow, limit: WindowLimit | undefined, atMs: number): WindowForecast => {
  const endMs = windowEnd(window, used.startMs);
  const lengthMs = endMs - used.startMs;
  const elapsedMs = Math.max(1, Math.ceil(lengthMs / YOUNGEST_PART), Math.min(atMs, endMs) - used.startMs);
  const calls = goneOf(used.calls);
  const money = Object.entries(used.money).map(([currency, tally]) => [currency, goneOf(tally)] as const);
  const over = (periodMs: number): WindowForecast['perHour'] => ({
    calls: scaled(calls, periodMs, elapsedMs),
    money: Object.fromEntries(money.map(([currency, gone]) => [currency, scaled(gone, periodMs, elapsedMs)])),
  });
  const ends = [
    limit?.maxMicros === undefined || limit.currency === undefined
      ? null
      : runsOutMs(goneOf(tallyOf(used, limit.currency)), limit.maxMicros, elapsedMs, atMs),
    limit?.maxCalls === undefined ? null : runsOutMs(calls, limit.maxCalls, elapsedMs, atMs),
  ].flatMap((at) => (at === null || at >= endMs ? [] : [at]));
  return { perHour: over(HOUR_MS), atReset: over(lengthMs), runsOutAt: ends.length === 0 ? null : instantOf(Math.min(...ends)) };
};

/** When the rest of a limit is gone at the rate of so much in so long; `null` where nothing goes. */
const runsOutMs = (gone: number, max: number, elapsedMs: number, atMs: number): number | null => {
  if (gone >= max) return atMs;
  return gone === 0 ? null : Math.min(atMs + scaled(max - gone, elapsedMs, gone), Number.MAX_SAFE_INTEGER);
};
