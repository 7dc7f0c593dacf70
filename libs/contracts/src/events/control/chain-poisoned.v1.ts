import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';

/** A message of this chain could not be handled; the chain is refused until it is resolved. */
export const ChainPoisonedV1 = defineEvent({
  type: 'ChainPoisoned',
  version: 1,
  summary: 'A message of this chain could not be handled; the chain is refused until it is resolved.',
  data: z.object({ service: Id, deadLetterId: Id, reason: z.string().max(256), epoch: z.number().int() }),
});
export type ChainPoisonedV1 = DataOf<typeof ChainPoisonedV1>;
