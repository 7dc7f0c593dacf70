import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { AmountMicros, Currency, Id } from '../../values.js';

/** The actual cost was more than was held. */
export const BudgetOverranV1 = defineEvent({
  type: 'BudgetOverran',
  version: 1,
  summary: 'The actual cost was more than was held.',
  data: z.object({ account: Id, heldMicros: AmountMicros, actualMicros: AmountMicros, currency: Currency }),
});
export type BudgetOverranV1 = DataOf<typeof BudgetOverranV1>;
