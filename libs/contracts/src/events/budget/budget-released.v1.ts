import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { AmountMicros, Currency, Id } from '../../values.js';

/** The hold was given back unused. */
export const BudgetReleasedV1 = defineEvent({
  type: 'BudgetReleased',
  version: 1,
  summary: 'The hold was given back unused.',
  data: z.object({
    amounts: z.array(z.object({ account: Id, amountMicros: AmountMicros, calls: z.number().int().nonnegative() })).max(32),
    currency: Currency,
    reason: z.string().max(64),
  }),
});
export type BudgetReleasedV1 = DataOf<typeof BudgetReleasedV1>;
