import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';

/** Another price list is in force. */
export const PriceListChangedV1 = defineEvent({
  type: 'PriceListChanged',
  version: 1,
  summary: 'Another price list is in force.',
  data: z.object({ before: Id.nullable(), after: Id, changedBy: Id, why: z.string().max(1024) }),
});
export type PriceListChangedV1 = DataOf<typeof PriceListChangedV1>;
