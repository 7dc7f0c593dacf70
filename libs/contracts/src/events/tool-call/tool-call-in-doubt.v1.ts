import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';

/** The call was dispatched and its answer never came, or its gateway was lost; nobody knows whether it took effect. */
export const ToolCallInDoubtV1 = defineEvent({
  type: 'ToolCallInDoubt',
  version: 1,
  summary: 'The call was dispatched and its answer never came, or its gateway was lost; nobody knows whether it took effect.',
  data: z.object({ attempt: z.number().int().positive(), reason: z.string().max(256) }),
});
export type ToolCallInDoubtV1 = DataOf<typeof ToolCallInDoubtV1>;
