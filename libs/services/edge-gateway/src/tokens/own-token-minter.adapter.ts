import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, type Principal } from '@sallyport/contracts';
import { type Clock, createOnce, type IdSource } from '@sallyport/platform';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { MintedToken, TokenMinter, TokenRequest } from './token-minter.port.js';

/** The key tokens are signed with, and what is published of it. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: JWK;
}

const LIFETIME_SECONDS_MAX = 60;

const keyOf = async (jwk: JWK, source: string): Promise<SigningKey> => {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || jwk.d === undefined)
    throw new AppError('configuration.invalid', `${source} holds no private Ed25519 key`);
  const { d: _private, ...open } = jwk;
  const kid = jwk.kid ?? (await calculateJwkThumbprint(open));
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, d: jwk.d }, format: 'jwk' });
  } catch (cause) {
    throw new AppError('configuration.invalid', `${source} is not a well-formed Ed25519 key`, { cause });
  }
  if (createPublicKey(privateKey).export({ format: 'jwk' }).x !== jwk.x)
    throw new AppError('configuration.invalid', `${source}: the public half does not belong to the private one`);
  return { kid, privateKey, publicJwk: { kty: 'OKP', crv: 'Ed25519', x: jwk.x, kid, alg: 'EdDSA', use: 'sig' } };
};

/** Reads a signing key from JSON text (a JWK), for replicas that share one by their environment. Throws `configuration.invalid`. */
export const signingKeyFromText = async (text: string): Promise<SigningKey> => {
  let jwk: JWK;
  try {
    jwk = JSON.parse(text);
  } catch (cause) {
    throw new AppError('configuration.invalid', 'the signing key is not JSON', { cause });
  }
  return keyOf(jwk, 'the signing key');
};

/**
 * Reads the signing key of a file, making it with mode 0600 when it is not there. Of two that make it at once, one wins and both use it.
 * Throws `configuration.invalid`, also where other accounts can read the file: who has the key signs tokens that every upstream believes.
 */
export const signingKeyFromFile = async (path: string): Promise<SigningKey> => {
  const existing = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new AppError('configuration.invalid', `the signing key ${path} cannot be read`, { cause: error });
  });
  if (existing !== null) {
    if (((await stat(path)).mode & 0o007) !== 0)
      throw new AppError('configuration.invalid', `the signing key ${path}: other accounts can read it; chmod 600 it`);
    return signingKeyFromText(existing);
  }
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), alg: 'EdDSA', use: 'sig' };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const isOurs = await createOnce(path, JSON.stringify(jwk)).catch((error: unknown) => {
    throw new AppError('configuration.invalid', `the signing key ${path} cannot be written`, { cause: error });
  });
  return isOurs ? keyOf(jwk, path) : signingKeyFromFile(path);
};

/** `act` as it came, one level per agent (RFC 8693, section 4.1). */
const actClaimOf = (actors: Principal['actors']): object | undefined =>
  actors.reduceRight<object | undefined>((inner, actor) => ({ sub: actor, ...(inner === undefined ? {} : { act: inner }) }), undefined);

const base64url = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');

/**
 * Tokens of the gateway's own: EdDSA, one attempt, one upstream, one tool, at most 60 s. Upstreams verify them by the published key set.
 * Written out here (RFC 7515, section 3.1) because a library signs through WebCrypto: a job on another thread for each token, which costs
 * twice what the signature does.
 */
export class OwnTokenMinter implements TokenMinter {
  private readonly lifetimeSeconds: number;
  private readonly header: string;

  constructor(
    private readonly options: {
      readonly issuer: string;
      readonly key: SigningKey;
      readonly clock: Clock;
      readonly ids: IdSource;
      readonly lifetimeSeconds?: number;
    },
  ) {
    this.lifetimeSeconds = Math.min(options.lifetimeSeconds ?? LIFETIME_SECONDS_MAX, LIFETIME_SECONDS_MAX);
    this.header = base64url({ alg: 'EdDSA', typ: 'at+jwt', kid: options.key.kid });
  }

  /** What is served at `/.well-known/jwks.json`. */
  get keySet(): { readonly keys: readonly JWK[] } {
    return { keys: [this.options.key.publicJwk] };
  }

  mint({ principal, audience, scope, callId }: TokenRequest): Promise<MintedToken> {
    const { issuer, key, clock, ids } = this.options;
    const tokenId = ids.uuidv7();
    const issuedAt = Math.floor(clock.nowMs() / 1_000);
    const act = actClaimOf(principal.actors);
    const claims = {
      ...{ iss: issuer, sub: principal.subject, aud: audience, iat: issuedAt, exp: issuedAt + this.lifetimeSeconds, jti: tokenId },
      ...{ scope, txn: callId, act },
    };
    const signed = `${this.header}.${base64url(claims)}`;
    // Ed25519 hashes by itself (RFC 8032), so no digest is named.
    const signature = sign(null, Buffer.from(signed), key.privateKey).toString('base64url');
    return Promise.resolve({ token: `${signed}.${signature}`, tokenId });
  }
}
