import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { BudgetWindow } from '../../http/budget.js';
import { AmountMicros, Currency, Id, Instant } from '../../values.js';

/** Nothing was held: an account cannot pay, or nobody can be charged. */
export const BudgetReservationRefusedV1 = defineEvent({
  type: 'BudgetReservationRefused',
  version: 1,
  summary: 'Nothing was held: an account cannot pay, or nobody can be charged.',
  data: z.object({
    account: Id.nullable(),
    reason: z.enum(['exhausted', 'unattributable', 'rate-limited']),
    remainingMicros: AmountMicros.nullable(),
    currency: Currency.nullable(),
    resetsAt: Instant.nullable(),
    /** The window whose limit refused. */
    window: BudgetWindow.optional(),
    /** Calls left in it; `null` where calls are not limited. */
    remainingCalls: z.number().int().nonnegative().nullable().optional(),
  }),
});
export type BudgetReservationRefusedV1 = DataOf<typeof BudgetReservationRefusedV1>;
