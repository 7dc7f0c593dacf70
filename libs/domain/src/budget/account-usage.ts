import type { BudgetTally, BudgetWindow } from '@sallyport/contracts';
import { type WindowStarts, windowStart } from './windows.js';

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
export const usageAt = (usage: AccountUsage, window: BudgetWindow, atMs: number): WindowUsage =>
  since(usage[window], windowStart(window, atMs));

/** The same, of the newest window that was seen and the one that begins at `startMs`. */
export const since = (newest: WindowUsage, startMs: number): WindowUsage => (newest.startMs === startMs ? newest : unusedAt(startMs));

export const tallyOf = (usage: WindowUsage, currency: string): BudgetTally => usage.money[currency] ?? NOTHING;

/**
 * Charges a movement to the windows of one moment. A window that began later has forgotten this one, so there it counts for nothing;
 * an earlier one is left behind, unless it is to give back what it never held. What comes back of a hold is therefore never taken from another window's money.
 */
export const moved = (usage: AccountUsage, starts: WindowStarts, currency: string, movement: Movement): AccountUsage => ({
  minute: movedWithin(usage.minute, starts.minute, currency, movement),
  hour: movedWithin(usage.hour, starts.hour, currency, movement),
  day: movedWithin(usage.day, starts.day, currency, movement),
  month: movedWithin(usage.month, starts.month, currency, movement),
});

const movedWithin = (used: WindowUsage, startMs: number, currency: string, movement: Movement): WindowUsage => {
  if (used.startMs > startMs || (movement.heldCalls < 0 && used.startMs < startMs)) return used;
  const { calls, money } = since(used, startMs);
  const tally = money[currency] ?? NOTHING;
  return {
    startMs,
    calls: { held: calls.held + movement.heldCalls, spent: plus(calls.spent, movement.spentCalls) },
    money:
      movement.heldMicros === 0 && movement.spentMicros === 0
        ? money
        : { ...money, [currency]: { held: tally.held + movement.heldMicros, spent: plus(tally.spent, movement.spentMicros) } },
  };
};

/** Spending ends at the greatest number that is still exact: an absurd report must not wrap or round the books. */
const plus = (left: number, right: number): number => Math.min(left + right, Number.MAX_SAFE_INTEGER);
