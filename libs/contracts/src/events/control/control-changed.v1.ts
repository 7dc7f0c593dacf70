import { z } from 'zod';
import { ControlKind } from '../../control-kind.js';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';

/** A kill switch or a revocation was set or lifted. */
export const ControlChangedV1 = defineEvent({
  type: 'ControlChanged',
  version: 1,
  summary: 'A kill switch or a revocation was set or lifted.',
  data: z.object({
    control: ControlKind,
    value: z.string().max(400),
    active: z.boolean(),
    epoch: z.number().int(),
    changedBy: Id,
    why: z.string().max(1024),
  }),
});
export type ControlChangedV1 = DataOf<typeof ControlChangedV1>;
