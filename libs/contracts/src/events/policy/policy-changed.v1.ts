import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, PlainDigest } from '../../values.js';

/** The policy set in force is another one. */
export const PolicyChangedV1 = defineEvent({
  type: 'PolicyChanged',
  version: 1,
  summary: 'The policy set in force is another one.',
  data: z.object({
    before: PlainDigest.nullable(),
    after: PlainDigest,
    epoch: z.number().int(),
    changedBy: Id,
    why: z.string().max(1024),
    policyIds: z.array(Id).max(5000),
  }),
});
export type PolicyChangedV1 = DataOf<typeof PolicyChangedV1>;
