import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Instant } from '../../values.js';

/** The heads of all event chains at one moment, signed. */
export const AuditCheckpointV1 = defineEvent({
  type: 'AuditCheckpoint',
  version: 1,
  summary: 'The heads of all event chains at one moment, signed.',
  data: z.object({
    logId: z.string().max(256),
    sequence: z.number().int().nonnegative(),
    at: Instant,
    /** Compact JWS (EdDSA) over the same heads, `typ: sallyport-checkpoint+jwt`. */
    signed: z.string().max(65_536),
    heads: z
      .array(z.object({ topic: z.string().max(128), partition: z.number().int(), size: z.number().int(), root: z.string().max(128) }))
      .max(1024),
  }),
});
export type AuditCheckpointV1 = DataOf<typeof AuditCheckpointV1>;
