import { z } from 'zod';
import { Id, Instant } from '../values.js';

/** Query of `GET /v1/calls/in-doubt`. */
export const CallsInDoubtQuery = z.strictObject({
  cursor: z.string().max(256).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type CallsInDoubtQuery = z.infer<typeof CallsInDoubtQuery>;

/** A call that was sent and lost: nobody knows whether it took effect until a person looks. */
export const CallInDoubt = z.object({
  callId: Id,
  chainId: Id,
  inDoubtSince: Instant,
  dispatchedAt: Instant.nullable(),
  method: z.string().nullable(),
  /** `server/tool`, or what else was asked for; `null` where the request is not known any more. */
  target: z.string().nullable(),
  riskTier: z.string().nullable(),
  subject: Id.nullable(),
  /** The agent that called. */
  actor: Id.nullable(),
  attempt: z.number().int().positive(),
  /** `jti` of the token the upstream was shown. */
  tokenId: Id.nullable(),
  /** The instance that sent it and was lost. */
  edgeId: Id,
});
export type CallInDoubt = z.infer<typeof CallInDoubt>;

/** Answer of `GET /v1/calls/in-doubt`: the oldest first. */
export const CallsInDoubt = z.object({ calls: z.array(CallInDoubt), nextCursor: z.string().nullable() });
export type CallsInDoubt = z.infer<typeof CallsInDoubt>;

/** Body of `POST /v1/calls/{callId}/resolution`. */
export const ResolveCallBody = z.strictObject({
  resolution: z.enum(['executed', 'not-executed']),
  /** What was looked at, for the record. */
  note: z.string().trim().min(1).max(1024),
});
export type ResolveCallBody = z.infer<typeof ResolveCallBody>;

/** Answer of `POST /v1/calls/{callId}/resolution`. */
export const ResolvedCall = z.object({
  callId: Id,
  resolution: z.enum(['executed', 'not-executed']),
  resolvedBy: Id,
  note: z.string(),
});
export type ResolvedCall = z.infer<typeof ResolvedCall>;
