import { CompactSign, compactVerify } from 'jose';
import { z } from 'zod';
import { sha256 } from '../record/sha256.js';
import type { CheckpointKey } from './checkpoint-key.js';

const TYPE = 'sallyport-checkpoint+jwt';

/** What a checkpoint says of one chain: how many entries it had, the last one's place and the hash over all of them. */
export const SignedHead = z.object({
  topic: z.string(),
  partition: z.number().int(),
  size: z.number().int().positive(),
  position: z.string().regex(/^\d+$/),
  root: z.string().regex(/^[0-9a-f]{64}$/),
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

/** SHA-256 of a signed checkpoint, by which the next one names it. */
export const digestOf = (signed: string): string => `sha256:${sha256(signed)}`;

/** Signs a statement as a compact JWS (RFC 7515, EdDSA with Ed25519: RFC 8037) under the key's `kid`. */
export const signCheckpoint = (key: CheckpointKey, statement: CheckpointStatement): Promise<string> =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(statement)))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE, kid: key.kid })
    .sign(key.privateKey);

/** What a checkpoint says, when one of the keys signed it; `null` otherwise. Never throws. */
export const openCheckpoint = async (keys: CheckpointKey['publicKeys'], signed: string): Promise<CheckpointStatement | null> => {
  try {
    const { payload } = await compactVerify(
      signed,
      ({ kid, typ }) => {
        const key = typ === TYPE && kid !== undefined ? keys.get(kid) : undefined;
        if (key === undefined) throw new TypeError('not a checkpoint by a key that is known');
        return key;
      },
      { algorithms: ['EdDSA'] },
    );
    return CheckpointStatement.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    return null;
  }
};
