import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';

/** The call was dispatched, or about to be, no usable answer came, and it changed nothing: it only reads, was not sent, or was refused by its server. */
export const ToolCallFailedV1 = defineEvent({
  type: 'ToolCallFailed',
  version: 1,
  summary:
    'The call was dispatched, or about to be, no usable answer came, and it changed nothing: it only reads, was not sent, or its server refused it.',
  data: z.object({
    code: z.string().max(64),
    reasons: z.array(z.string().max(256)).max(64),
    /** Whether bytes reached the upstream. */
    reached: z.enum(['no', 'yes', 'unknown']),
    upstreamMicros: z.number().int().nonnegative(),
    totalMicros: z.number().int().nonnegative(),
  }),
});
export type ToolCallFailedV1 = DataOf<typeof ToolCallFailedV1>;
