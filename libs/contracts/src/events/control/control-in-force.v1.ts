import { z } from 'zod';
import { ControlKind } from '../../control-kind.js';
import { type DataOf, defineEvent } from '../../event-schema.js';

/** Current state: one kill switch or revocation. */
export const ControlInForceV1 = defineEvent({
  type: 'ControlInForce',
  version: 1,
  summary: 'Current state: one kill switch or revocation.',
  data: z.object({ control: ControlKind, value: z.string().max(400), active: z.boolean(), epoch: z.number().int() }),
});
export type ControlInForceV1 = DataOf<typeof ControlInForceV1>;
