import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';

/** A person agreed and a client still waits: decide and reserve again. */
export const ToolCallResumedV1 = defineEvent({
  type: 'ToolCallResumed',
  version: 1,
  summary: 'A person agreed and a client still waits: decide and reserve again.',
  data: z.object({ approvalId: Id, evaluation: z.number().int().min(2), edgeId: Id }),
});
export type ToolCallResumedV1 = DataOf<typeof ToolCallResumedV1>;
