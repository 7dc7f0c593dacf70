import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';
import { ApprovalVotes } from './approval-votes.js';

/** Nobody answered in time; silence is a no. */
export const ApprovalExpiredV1 = defineEvent({
  type: 'ApprovalExpired',
  version: 1,
  summary: 'Nobody answered in time; silence is a no.',
  data: z.object({ approvalId: Id, votes: ApprovalVotes.optional() }),
});
export type ApprovalExpiredV1 = DataOf<typeof ApprovalExpiredV1>;
