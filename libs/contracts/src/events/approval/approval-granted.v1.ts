import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, Instant, KeyedDigest, PlainDigest } from '../../values.js';
import { ApprovalVotes } from './approval-votes.js';

/** Enough people agreed to exactly this call, once. */
export const ApprovalGrantedV1 = defineEvent({
  type: 'ApprovalGranted',
  version: 1,
  summary: 'Enough people agreed to exactly this call, once.',
  data: z.object({
    approvalId: Id,
    paramsHash: KeyedDigest,
    toolDigest: PlainDigest,
    grantedBy: z.array(Id).min(1).max(16),
    channel: z.string().max(64),
    expiresAt: Instant,
    /** The approval rules that were satisfied. A policy that asks for another one is not answered by this grant. */
    ruleIds: z.array(Id).max(64).optional(),
    votes: ApprovalVotes.optional(),
  }),
});
export type ApprovalGrantedV1 = DataOf<typeof ApprovalGrantedV1>;
