import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';

/** A person resolved a poisoned chain. */
export const ChainClearedV1 = defineEvent({
  type: 'ChainCleared',
  version: 1,
  summary: 'A person resolved a poisoned chain.',
  data: z.object({ clearedBy: Id, why: z.string().max(1024), epoch: z.number().int() }),
});
export type ChainClearedV1 = DataOf<typeof ChainClearedV1>;
