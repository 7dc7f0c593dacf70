import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { ContentLabel, Id, KeyedDigest, RequestFacts } from '../../values.js';

/**
 * The edge asks for a decision anew: the last one is too old, or the client answered with new input. Behind a `ToolCallDispatched` it says that nothing
 * of that dispatch was sent; what is sent later has a `ToolCallDispatched` of its own.
 */
export const ToolCallReevaluationRequestedV1 = defineEvent({
  type: 'ToolCallReevaluationRequested',
  version: 1,
  summary:
    'The edge asks for a decision anew: the last one is too old, or the client answered with new input. Behind a dispatch it says that nothing of it was sent.',
  data: z.object({
    evaluation: z.number().int().min(2),
    reason: z.enum(['decision-too-old', 'new-input', 'resumed']),
    /** New input; `null` when the arguments are those of the request. */
    sealedParams: z.string().max(700_000).nullable(),
    paramsHash: KeyedDigest,
    labels: z.array(ContentLabel).max(64),
    edgeId: Id,
    /** The request as recorded first. With it and `sealedParams` the question stands alone: a decision point that never saw the request can answer. */
    request: RequestFacts.optional(),
    /** The grant that a resumed call rests on. */
    approvalId: Id.nullable().optional(),
  }),
});
export type ToolCallReevaluationRequestedV1 = DataOf<typeof ToolCallReevaluationRequestedV1>;
