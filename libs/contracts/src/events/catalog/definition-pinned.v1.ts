import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, PlainDigest, ToolId } from '../../values.js';

/** A tool definition was accepted; calls are held to it. */
export const DefinitionPinnedV1 = defineEvent({
  type: 'DefinitionPinned',
  version: 1,
  summary: 'A tool definition was accepted; calls are held to it.',
  data: z.object({
    tool: ToolId,
    digest: PlainDigest,
    before: PlainDigest.nullable(),
    epoch: z.number().int(),
    changedBy: Id,
    why: z.string().max(1024),
  }),
});
export type DefinitionPinnedV1 = DataOf<typeof DefinitionPinnedV1>;
