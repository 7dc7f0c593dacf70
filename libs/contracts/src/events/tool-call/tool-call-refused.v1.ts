import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { RequestFacts } from '../../values.js';

/** The call was refused; the upstream was never reached. */
export const ToolCallRefusedV1 = defineEvent({
  type: 'ToolCallRefused',
  version: 1,
  summary: 'The call was refused; the upstream was never reached.',
  data: z.object({
    stage: z.enum(['edge', 'policy', 'budget', 'approval', 'dispatch']),
    code: z.string().max(64),
    /** Rule ids and other machine-readable reasons; no content. */
    reasons: z.array(z.string().max(256)).max(64),
    /** Present when the edge refused by itself, before any `ToolCallRequested`: the whole story in one event. */
    request: RequestFacts.nullable(),
    totalMicros: z.number().int().nonnegative(),
  }),
});
export type ToolCallRefusedV1 = DataOf<typeof ToolCallRefusedV1>;
