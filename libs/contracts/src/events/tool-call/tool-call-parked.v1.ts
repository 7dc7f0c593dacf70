import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, Instant, KeyedDigest, PlainDigest } from '../../values.js';

/** The call waits for a person; its hold is given back. */
export const ToolCallParkedV1 = defineEvent({
  type: 'ToolCallParked',
  version: 1,
  summary: 'The call waits for a person; its hold is given back.',
  data: z.object({ approvalRuleIds: z.array(Id).max(64), paramsHash: KeyedDigest, toolDigest: PlainDigest, expiresAt: Instant }),
});
export type ToolCallParkedV1 = DataOf<typeof ToolCallParkedV1>;
