import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';

/** The call ended without ever being dispatched and without its client. */
export const ToolCallAbandonedV1 = defineEvent({
  type: 'ToolCallAbandoned',
  version: 1,
  summary: 'The call ended without ever being dispatched and without its client.',
  data: z.object({ stage: z.enum(['requested', 'parked']), reason: z.string().max(256) }),
});
export type ToolCallAbandonedV1 = DataOf<typeof ToolCallAbandonedV1>;
