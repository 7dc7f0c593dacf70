import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, PlainDigest } from '../../values.js';

/** Current state: the policy set a tenant is decided by. */
export const PolicySetInForceV1 = defineEvent({
  type: 'PolicySetInForce',
  version: 1,
  summary: 'Current state: the policy set a tenant is decided by.',
  data: z.object({ policySetHash: PlainDigest, epoch: z.number().int(), policyIds: z.array(Id).max(5000) }),
});
export type PolicySetInForceV1 = DataOf<typeof PolicySetInForceV1>;
