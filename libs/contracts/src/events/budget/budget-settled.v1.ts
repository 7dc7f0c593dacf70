import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { AmountMicros, Currency, Id } from '../../values.js';

/** The actual cost was booked and the rest of the hold given back. */
export const BudgetSettledV1 = defineEvent({
  type: 'BudgetSettled',
  version: 1,
  summary: 'The actual cost was booked and the rest of the hold given back.',
  data: z.object({
    amounts: z.array(z.object({ account: Id, amountMicros: AmountMicros, calls: z.number().int().nonnegative() })).max(32),
    currency: Currency,
  }),
});
export type BudgetSettledV1 = DataOf<typeof BudgetSettledV1>;
