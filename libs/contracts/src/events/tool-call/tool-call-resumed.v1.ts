import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, RequestFacts } from '../../values.js';

/** A person agreed and a client still waits: decide and reserve again. */
export const ToolCallResumedV1 = defineEvent({
  type: 'ToolCallResumed',
  version: 1,
  summary: 'A person agreed and a client still waits: decide and reserve again.',
  data: z.object({
    approvalId: Id,
    evaluation: z.number().int().min(2),
    edgeId: Id,
    /** The request as recorded first: with it and `sealedParams` the question stands alone, for a decision point that never saw the request. */
    request: RequestFacts.optional(),
    /** As in `ToolCallRequested`. */
    sealedParams: z.string().max(700_000).optional(),
  }),
});
export type ToolCallResumedV1 = DataOf<typeof ToolCallResumedV1>;
