import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { CallPrice, Id, Instant, KeyedDigest, PlainDigest, RequestFacts } from '../../values.js';

/** The call waits for a person; its hold is given back. */
export const ToolCallParkedV1 = defineEvent({
  type: 'ToolCallParked',
  version: 1,
  summary: 'The call waits for a person; its hold is given back.',
  data: z.object({
    approvalRuleIds: z.array(Id).max(64),
    paramsHash: KeyedDigest,
    toolDigest: PlainDigest,
    /** Until when the edge holds the call; how long people have is the approval rule's to say. */
    expiresAt: Instant,
    /** The request as recorded first: with it and `sealedParams` the question stands alone. Without it nobody can be asked, which is a no. */
    request: RequestFacts.optional(),
    /** As in `ToolCallRequested`; for a recorded unmask. */
    sealedParams: z.string().max(700_000).optional(),
    /** Why policy asks for a person: its reasons, for the person to read. */
    reasons: z.array(z.string().max(256)).max(64).optional(),
    /** The request for approval that this call waited for before its client came back. If that has ended meanwhile, its end is the answer. */
    approvalId: Id.nullable().optional(),
    /** The policies that decided so. */
    policyIds: z.array(Id).max(64).optional(),
    /** What was held for it until now: what it will cost where the price stays. `null`: nobody is charged. */
    price: CallPrice.nullable().optional(),
  }),
});
export type ToolCallParkedV1 = DataOf<typeof ToolCallParkedV1>;
