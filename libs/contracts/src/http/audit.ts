import { z } from 'zod';
import { Claimed, ContentLabel, Instant, Principal, Redaction, RiskTier } from '../values.js';

/** One call as the read model shows it: the answer to who did what, through whom, by which rule, at what price and with what outcome. */
export const CallRecord = z.object({
  callId: z.string(),
  tenantId: z.string(),
  chainId: z.string(),
  traceId: z.string(),
  startedAt: Instant,
  endedAt: Instant.nullable(),
  transport: z.string(),
  method: z.string(),
  /** `server/tool`, or the method's target. */
  target: z.string().nullable(),
  riskTier: RiskTier.nullable(),
  principal: Principal,
  claimed: Claimed,
  decision: z.enum(['allow', 'deny', 'require-approval', 'none']),
  policyIds: z.array(z.string()),
  policySetHash: z.string().nullable(),
  /** `pending`, `completed`, `tool-error`, `failed`, `refused`, `cancelled`, `planned`, `abandoned`, `in-doubt`. */
  outcome: z.string(),
  code: z.string().nullable(),
  reasons: z.array(z.string()),
  labels: z.array(ContentLabel),
  argumentRedactions: z.array(Redaction),
  resultRedactions: z.array(Redaction),
  upstreamMicros: z.number().int().nullable(),
  totalMicros: z.number().int().nullable(),
  priceMicros: z.number().int().nullable(),
  currency: z.string().nullable(),
});
export type CallRecord = z.infer<typeof CallRecord>;

/** Query of `GET /v1/audit/calls`. */
export const CallQuery = z.strictObject({
  subject: z.string().max(256).optional(),
  agent: z.string().max(256).optional(),
  tool: z.string().max(400).optional(),
  decision: z.enum(['allow', 'deny', 'require-approval', 'none']).optional(),
  outcome: z.string().max(32).optional(),
  traceId: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
  callId: z.string().max(64).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type CallQuery = z.infer<typeof CallQuery>;

/** Answer of `GET /v1/audit/calls`. */
export const CallPage = z.object({ calls: z.array(CallRecord), nextCursor: z.string().nullable() });
export type CallPage = z.infer<typeof CallPage>;
