import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@sallyport/contracts';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { z } from 'zod';

const ALGORITHM = 'EdDSA';

/** Signs checkpoints, and says by which keys they are verified. */
export interface CheckpointKey {
  /** RFC 7638 thumbprint of the key that signs. */
  readonly kid: string;
  readonly privateKey: CryptoKey;
  /** Public keys of every checkpoint so far, by `kid`. */
  readonly publicKeys: ReadonlyMap<string, CryptoKey>;
  /** The same as a JWK set (RFC 7517), for everybody who verifies elsewhere. */
  readonly jwks: { readonly keys: readonly JWK[] };
}

const Key = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string().optional() });
/** One key alone is a set of one. */
const Keys = z.union([z.object({ keys: z.array(Key).min(1) }), Key.transform((key) => ({ keys: [key] }))]);

/**
 * Reads the key that signs checkpoints from a JWK set that other accounts cannot read; makes it, mode 0600, where there is none. The first
 * key signs, all verify: to rotate, put a new one in front and leave the public half of the old one. Of two processes that make the file
 * at once, both read the same key. Throws `configuration.invalid`.
 */
export const checkpointKeyFromFile = async (path: string): Promise<CheckpointKey> => {
  if (!existsSync(path)) await createFile(path);
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new AppError('configuration.invalid', `checkpoint key in ${path}: other accounts can read it; chmod 600 it`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('configuration.invalid', `checkpoint key in ${path}: the file cannot be read`, { cause: error });
  }
  return parse(text, path);
};

const parse = async (text: string, path: string): Promise<CheckpointKey> => {
  try {
    const { keys } = Keys.parse(JSON.parse(text));
    const publicKeys = new Map<string, CryptoKey>();
    const published: JWK[] = [];
    for (const { kty, crv, x } of keys) {
      const bare = { kty, crv, x };
      const kid = await calculateJwkThumbprint(bare);
      publicKeys.set(kid, await importKey(bare));
      published.push({ ...bare, kid, alg: ALGORITHM, use: 'sig' });
    }
    const [first] = keys;
    const [shown] = published;
    if (first?.d === undefined || shown?.kid === undefined) throw new TypeError('the first key has no private half');
    const privateKey = await importKey({ kty: first.kty, crv: first.crv, x: first.x, d: first.d });
    return { kid: shown.kid, privateKey, publicKeys, jwks: { keys: published } };
  } catch (error) {
    throw new AppError('configuration.invalid', `checkpoint key in ${path}: not a JWK set of Ed25519 keys`, { cause: error });
  }
};

const importKey = async (jwk: JWK): Promise<CryptoKey> => {
  const key = await importJWK(jwk, ALGORITHM);
  if (key instanceof Uint8Array) throw new TypeError('a symmetric key');
  return key;
};

const createFile = async (path: string): Promise<void> => {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const unfinished = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const text = `${JSON.stringify({ keys: [await exportJWK(privateKey)] }, null, 2)}\n`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(unfinished, 'wx', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    // Fails where another process was first, whose key is then everybody's.
    linkSync(unfinished, path);
  } catch (error) {
    if (!existsSync(path))
      throw new AppError('configuration.invalid', `checkpoint key in ${path}: the file cannot be made`, { cause: error });
  } finally {
    rmSync(unfinished, { force: true });
  }
};
