import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { KeyedDigest, RequestFacts } from '../../values.js';

/** An authenticated principal asked for something; it waits for its answers. */
export const ToolCallRequestedV1 = defineEvent({
  type: 'ToolCallRequested',
  version: 1,
  summary: 'An authenticated principal asked for something; it waits for its answers.',
  data: RequestFacts.extend({
    /**
     * JSON text of the request's `params` as sent (for `tools/call`, REST included: `{ name, arguments }`), AES-256-GCM under the tenant's key of
     * the day with the call id as context; only the edge, the decision point and a recorded unmask open them.
     */
    sealedParams: z.string().max(700_000),
    /** Keyed digest of the caller's idempotency key; `null` when it sent none. */
    idempotencyKeyHash: KeyedDigest.nullable(),
    /** How long the answer is worth anything, counted from the append of this event. */
    ttlMs: z.number().int().positive(),
    /** The answers without which nothing is dispatched. */
    requires: z.array(z.enum(['policy', 'budget'])).min(1),
  }),
});
export type ToolCallRequestedV1 = DataOf<typeof ToolCallRequestedV1>;
