import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, Instant, JsonValue, KeyedDigest, PlainDigest, Principal, ToolId } from '../../values.js';

/** People were asked about exactly this call. */
export const ApprovalRequestedV1 = defineEvent({
  type: 'ApprovalRequested',
  version: 1,
  summary: 'People were asked about exactly this call.',
  data: z.object({
    approvalId: Id,
    paramsHash: KeyedDigest,
    toolDigest: PlainDigest,
    principal: Principal,
    tool: ToolId,
    paramsMasked: JsonValue,
    ruleIds: z.array(Id).max(64),
    approvers: z.array(Id).max(64),
    quorum: z.number().int().positive(),
    expiresAt: Instant,
  }),
});
export type ApprovalRequestedV1 = DataOf<typeof ApprovalRequestedV1>;
