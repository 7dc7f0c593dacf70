import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';

/** The client hung up. */
export const ToolCallCancelledV1 = defineEvent({
  type: 'ToolCallCancelled',
  version: 1,
  summary: 'The client hung up.',
  data: z.object({
    stage: z.enum(['requested', 'parked', 'dispatched']),
    reached: z.enum(['no', 'yes', 'unknown']),
    totalMicros: z.number().int().nonnegative(),
  }),
});
export type ToolCallCancelledV1 = DataOf<typeof ToolCallCancelledV1>;
