import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, JsonValue } from '../../values.js';

/** A limit was set, changed or removed. */
export const BudgetLimitChangedV1 = defineEvent({
  type: 'BudgetLimitChanged',
  version: 1,
  summary: 'A limit was set, changed or removed.',
  data: z.object({ account: Id, before: JsonValue, after: JsonValue, changedBy: Id, why: z.string().max(1024) }),
});
export type BudgetLimitChangedV1 = DataOf<typeof BudgetLimitChangedV1>;
