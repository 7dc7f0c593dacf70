import { z } from 'zod';
import { ConsoleSessionEnd } from '../events/session/console-session-ended.v1.js';
import { Claimed, ContentLabel, Id, Instant, JsonValue, Principal, Redaction, RiskTier } from '../values.js';

/**
 * What people said to a call. `waiting` for them; `granted`, and `used` once the call was sent with it; `rejected`, `expired` (silence) and
 * `withdrawn` are noes.
 */
export const CallApproval = z.object({
  approvalId: z.string(),
  status: z.enum(['waiting', 'granted', 'used', 'rejected', 'expired', 'withdrawn']),
  ruleIds: z.array(z.string()),
  askedAt: Instant.nullable(),
  /** Until when people may answer; once granted, until when it may be used. `null` where that is over. */
  expiresAt: Instant.nullable(),
  /** When it was over: answered, or not answered in time. */
  answeredAt: Instant.nullable(),
  /** Who agreed, or who said no. */
  answeredBy: z.array(z.string()),
  channel: z.string().nullable(),
  /** What whoever said no, or took the question back, gave as the reason. */
  why: z.string().nullable(),
  /** Each agreement, also where they were too few. */
  votes: z.array(z.object({ by: z.string(), at: Instant, channel: z.string() })),
});
export type CallApproval = z.infer<typeof CallApproval>;

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
  /** `plan`: nothing was to take effect. */
  purpose: z.enum(['execute', 'plan']),
  decision: z.enum(['allow', 'deny', 'require-approval', 'none']),
  policyIds: z.array(z.string()),
  policySetHash: z.string().nullable(),
  /** The approval that the call waits for, was sent with, or ended by; `null` when nobody was asked. */
  approval: CallApproval.nullable(),
  /** Keyed digest of what a plan's dry run said. */
  dryRunHash: z.string().nullable(),
  /** `pending`, `waiting` (for approval), `input-required`, `completed`, `tool-error`, `failed`, `refused`, `cancelled`, `planned`, `abandoned`, `in-doubt`. */
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
  chainId: z.string().max(256).optional(),
  /**
   * Words that all stand in what is on record of the call in plain sight: codes, rule ids, reasons, target, names, masked arguments, error
   * texts. The beginning of a word is enough.
   */
  text: z.string().trim().min(1).max(200).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type CallQuery = z.infer<typeof CallQuery>;

/** Answer of `GET /v1/audit/calls`. */
export const CallPage = z.object({ calls: z.array(CallRecord), nextCursor: z.string().nullable() });
export type CallPage = z.infer<typeof CallPage>;

/** One event as the record holds it. `data` is `null` where the value is not JSON (a dead letter may hold anything). */
export const StoredEvent = z.object({
  topic: z.string(),
  partition: z.number().int(),
  /** Decimal digits: positions may not fit a JSON number. */
  position: z.string(),
  /** Its place in the event chain of its partition, from 1. */
  entry: z.string(),
  /** Hash of the chain up to and with this event, hexadecimal. */
  hash: z.string(),
  id: z.string(),
  type: z.string(),
  occurredAt: z.string(),
  source: z.string(),
  data: JsonValue,
});
export type StoredEvent = z.infer<typeof StoredEvent>;

/** Query of `GET /v1/audit/tail`, a stream of server-sent events; resumed by `Last-Event-ID` or `cursor`, else it begins now. */
export const TailQuery = CallQuery.omit({ cursor: true, limit: true, from: true, to: true, callId: true, chainId: true }).extend({
  cursor: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
});
export type TailQuery = z.infer<typeof TailQuery>;

/** Query of `GET /v1/audit/rejections`. */
export const RejectionQuery = CallQuery.pick({ from: true, to: true, cursor: true, limit: true }).extend({
  code: z.string().max(64).optional(),
});
export type RejectionQuery = z.infer<typeof RejectionQuery>;

/** Requests without a principal or a form, as they were turned away; newest first. */
export const RejectionPage = z.object({
  rejections: z.array(
    z.object({
      eventId: z.string(),
      occurredAt: z.string(),
      code: z.string(),
      httpStatus: z.number().int(),
      method: z.string(),
      route: z.string(),
      count: z.number().int(),
      from: Instant,
      to: Instant,
      sourceHash: z.string(),
      edgeId: z.string(),
    }),
  ),
  nextCursor: z.string().nullable(),
});
export type RejectionPage = z.infer<typeof RejectionPage>;

/** Query of `GET /v1/audit/logins`. */
export const LoginQuery = CallQuery.pick({ from: true, to: true, cursor: true, limit: true }).extend({
  /** `user:<sub>`. */
  subject: z.string().max(256).optional(),
});
export type LoginQuery = z.infer<typeof LoginQuery>;

/** Logins to the console and ends of their sessions, newest first. Failed ones are rejections with the code `console.login-failed`. */
export const LoginPage = z.object({
  logins: z.array(
    z.object({
      eventId: z.string(),
      occurredAt: z.string(),
      /** `opened`: the person logged in. */
      what: z.enum(['opened', ...ConsoleSessionEnd.options]),
      sessionId: z.string(),
      /** Whose session it is. */
      subject: z.string(),
      /** Who did it; `null` where time ended it. */
      by: z.string().nullable(),
    }),
  ),
  nextCursor: z.string().nullable(),
});
export type LoginPage = z.infer<typeof LoginPage>;

/** Query of `GET /v1/audit/verify`: from the last checkpoint before `from` to the first after `to`; all of the record without them. */
export const VerifyQuery = z.strictObject({
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  /** `true`: hold the record against the log too, as far back as the log reaches. */
  log: z.enum(['true', 'false']).optional(),
});
export type VerifyQuery = z.infer<typeof VerifyQuery>;

/** Query of `POST /v1/audit/rebuild`. */
export const RebuildQuery = z.strictObject({
  /** Goes on after this call; without it, from the beginning. */
  after: Id.optional(),
});
export type RebuildQuery = z.infer<typeof RebuildQuery>;

/** Answer of `POST /v1/audit/rebuild`: some calls of the tenant, derived anew from their events. */
export const RebuiltCalls = z.object({
  calls: z.number().int().nonnegative(),
  /** Ask again with it as `after`; `null`: all are done. */
  next: Id.nullable(),
});
export type RebuiltCalls = z.infer<typeof RebuiltCalls>;

/**
 * What was done to the record. `rewritten`: the chain holds in itself, but is not the one that was signed.
 * `checkpoint-forged`: a checkpoint is not signed by the key, or breaks the sequence of checkpoints.
 */
export const AuditFaultKind = z.enum(['edited', 'deleted', 'reordered', 'inserted', 'truncated', 'rewritten', 'checkpoint-forged']);
export type AuditFaultKind = z.infer<typeof AuditFaultKind>;

/**
 * The first fault of a chain, with its place: of a deletion, the first position that is missing. A forged checkpoint is found at its
 * sequence on `audit.checkpoints.v1`. Ids are `null` where nobody can tell them any more, or where they belong to another tenant.
 */
export const AuditFault = z.object({
  kind: AuditFaultKind,
  topic: z.string(),
  partition: z.number().int(),
  position: z.string(),
  eventId: z.string().nullable(),
  callId: z.string().nullable(),
  detail: z.string(),
});
export type AuditFault = z.infer<typeof AuditFault>;

/** Answer of `GET /v1/audit/verify`. */
export const AuditVerification = z.object({
  ok: z.boolean(),
  checkedAt: Instant,
  eventsChecked: z.number().int(),
  chainsChecked: z.number().int(),
  checkpointsChecked: z.number().int(),
  lastCheckpoint: z.object({ sequence: z.number().int(), at: Instant }).nullable(),
  /** Events that no checkpoint covers yet: cutting these off could not be proven by signatures. */
  eventsAfterLastCheckpoint: z.number().int(),
  /** Events compared with the log itself, which still holds them; 0 where that was not asked. */
  eventsComparedWithLog: z.number().int(),
  faults: z.array(AuditFault),
});
export type AuditVerification = z.infer<typeof AuditVerification>;

/** Query of `GET /v1/audit/checkpoints`. */
export const CheckpointQuery = z.strictObject({
  cursor: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type CheckpointQuery = z.infer<typeof CheckpointQuery>;

/** Answer of `GET /v1/audit/checkpoints`, newest first: keep one elsewhere, and nothing before it can be changed unseen. */
export const CheckpointPage = z.object({
  checkpoints: z.array(z.object({ sequence: z.number().int(), at: Instant, digest: z.string(), signed: z.string() })),
  nextCursor: z.string().nullable(),
});
export type CheckpointPage = z.infer<typeof CheckpointPage>;
