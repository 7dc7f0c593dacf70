import { z } from 'zod';
import { AmountMicros, Currency, Id, Instant } from '../values.js';

/** The windows a limit may have, in UTC; they nest, and a month is a calendar month. */
export const BudgetWindow = z.enum(['minute', 'hour', 'day', 'month']);
export type BudgetWindow = z.infer<typeof BudgetWindow>;

/** What an account may spend within one window: money, calls, or both. */
export const WindowLimit = z
  .strictObject({
    maxMicros: AmountMicros.optional(),
    currency: Currency.optional(),
    maxCalls: z.number().int().nonnegative().optional(),
  })
  .refine(({ maxMicros, currency }) => (maxMicros === undefined) === (currency === undefined), 'maxMicros and currency go together')
  .refine(
    ({ maxMicros, maxCalls }) => maxMicros !== undefined || maxCalls !== undefined,
    'needs maxMicros with currency, maxCalls, or both',
  );
export type WindowLimit = z.infer<typeof WindowLimit>;

/** The limits of one account, by window. */
export const BudgetLimit = z.partialRecord(BudgetWindow, WindowLimit);
export type BudgetLimit = z.infer<typeof BudgetLimit>;

/**
 * Name of an account within its tenant: `tenant:<id>`, `user:<sub>`, `service:<sub>`, `agent:<id>`, `tool:<server>/<tool>`,
 * `workflow:<claim>`; `user:*` and the like hold for each of them that has no limit of its own.
 */
export const BudgetAccount = Id.regex(
  /^(tenant|user|service|agent|tool|workflow):./,
  'must be tenant:, user:, service:, agent:, tool: or workflow:',
);

/** Money or calls of one window: held for calls that run, spent by those that ended. */
export const BudgetTally = z.object({ held: z.number().int().nonnegative(), spent: z.number().int().nonnegative() });
export type BudgetTally = z.infer<typeof BudgetTally>;

/**
 * Where a window leads to if it goes on as it did so far; integers, rounded down. Calls that run count as spent. Within its first twentieth a
 * window counts as that old, or one call would look like a flood.
 */
export const WindowForecast = z.object({
  /** A mean hour of the window so far. */
  perHour: z.object({ calls: z.number().int().nonnegative(), money: z.record(Currency, AmountMicros) }),
  /** What the window will have spent when it ends. */
  atReset: z.object({ calls: z.number().int().nonnegative(), money: z.record(Currency, AmountMicros) }),
  /** When nothing will be left; `null` where something will be until the window ends, or there is no limit. */
  runsOutAt: Instant.nullable(),
});
export type WindowForecast = z.infer<typeof WindowForecast>;

/** One account within one window: its limit, what is gone and what is left. `null`: no limit, so nothing to be left of. */
export const WindowStatement = z.object({
  window: BudgetWindow,
  startsAt: Instant,
  resetsAt: Instant,
  limit: WindowLimit.nullable(),
  calls: BudgetTally,
  /** By currency. */
  money: z.record(Currency, BudgetTally),
  leftMicros: AmountMicros.nullable(),
  leftCalls: z.number().int().nonnegative().nullable(),
  forecast: WindowForecast,
});
export type WindowStatement = z.infer<typeof WindowStatement>;

/** One account with its windows; `limitOf` names the account whose limit is in force, itself or `<kind>:*`. */
export const AccountStatement = z.object({ account: Id, limitOf: Id.nullable(), windows: z.array(WindowStatement) });
export type AccountStatement = z.infer<typeof AccountStatement>;

/** Answer of `GET /v1/budgets/me`. */
export const OwnBudgets = z.object({ at: Instant, accounts: z.array(AccountStatement) });
export type OwnBudgets = z.infer<typeof OwnBudgets>;

/** A limit as it is in force, with who set it. */
export const LimitInForce = z.object({
  account: Id,
  limit: BudgetLimit.nullable(),
  declared: z.boolean(),
  changedBy: Id,
  why: z.string(),
  changedAt: Instant,
});
export type LimitInForce = z.infer<typeof LimitInForce>;

/** What an account is of. */
export const BudgetAccountKind = z.enum(['tenant', 'user', 'service', 'agent', 'tool', 'workflow']);
export type BudgetAccountKind = z.infer<typeof BudgetAccountKind>;

/** Answer of `GET /v1/budgets`: the limits of the tenant and a page of its accounts, by name: those used and those with a limit of their own. */
export const BudgetPage = z.object({
  at: Instant,
  limits: z.array(LimitInForce),
  accounts: z.array(AccountStatement),
  nextCursor: z.string().nullable(),
});
export type BudgetPage = z.infer<typeof BudgetPage>;

/** Query of `GET /v1/budgets`. */
export const BudgetQuery = z.strictObject({
  account: Id.optional(),
  kind: BudgetAccountKind.optional(),
  cursor: Id.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** Most accounts and steps that one question about spending over time may have; beyond 62 days nothing is kept. */
export const SPENDING_ACCOUNTS_MAX = 50;
export const SPENDING_STEPS_MAX = 200;

/** Query of `GET /v1/budgets/spending`. */
export const SpendingQuery = z.strictObject({
  /** One, or several by naming it again. */
  account: z.union([Id, z.array(Id).min(1).max(SPENDING_ACCOUNTS_MAX)]),
  step: z.enum(['hour', 'day']).default('hour'),
  /** Without it, 24 hours or 31 days before the end. */
  from: z.iso.datetime().optional(),
  /** Without it, now. */
  to: z.iso.datetime().optional(),
});
export type SpendingQuery = z.infer<typeof SpendingQuery>;

/** What was spent within one step, in one currency. */
export const SpendingStep = z.object({
  startsAt: Instant,
  currency: Currency,
  spentMicros: AmountMicros,
  calls: z.number().int().nonnegative(),
});
export type SpendingStep = z.infer<typeof SpendingStep>;

/**
 * Answer of `GET /v1/budgets/spending`: what was spent over time, by the hour or day (UTC) in which it was held. Steps in which nothing was
 * spent are left out. `from` and `to` are the borders of the steps.
 */
export const Spending = z.object({
  step: z.enum(['hour', 'day']),
  from: Instant,
  to: Instant,
  accounts: z.array(z.object({ account: Id, steps: z.array(SpendingStep) })),
});
export type Spending = z.infer<typeof Spending>;

/** Body of `PUT /v1/budgets`; `limit: null` removes it. */
export const PutBudgetLimit = z.strictObject({ account: BudgetAccount, limit: BudgetLimit.nullable(), why: z.string().min(1).max(1024) });
export type PutBudgetLimit = z.infer<typeof PutBudgetLimit>;

/** A hold that no event ends: the call is in doubt until a person resolves it. */
export const HoldInDoubt = z.object({
  callId: Id,
  chainId: Id,
  accounts: z.array(Id),
  amountMicros: AmountMicros,
  currency: Currency,
  heldAt: Instant,
});
export type HoldInDoubt = z.infer<typeof HoldInDoubt>;

/** Answer of `GET /v1/budgets/in-doubt`: the oldest first, at most 1,000. */
export const HoldsInDoubt = z.object({ holds: z.array(HoldInDoubt) });
export type HoldsInDoubt = z.infer<typeof HoldsInDoubt>;
