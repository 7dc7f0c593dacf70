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

/** Answer of `GET /v1/budgets`: the limits of the tenant and a page of its accounts, by name. */
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
  cursor: Id.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

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
