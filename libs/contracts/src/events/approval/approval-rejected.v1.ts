import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';
import { ApprovalVotes } from './approval-votes.js';

/** A person said no. */
export const ApprovalRejectedV1 = defineEvent({
  type: 'ApprovalRejected',
  version: 1,
  summary: 'A person said no.',
  data: z.object({
    approvalId: Id,
    rejectedBy: Id,
    channel: z.string().max(64),
    why: z.string().max(1024),
    votes: ApprovalVotes.optional(),
  }),
});
export type ApprovalRejectedV1 = DataOf<typeof ApprovalRejectedV1>;
