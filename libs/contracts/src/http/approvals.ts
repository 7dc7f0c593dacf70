import { z } from 'zod';
import { CallPrice, Claimed, ContentLabel, Id, Instant, JsonValue, KeyedDigest, PlainDigest, Redaction, ToolReference } from '../values.js';

/**
 * `pending` waits for people; `granted` is agreed and not used yet; `used` was dispatched; `lapsed` was agreed and not used in time;
 * `rejected`, `expired` (silence) and `withdrawn` (the caller is gone, or the rules changed) are noes.
 */
export const ApprovalStatus = z.enum(['pending', 'granted', 'used', 'lapsed', 'rejected', 'expired', 'withdrawn']);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

/** Query of `GET /v1/approvals`. */
export const ApprovalQuery = z.strictObject({
  /** One, or several by naming it again. */
  status: z.union([ApprovalStatus, z.array(ApprovalStatus).min(1).max(ApprovalStatus.options.length)]).optional(),
  subject: z.string().max(256).optional(),
  /** The agent that calls. */
  agent: z.string().max(256).optional(),
  tool: z.string().max(400).optional(),
  order: z.enum(['newest', 'oldest']).default('newest'),
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type ApprovalQuery = z.infer<typeof ApprovalQuery>;

/** Query of `GET /v1/approvals/tail`, a stream of server-sent events; resumed by `Last-Event-ID` or `cursor`, else it begins now. */
export const ApprovalTailQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
});
export type ApprovalTailQuery = z.infer<typeof ApprovalTailQuery>;

/** Why somebody may not answer, as a code of the registry. */
export const AnswerRefusal = z.enum([
  'approval.already-answered',
  'approval.changed',
  'approval.expired',
  'approval.mismatch',
  'approval.self-approval',
  'identity.forbidden',
  'request.not-found',
]);
export type AnswerRefusal = z.infer<typeof AnswerRefusal>;

/** One rule that must be satisfied, and by whom it was so far. */
export const ApprovalDemand = z.object({
  ruleId: Id,
  /** `user:<sub>`, or `*`: everybody of the tenant with the scope. */
  approvers: z.array(Id),
  quorum: z.number().int().positive(),
  answeredBy: z.array(Id),
});
export type ApprovalDemand = z.infer<typeof ApprovalDemand>;

/** A request on one line. */
export const ApprovalSummary = z.object({
  approvalId: Id,
  status: ApprovalStatus,
  askedAt: Instant,
  /** Until when people may answer; once granted, until when it may be used. */
  expiresAt: Instant,
  tool: ToolReference,
  subject: Id,
  /** The agents acting, the one that calls first. */
  actors: z.array(Id),
  environment: z.string(),
  demands: z.array(ApprovalDemand),
  /** Whether who asks now may answer now. */
  mayAnswer: z.boolean(),
  /** Why who asks now may not; `null` when they may. */
  refusal: AnswerRefusal.nullable(),
  /** Calls that wait for the answer now. */
  waitingCalls: z.number().int(),
});
export type ApprovalSummary = z.infer<typeof ApprovalSummary>;

/** Answer of `GET /v1/approvals`. */
export const ApprovalPage = z.object({ approvals: z.array(ApprovalSummary), nextCursor: z.string().nullable() });
export type ApprovalPage = z.infer<typeof ApprovalPage>;

/** How earlier requests ended. `granted` was agreed and is not used, or was not in time. */
export const ApprovalHistory = z.object({
  used: z.number().int(),
  granted: z.number().int(),
  rejected: z.number().int(),
  expired: z.number().int(),
  withdrawn: z.number().int(),
});
export type ApprovalHistory = z.infer<typeof ApprovalHistory>;

/** One earlier request of the same person through the same agents for the same tool. */
export const AlikeApproval = z.object({
  approvalId: Id,
  status: ApprovalStatus,
  askedAt: Instant,
  /** Whether it was for exactly this: the same parameters and the same definition. */
  isSameCall: z.boolean(),
});
export type AlikeApproval = z.infer<typeof AlikeApproval>;

/** Answer of `GET /v1/approvals/{id}`: what is asked, exactly. */
export const ApprovalDetail = ApprovalSummary.extend({
  /** The call that asked first. */
  callId: Id,
  issuer: z.string(),
  clientId: z.string().nullable(),
  mode: z.string(),
  /** As it will be sent, with what the detectors found masked; long values are shortened. An unmask shows all of it and is recorded. */
  paramsMasked: JsonValue,
  paramsHash: KeyedDigest,
  redactions: z.array(Redaction),
  labels: z.array(ContentLabel),
  /** Why policy asks for a person. */
  reasons: z.array(z.string()),
  /** The policies that decided so. */
  policyIds: z.array(Id),
  /** What it will cost, against which budgets; `null` where that is not known. Nothing is held while people are asked. */
  price: CallPrice.nullable(),
  /** What the agent says of itself. Nobody verified it. */
  claimed: Claimed,
  /** Who agreed so far, in the order they did. */
  votes: z.array(z.object({ by: Id, at: Instant, channel: z.string() })),
  /** How it ended; `null` while it is open. `callId`: the call that the grant was used for. */
  outcome: z
    .object({ by: z.array(Id), at: Instant, why: z.string().nullable(), channel: z.string().nullable(), callId: Id.nullable() })
    .nullable(),
  /** Requests of the same person through the same agents for the same tool. */
  history: ApprovalHistory,
  /** Those of them for exactly this. */
  historyOfSame: ApprovalHistory,
  /** The newest of them, at most five. */
  alike: z.array(AlikeApproval),
});
export type ApprovalDetail = z.infer<typeof ApprovalDetail>;

/**
 * What an answer may say of what was looked at. Named, it must be what the request is bound to (`approval.mismatch`), and nobody may have
 * agreed since (`approval.changed`): `answers` is how many had.
 */
const Seen = {
  paramsHash: KeyedDigest.optional(),
  toolDigest: PlainDigest.optional(),
  answers: z.number().int().nonnegative().max(1_000).optional(),
};
const Why = z.string().trim().min(1).max(1024);

/** Body of `POST /v1/approvals/{id}/grant`. */
export const GrantBody = z.strictObject({ ...Seen });
export type GrantBody = z.infer<typeof GrantBody>;

/** Body of `POST /v1/approvals/{id}/reject`. */
export const RejectBody = z.strictObject({ ...Seen, why: Why });
export type RejectBody = z.infer<typeof RejectBody>;

/** Answer of `POST /v1/approvals/{id}/unmask`: the true parameters. That they were looked at is on record before they are given out. */
export const UnmaskedParams = z.object({ approvalId: Id, params: JsonValue, paths: z.array(z.string()) });
export type UnmaskedParams = z.infer<typeof UnmaskedParams>;

/** Answer of `GET /v1/approvals/{id}/status`, for the principal that asked. */
export const ApprovalProgress = z.object({
  approvalId: Id,
  status: ApprovalStatus,
  askedAt: Instant,
  expiresAt: Instant,
  tool: z.string(),
  /** People who agreed so far, and how many must at least. */
  answers: z.number().int(),
  quorum: z.number().int(),
  /** Why it was rejected or withdrawn. */
  why: z.string().nullable(),
});
export type ApprovalProgress = z.infer<typeof ApprovalProgress>;
