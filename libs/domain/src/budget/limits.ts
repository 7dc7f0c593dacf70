import type { BudgetLimit, BudgetWindow, EventData, WindowLimit, WindowStatement } from '@sallyport/contracts';
import { type AccountUsage, since, tallyOf, usageAt, type WindowUsage } from './account-usage.js';
import { forecastOf } from './forecast.js';
import { BUDGET_WINDOWS, instantOf, type WindowStarts, windowEnd } from './windows.js';

type Refused = EventData<'BudgetReservationRefused'>;

/** What a call would add to an account. */
export interface Wish {
  readonly amountMicros: number;
  readonly currency: string;
  /** The windows it would be charged to. */
  readonly starts: WindowStarts;
}

const remaining = (max: number, { held, spent }: { readonly held: number; readonly spent: number }): number =>
  Math.max(0, max - held - spent);

/** Why an account cannot take a wish: the limit that keeps it longest from paying. `null`: it can pay. Currencies are never converted. */
export const refusalOf = (account: string, usage: AccountUsage, limit: BudgetLimit | undefined, wish: Wish): Refused | null => {
  const { amountMicros, currency, starts } = wish;
  let refusal: Refused | null = null;
  for (const window of BUDGET_WINDOWS) {
    const used = since(usage[window], starts[window]);
    const bound = limit?.[window];
    const money = tallyOf(used, currency);
    if (bound?.currency !== undefined && bound.currency !== currency && amountMicros > 0) {
      // Money of one currency cannot be held against a limit in another.
      return { account, reason: 'unattributable', remainingMicros: null, currency: bound.currency, resetsAt: null };
    }
    const most = bound?.maxMicros ?? Number.MAX_SAFE_INTEGER;
    const isExhausted = amountMicros > 0 && money.held + money.spent > most - amountMicros;
    if (!isExhausted && (bound?.maxCalls === undefined || used.calls.held + used.calls.spent + 1 <= bound.maxCalls)) continue;
    const remainingMicros = bound?.maxMicros === undefined ? null : remaining(bound.maxMicros, money);
    refusal = {
      account,
      currency: isExhausted ? currency : (bound?.currency ?? null),
      resetsAt: instantOf(windowEnd(window, used.startMs)),
      window,
      remainingCalls: bound?.maxCalls === undefined ? null : remaining(bound.maxCalls, used.calls),
      reason: isExhausted ? 'exhausted' : 'rate-limited',
      remainingMicros: isExhausted ? (remainingMicros ?? 0) : remainingMicros,
    };
  }
  return refusal;
};

/** Whether an account has more held and spent than its limit allows, in the windows of one moment. */
export const isBreached = (usage: AccountUsage, limit: BudgetLimit | undefined, atMs: number): boolean =>
  BUDGET_WINDOWS.some((window) => {
    const bound = limit?.[window];
    return bound !== undefined && isOver(usageAt(usage, window, atMs), bound);
  });

const isOver = (used: WindowUsage, { maxMicros, currency, maxCalls }: WindowLimit): boolean => {
  const money = currency === undefined ? null : tallyOf(used, currency);
  return (
    (maxMicros !== undefined && money !== null && money.held + money.spent > maxMicros) ||
    (maxCalls !== undefined && used.calls.held + used.calls.spent > maxCalls)
  );
};

/** What is held, spent and left of an account in one window. */
export const statementOf = (usage: AccountUsage, window: BudgetWindow, limit: WindowLimit | undefined, atMs: number): WindowStatement => {
  const used = usageAt(usage, window, atMs);
  const money = limit?.currency === undefined ? null : tallyOf(used, limit.currency);
  return {
    window,
    startsAt: instantOf(used.startMs),
    resetsAt: instantOf(windowEnd(window, used.startMs)),
    limit: limit ?? null,
    calls: used.calls,
    money: used.money,
    leftMicros: limit?.maxMicros === undefined || money === null ? null : remaining(limit.maxMicros, money),
    leftCalls: limit?.maxCalls === undefined ? null : remaining(limit.maxCalls, used.calls),
    forecast: forecastOf(used, window, limit, atMs),
  };
};
