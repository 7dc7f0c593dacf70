import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, JsonValue } from '../../values.js';

/** Current state: one account with its limit. */
export const BudgetAccountInForceV1 = defineEvent({
  type: 'BudgetAccountInForce',
  version: 1,
  summary: 'Current state: one account with its limit.',
  data: z.object({ account: Id, limit: JsonValue }),
});
export type BudgetAccountInForceV1 = DataOf<typeof BudgetAccountInForceV1>;
