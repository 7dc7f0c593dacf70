import type { BudgetTally, BudgetWindow } from '@sallyport/contracts';
import { BUDGET_WINDOWS, windowStart } from './windows.js';

/** What is held and spent within one window. */
export interface WindowUsage {
  readonly startMs: number;
  readonly calls: BudgetTally;
  /** By currency; nothing is ever converted. */
  readonly money: Readonly<Record<string, BudgetTally>>;
}

/** What is held and spent of one account, in the newest window of each length that it has seen. */
export type AccountUsage = Readonly<Record<BudgetWindow, WindowUsage>>;

/** A move of money and calls, charged to the windows of one moment. */
export interface Movement {
  readonly heldMicros: number;
  readonly spentMicros: number;
  readonly heldCalls: number;
  readonly spentCalls: number;
}

const NOTHING: BudgetTally = { held: 0, spent: 0 };
const unusedAt = (startMs: number): WindowUsage => ({ startMs, calls: NOTHING, money: {} });

/** An account nobody has used. */
export const unusedAccount: AccountUsage = { minute: unusedAt(0), hour: unusedAt(0), day: unusedAt(0), month: unusedAt(0) };

/** What an account has used in the window that a moment lies in: nothing, when it has not been used since the window began. */
export const usageAt = (usage: AccountUsage, window: BudgetWindow, atMs: number): WindowUsage => {
  const startMs = windowStart(window, atMs);
  return usage[window].startMs === startMs ? usage[window] : unusedAt(startMs);
};

export const tallyOf = (usage: WindowUsage, currency: string): BudgetTally => usage.money[currency] ?? NOTHING;

/**
 * Charges a movement to the windows that `atMs` lies in. A window that began later has forgotten this one, so there it counts for nothing;
 * an earlier one is left behind, unless it is to give back what it never held. What comes back of a hold is therefore never taken from another window's money.
 */
export const moved = (usage: AccountUsage, atMs: number, currency: string, movement: Movement): AccountUsage => {
  const after = { ...usage };
  for (const window of BUDGET_WINDOWS) {
    const startMs = windowStart(window, atMs);
    if (usage[window].startMs > startMs || (movement.heldCalls < 0 && usage[window].startMs < startMs)) continue;
    const { calls, money } = usageAt(usage, window, atMs);
    const tally = money[currency] ?? NOTHING;
    after[window] = {
      startMs,
      calls: { held: calls.held + movement.heldCalls, spent: plus(calls.spent, movement.spentCalls) },
      money:
        movement.heldMicros === 0 && movement.spentMicros === 0
          ? money
          : { ...money, [currency]: { held: tally.held + movement.heldMicros, spent: plus(tally.spent, movement.spentMicros) } },
    };
  }
  return after;
};

/** Spending ends at the greatest number that is still exact: an absurd report must not wrap or round the books. */
const plus = (left: number, right: number): number => Math.min(left + right, Number.MAX_SAFE_INTEGER);
