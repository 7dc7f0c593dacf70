import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JWT_CLAIMS } from '@sallyport/contracts';
import { createOnce } from '@sallyport/platform';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { v7 as uuidv7 } from 'uuid';

const PRIVATE_KEY_FILE = 'private-key.jwk.json';
const KEY_SET_FILE = 'jwks.json';

/** Who a development token is for. */
export interface DevelopmentToken {
  readonly subject: string;
  readonly agent: string | null;
  readonly tenantId: string;
  readonly scopes: readonly string[];
  readonly audience: string;
  readonly ttlSeconds: number;
  readonly workflow?: string;
}

/**
 * Signs tokens for the demo people of the embedded default, so that the first call needs no identity provider. The key is created once,
 * readable by its owner alone (0600). The configuration trusts it by naming its key set file; a configuration that does not, ignores it.
 */
export class DevelopmentIssuer {
  private constructor(
    readonly issuer: string,
    /** The key with its private half. Goes to the authorization server of the same machine and nowhere else. */
    readonly privateJwk: JWK,
    private readonly key: Awaited<ReturnType<typeof importJWK>>,
  ) {}

  /** Opens the issuer whose key is in `folder`, creating key and key set when they are not there. */
  static async open(folder: string, issuer: string): Promise<DevelopmentIssuer> {
    const file = join(folder, PRIVATE_KEY_FILE);
    let jwk: JWK;
    try {
      jwk = JSON.parse(await readFile(file, 'utf8')) as JWK;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
      jwk = { ...(await exportJWK(pair.privateKey)), kid: uuidv7(), alg: 'EdDSA', use: 'sig' };
      if (!(await createOnce(file, JSON.stringify(jwk)))) return DevelopmentIssuer.open(folder, issuer);
    }
    const { d: _private, ...publicJwk } = jwk;
    await writeFile(join(folder, KEY_SET_FILE), JSON.stringify({ keys: [publicJwk] }));
    return new DevelopmentIssuer(issuer, jwk, await importJWK(jwk, 'EdDSA'));
  }

  /** A signed access token (RFC 9068 `at+jwt`) with the agent as `act` (RFC 8693). */
  async sign(token: DevelopmentToken): Promise<string> {
    return await new SignJWT({
      scope: token.scopes.join(' '),
      client_id: 'sallyport-cli',
      [JWT_CLAIMS.tenant]: token.tenantId,
      [JWT_CLAIMS.mode]: token.agent === null ? 'interactive' : 'autonomous',
      [JWT_CLAIMS.environment]: 'development',
      ...(token.workflow === undefined ? {} : { [JWT_CLAIMS.workflow]: token.workflow }),
      ...(token.agent === null ? {} : { act: { sub: token.agent } }),
    })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: this.privateJwk.kid ?? '' })
      .setIssuer(this.issuer)
      .setSubject(token.subject)
      .setAudience(token.audience)
      .setIssuedAt()
      .setExpirationTime(`${token.ttlSeconds}s`)
      .setJti(uuidv7())
      .sign(this.key);
  }
}
