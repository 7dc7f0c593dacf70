import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id } from '../../values.js';

/** A person looked at masked parameters. */
export const ApprovalParamsUnmaskedV1 = defineEvent({
  type: 'ApprovalParamsUnmasked',
  version: 1,
  summary: 'A person looked at masked parameters.',
  data: z.object({ approvalId: Id, unmaskedBy: Id, paths: z.array(z.string().max(1024)).max(64) }),
});
export type ApprovalParamsUnmaskedV1 = DataOf<typeof ApprovalParamsUnmaskedV1>;
