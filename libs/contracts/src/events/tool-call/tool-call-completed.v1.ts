import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { AmountMicros, ContentLabel, JsonValue, KeyedDigest, Redaction } from '../../values.js';

/** The upstream answered and the answer was inspected. */
export const ToolCallCompletedV1 = defineEvent({
  type: 'ToolCallCompleted',
  version: 1,
  summary: 'The upstream answered and the answer was inspected.',
  data: z.object({
    outcome: z.enum(['ok', 'tool-error', 'protocol-error']),
    /** JSON-RPC or tool error code the upstream reported. */
    upstreamCode: z.string().max(64).nullable(),
    outputHash: KeyedDigest,
    /** The masked output, at most 16 KiB; `null` when it was larger. */
    outputMasked: JsonValue,
    outputBytes: z.number().int().nonnegative(),
    labels: z.array(ContentLabel).max(64),
    redactions: z.array(Redaction).max(256),
    /** Interim messages that went out live, and the rolling digest over them. */
    interim: z.object({ count: z.number().int().nonnegative(), digest: KeyedDigest.nullable() }),
    upstreamMicros: z.number().int().nonnegative(),
    totalMicros: z.number().int().nonnegative(),
    /** What the upstream said it cost; `null` when it said nothing. */
    reportedCostMicros: AmountMicros.nullable(),
  }),
});
export type ToolCallCompletedV1 = DataOf<typeof ToolCallCompletedV1>;
