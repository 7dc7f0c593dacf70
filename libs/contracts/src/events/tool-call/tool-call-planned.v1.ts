import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { AmountMicros, Id, KeyedDigest, Redaction } from '../../values.js';

/** A plan ended: what would be decided, charged and masked. */
export const ToolCallPlannedV1 = defineEvent({
  type: 'ToolCallPlanned',
  version: 1,
  summary: 'A plan ended: what would be decided, charged and masked.',
  data: z.object({
    decisionId: Id,
    quoteMicros: AmountMicros.nullable(),
    redactions: z.array(Redaction).max(256),
    dryRunHash: KeyedDigest.nullable(),
    totalMicros: z.number().int().nonnegative(),
  }),
});
export type ToolCallPlannedV1 = DataOf<typeof ToolCallPlannedV1>;
