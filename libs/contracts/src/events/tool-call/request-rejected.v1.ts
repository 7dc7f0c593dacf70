import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, Instant, KeyedDigest } from '../../values.js';

/** Requests that have no principal or no form were turned away; coalesced by source, with an exact count. */
export const RequestRejectedV1 = defineEvent({
  type: 'RequestRejected',
  version: 1,
  summary: 'Requests that have no principal or no form were turned away; coalesced by source, with an exact count.',
  data: z.object({
    code: z.string().max(64),
    /** Keyed digest of the peer address. */
    sourceHash: KeyedDigest,
    edgeId: Id,
    count: z.number().int().positive(),
    from: Instant,
    to: Instant,
    method: z.string().max(16),
    /** The route, never the raw path. */
    route: z.string().max(128),
    httpStatus: z.number().int(),
  }),
});
export type RequestRejectedV1 = DataOf<typeof RequestRejectedV1>;
