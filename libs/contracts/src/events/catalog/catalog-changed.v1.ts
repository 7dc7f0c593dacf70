import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, JsonValue } from '../../values.js';

/** The record of a server or a tool changed. */
export const CatalogChangedV1 = defineEvent({
  type: 'CatalogChanged',
  version: 1,
  summary: 'The record of a server or a tool changed.',
  data: z.object({
    id: z.string().max(400),
    before: JsonValue,
    after: JsonValue,
    epoch: z.number().int(),
    changedBy: Id,
    why: z.string().max(1024),
  }),
});
export type CatalogChangedV1 = DataOf<typeof CatalogChangedV1>;
