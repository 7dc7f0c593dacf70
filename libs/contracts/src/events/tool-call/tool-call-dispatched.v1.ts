import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, PlainDigest, Redaction } from '../../values.js';

/** Bytes are about to go to the upstream. Said again of the same attempt only behind a `ToolCallReevaluationRequested`: nothing had been sent then. */
export const ToolCallDispatchedV1 = defineEvent({
  type: 'ToolCallDispatched',
  version: 1,
  summary: 'Bytes are about to go to the upstream.',
  data: z.object({
    server: z.string().max(64),
    /** Version of the route (address, transport) that was used. */
    routeVersion: z.string().max(64),
    attempt: z.number().int().positive(),
    /** `jti` of the token minted for this attempt; never the token. `null` where the upstream takes none (stdio). */
    tokenId: Id.nullable(),
    toolDigest: PlainDigest.nullable(),
    decisionId: Id,
    /** The grant that is used up by this. */
    approvalId: Id.nullable().optional(),
    dryRun: z.boolean(),
    /** Masks made in the arguments on the way out. */
    redactions: z.array(Redaction).max(256),
  }),
});
export type ToolCallDispatchedV1 = DataOf<typeof ToolCallDispatchedV1>;
