import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { AmountMicros, Currency, Id } from '../../values.js';

/** The price of a plan; nothing is held. */
export const BudgetQuotedV1 = defineEvent({
  type: 'BudgetQuoted',
  version: 1,
  summary: 'The price of a plan; nothing is held.',
  data: z.object({
    amounts: z.array(z.object({ account: Id, amountMicros: AmountMicros, calls: z.number().int().nonnegative() })).max(32),
    currency: Currency,
    priceListVersion: Id,
    affordable: z.boolean(),
  }),
});
export type BudgetQuotedV1 = DataOf<typeof BudgetQuotedV1>;
