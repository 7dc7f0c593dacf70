import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { AmountMicros, Currency, Id } from '../../values.js';

/** Money and calls are held against every account the call is charged to. */
export const BudgetReservedV1 = defineEvent({
  type: 'BudgetReserved',
  version: 1,
  summary: 'Money and calls are held against every account the call is charged to.',
  data: z.object({
    /** Empty where a call that was resumed twice holds already: one hold answers for both. */
    amounts: z.array(z.object({ account: Id, amountMicros: AmountMicros, calls: z.number().int().nonnegative() })).max(32),
    currency: Currency,
    priceListVersion: Id,
  }),
});
export type BudgetReservedV1 = DataOf<typeof BudgetReservedV1>;
