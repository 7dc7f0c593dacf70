import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { PlainDigest, ToolId } from '../../values.js';

/** An upstream now describes a tool otherwise than it was pinned; the tool is held. */
export const DefinitionDriftedV1 = defineEvent({
  type: 'DefinitionDrifted',
  version: 1,
  summary: 'An upstream now describes a tool otherwise than it was pinned; the tool is held.',
  data: z.object({ tool: ToolId, pinned: PlainDigest, observed: PlainDigest, epoch: z.number().int() }),
});
export type DefinitionDriftedV1 = DataOf<typeof DefinitionDriftedV1>;
