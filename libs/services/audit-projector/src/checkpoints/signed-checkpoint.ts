import { CHECKPOINT_TYPE, CheckpointStatement } from '@sallyport/contracts';
import { CompactSign, compactVerify } from 'jose';
import { sha256 } from '../record/sha256.js';
import type { CheckpointKey } from './checkpoint-key.js';

/** SHA-256 of a signed checkpoint, by which the next one names it. */
export const digestOf = (signed: string): string => `sha256:${sha256(signed)}`;

/** Signs a statement as a compact JWS (RFC 7515, EdDSA with Ed25519: RFC 8037) under the key's `kid`. */
export const signCheckpoint = (key: CheckpointKey, statement: CheckpointStatement): Promise<string> =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(statement)))
    .setProtectedHeader({ alg: 'EdDSA', typ: CHECKPOINT_TYPE, kid: key.kid })
    .sign(key.privateKey);

/** What a checkpoint says, when one of the keys signed it; `null` otherwise. Never throws. */
export const openCheckpoint = async (keys: CheckpointKey['publicKeys'], signed: string): Promise<CheckpointStatement | null> => {
  try {
    const { payload } = await compactVerify(
      signed,
      ({ kid, typ }) => {
        const key = typ === CHECKPOINT_TYPE && kid !== undefined ? keys.get(kid) : undefined;
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
