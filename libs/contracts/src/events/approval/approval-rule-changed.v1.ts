import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, JsonValue } from '../../values.js';

/** A rule on who must be asked changed. */
export const ApprovalRuleChangedV1 = defineEvent({
  type: 'ApprovalRuleChanged',
  version: 1,
  summary: 'A rule on who must be asked changed.',
  data: z.object({ ruleId: Id, before: JsonValue, after: JsonValue, changedBy: Id, why: z.string().max(1024) }),
});
export type ApprovalRuleChangedV1 = DataOf<typeof ApprovalRuleChangedV1>;
