import { z } from 'zod';
import { Id, Instant } from '../../values.js';

/** Who agreed, when and by which channel: on record with the end of the request, whichever it is. */
export const ApprovalVotes = z.array(z.object({ by: Id, at: Instant, channel: z.string().max(64) })).max(64);
