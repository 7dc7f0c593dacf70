import { z } from 'zod';
import { ContentLabel, Instant, JsonValue, Obligation } from '../values.js';
import { CallRecord, StoredEvent } from './audit.js';

/**
 * Where the time of a call went. `receive`: before the request was put on record (authenticate, parse, scan). `queue`: from the question to
 * the moment the decision point took it. `decide`: its evaluation. `hold`: from the question to the accountant's answer. `people`: parked for
 * an approval. `dispatch`: from the last answer to the bytes going out. `upstream`: the upstream's answer, with its inspection as it comes.
 * `book`: from the end to the settled price; nobody waits for it.
 */
export const CallStage = z.enum(['receive', 'queue', 'decide', 'hold', 'people', 'dispatch', 'upstream', 'book']);
export type CallStage = z.infer<typeof CallStage>;

/** One stretch of a call's time, from the first thing that is known of the call. Stretches overlap where things happen side by side. */
export const CallSpan = z.object({
  stage: CallStage,
  startMicros: z.number().int().nonnegative(),
  durationMicros: z.number().int().nonnegative(),
  /** The event that ended it. */
  eventId: z.string(),
});
export type CallSpan = z.infer<typeof CallSpan>;

/** One answer of the decision point. */
export const CallDecision = z.object({
  eventId: z.string(),
  at: Instant,
  evaluation: z.number().int(),
  effect: z.enum(['allow', 'deny', 'require-approval']),
  code: z.string().nullable(),
  policyIds: z.array(z.string()),
  policySetHash: z.string(),
  engine: z.string(),
  reasons: z.array(z.string()),
  obligations: z.array(Obligation),
  durationMicros: z.number().int(),
});
export type CallDecision = z.infer<typeof CallDecision>;

/** One thing that the accountant said of a call. `refused` names the account that could not pay in `amounts`, with what was left. */
export const CallMoney = z.object({
  eventId: z.string(),
  at: Instant,
  kind: z.enum(['quoted', 'reserved', 'refused', 'released', 'settled', 'overran']),
  /** By account; the same money is charged to each of them. */
  amounts: z.array(z.object({ account: z.string(), amountMicros: z.number().int().nullable(), calls: z.number().int().nullable() })),
  currency: z.string().nullable(),
  reason: z.string().nullable(),
  priceListVersion: z.string().nullable(),
});
export type CallMoney = z.infer<typeof CallMoney>;

/** One try at the upstream. */
export const CallDispatch = z.object({
  eventId: z.string(),
  at: Instant,
  server: z.string(),
  routeVersion: z.string(),
  attempt: z.number().int(),
  /** `jti` of the token minted for it; `null` where the upstream takes none. */
  tokenId: z.string().nullable(),
  toolDigest: z.string().nullable(),
  decisionId: z.string(),
  approvalId: z.string().nullable(),
  dryRun: z.boolean(),
});
export type CallDispatch = z.infer<typeof CallDispatch>;

/** Answer of `GET /v1/audit/calls/{callId}`. `record` is `null` while only answers to it are on record and not the request itself. */
export const CallDetail = z.object({
  record: CallRecord.nullable(),
  events: z.array(StoredEvent),
  spans: z.array(CallSpan),
  decisions: z.array(CallDecision),
  money: z.array(CallMoney),
  dispatches: z.array(CallDispatch),
  /** Arguments and answer as they are on record: masked, at most 16 KiB each; `null` where there is none, or it was larger. */
  argumentsMasked: JsonValue,
  outputMasked: JsonValue,
  /** Keyed digests (HMAC under a key of the tenant): equal ones mean equal content to whoever has the key. */
  paramsHash: z.string().nullable(),
  outputHash: z.string().nullable(),
  /** Where the operator's tracing system shows the trace (`audit.traceUrlTemplate`); `null` where none is configured. */
  traceUrl: z.string().nullable(),
});
export type CallDetail = z.infer<typeof CallDetail>;

/** A label on its way through a chain. */
export const LabelFlow = z.object({
  label: ContentLabel,
  /** The call of this chain whose result had it first; `null` where it came with arguments and no result before had it. */
  fromCallId: z.string().nullable(),
  fromAt: Instant.nullable(),
});
export type LabelFlow = z.infer<typeof LabelFlow>;

/** One call of a chain, with the labels that went in and came out. */
export const ChainCall = z.object({
  record: CallRecord,
  /** In its arguments; those that a result of the chain had before name it. */
  labelsIn: z.array(LabelFlow),
  /** In its result. */
  labelsOut: z.array(ContentLabel),
});
export type ChainCall = z.infer<typeof ChainCall>;

/** Query of `GET /v1/audit/chains/{chainId}`. */
export const ChainQuery = z.strictObject({
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type ChainQuery = z.infer<typeof ChainQuery>;

/** Something that stopped a chain, or let it go on. */
export const ChainTurn = z.object({
  at: Instant,
  kind: z.enum(['poisoned', 'cleared']),
  /** The service that could not handle a message, or who cleared the chain. */
  by: z.string(),
  why: z.string(),
});
export type ChainTurn = z.infer<typeof ChainTurn>;

/** Answer of `GET /v1/audit/chains/{chainId}`: its calls, the oldest first. */
export const ChainPage = z.object({
  chainId: z.string(),
  /** Whether its calls are refused (`chain.poisoned`), as far as the record knows. */
  poisoned: z.boolean(),
  /** The newest last, at most 100. */
  turns: z.array(ChainTurn),
  calls: z.array(ChainCall),
  nextCursor: z.string().nullable(),
});
export type ChainPage = z.infer<typeof ChainPage>;
