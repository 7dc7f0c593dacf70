import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, Obligation, PlainDigest, ToolId } from '../../values.js';

/** The decision point answered one evaluation of a call. Since its second version it always says whether it rests on a grant. */
export const PolicyDecidedV2 = defineEvent({
  type: 'PolicyDecided',
  version: 2,
  summary: 'The decision point answered one evaluation of a call.',
  data: z.object({
    effect: z.enum(['allow', 'deny', 'require-approval']),
    /** The code the refusal carries; `null` when the effect is not `deny`. */
    code: z.string().max(64).nullable(),
    policyIds: z.array(Id).max(64),
    policySetHash: PlainDigest,
    engine: z.string().max(64),
    obligations: z.array(Obligation).max(16),
    reasons: z.array(z.string().max(256)).max(64),
    /** Scopes a new token would need; empty unless the code is `scope.insufficient`. */
    requiredScopes: z.array(z.string().max(128)).max(32),
    /** For a list: the ids (`server/tool`) that may be shown; `null` otherwise. */
    visible: z.array(ToolId).max(5000).nullable(),
    evaluation: z.number().int().positive(),
    /** The grant that answers what the policies demand of people; the decision point found it on the log itself. `null`: none was needed. */
    approvalId: Id.nullable(),
    epoch: z.number().int().nonnegative(),
    durationMicros: z.number().int().nonnegative(),
  }),
});
export type PolicyDecidedV2 = DataOf<typeof PolicyDecidedV2>;
