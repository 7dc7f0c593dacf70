import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';
import { ApprovalVotes } from './approval-votes.js';

/** The call that asked is gone. */
export const ApprovalWithdrawnV1 = defineEvent({
  type: 'ApprovalWithdrawn',
  version: 1,
  summary: 'The call that asked is gone.',
  data: z.object({ approvalId: Id, reason: z.string().max(256), votes: ApprovalVotes.optional() }),
});
export type ApprovalWithdrawnV1 = DataOf<typeof ApprovalWithdrawnV1>;
