import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';

/** A person settled what became of a call in doubt. */
export const ToolCallResolvedV1 = defineEvent({
  type: 'ToolCallResolved',
  version: 1,
  summary: 'A person settled what became of a call in doubt.',
  data: z.object({ resolution: z.enum(['executed', 'not-executed']), resolvedBy: Id, note: z.string().max(1024) }),
});
export type ToolCallResolvedV1 = DataOf<typeof ToolCallResolvedV1>;
