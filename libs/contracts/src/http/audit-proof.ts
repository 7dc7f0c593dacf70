import { z } from 'zod';

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Decimal = z.string().regex(/^\d{1,19}$/);

/** A record of the event chain as it was hashed: what is sealed stands as its SHA-256. */
export const ProvenRecord = z.object({
  topic: z.string(),
  partition: z.number().int(),
  position: Decimal,
  /** Its place in its chain, from 1. */
  entry: Decimal,
  hash: Hash,
  key: z.string(),
  id: z.string(),
  headers: z.record(z.string(), z.string()),
  value: z.string(),
});
export type ProvenRecord = z.infer<typeof ProvenRecord>;

/**
 * A stretch of an event chain, from an event of the call to the next signed head. It shows the digests of all records in it, and the content of
 * none but the call's own: digests of other tenants' records tell nothing of them.
 */
export const ProofSegment = z.object({
  topic: z.string(),
  partition: z.number().int(),
  firstEntry: Decimal,
  /** The hash of the entry before the first. */
  previousHash: Hash,
  digests: z.array(Hash).max(20_000),
  /** Sequence of the checkpoint that signed the last entry; `null` where none has yet. */
  checkpoint: z.number().int().nullable(),
});
export type ProofSegment = z.infer<typeof ProofSegment>;

/** Answer of `GET /v1/audit/calls/{callId}/proof`: what somebody who trusts nothing but a public key needs to check a call's place in the record. */
export const CallProof = z.object({
  callId: z.string(),
  records: z.array(ProvenRecord),
  segments: z.array(ProofSegment),
  checkpoints: z.array(z.object({ sequence: z.number().int(), signed: z.string() })),
  /** Ids of events that lie too far from their checkpoint for a proof of bounded size: `sallyport audit verify` checks these. */
  tooFar: z.array(z.string()),
});
export type CallProof = z.infer<typeof CallProof>;

/** What a checkpoint says of one chain: how many entries it had, the last one's place and the hash over all of them. */
export const SignedHead = z.object({
  topic: z.string(),
  partition: z.number().int(),
  size: z.number().int().positive(),
  position: z.string().regex(/^\d+$/),
  root: Hash,
});
export type SignedHead = z.infer<typeof SignedHead>;

/** What is signed. */
export const CheckpointStatement = z.object({
  logId: z.string(),
  sequence: z.number().int().positive(),
  at: z.string(),
  /** Digest of the checkpoint before it; `null` for the first. */
  previous: z.string().nullable(),
  heads: z.array(SignedHead),
});
export type CheckpointStatement = z.infer<typeof CheckpointStatement>;

/** `typ` of a signed checkpoint. */
export const CHECKPOINT_TYPE = 'sallyport-checkpoint+jwt';
