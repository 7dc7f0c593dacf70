import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { ContentLabel, KeyedDigest, Redaction } from '../../values.js';

/** The upstream asks back; the call goes on under the same id. */
export const ToolCallInputRequiredV1 = defineEvent({
  type: 'ToolCallInputRequired',
  version: 1,
  summary: 'The upstream asks back; the call goes on under the same id.',
  data: z.object({
    round: z.number().int().positive(),
    requests: z.array(z.string().max(128)).max(32),
    outputHash: KeyedDigest,
    labels: z.array(ContentLabel).max(64),
    redactions: z.array(Redaction).max(256),
    upstreamMicros: z.number().int().nonnegative(),
    totalMicros: z.number().int().nonnegative(),
  }),
});
export type ToolCallInputRequiredV1 = DataOf<typeof ToolCallInputRequiredV1>;
