import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';

/**
 * The `reason` of a parked call whose client was answered with the id of its approval and told to send the call again: the question stays
 * open for that. Any other reason means that nobody comes back for it.
 */
export const AWAITING_RESEND = 'awaiting-resend';

/** The call ended without ever being dispatched and without its client. */
export const ToolCallAbandonedV1 = defineEvent({
  type: 'ToolCallAbandoned',
  version: 1,
  summary: 'The call ended without ever being dispatched and without its client.',
  data: z.object({ stage: z.enum(['requested', 'parked']), reason: z.string().max(256) }),
});
export type ToolCallAbandonedV1 = DataOf<typeof ToolCallAbandonedV1>;
