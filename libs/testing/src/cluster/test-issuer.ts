import { writeFileSync } from 'node:fs';
import { JWT_CLAIMS } from '@sallyport/contracts';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';

/** What a token of a test says; everything but the subject has a default that makes it valid. */
export interface TokenRequest {
  readonly subject: string;
  /** The agent that acts, or several, the one that calls first. */
  readonly agent?: string | readonly string[];
  readonly scopes?: readonly string[];
  readonly tenant?: string;
  readonly audience?: string;
  readonly issuer?: string;
  readonly workflow?: string;
  readonly mode?: string;
  readonly environment?: string;
  /** Negative: expired so long ago. */
  readonly ttlSeconds?: number;
  /** Claims put over those above; `undefined` takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Put over the protected header. */
  readonly header?: Readonly<Record<string, unknown>>;
}

interface Delegation {
  readonly sub: string;
  readonly act?: Delegation;
}

const delegationOf = ([first, ...rest]: readonly string[]): Delegation | undefined => {
  if (first === undefined) return undefined;
  const inner = delegationOf(rest);
  return inner === undefined ? { sub: first } : { sub: first, act: inner };
};

/** An issuer of access tokens with a key of its own. A gateway trusts it when its configuration names the file of its keys. */
export class TestIssuer {
  private tokens = 0;

  private constructor(
    readonly issuer: string,
    private readonly key: CryptoKey,
    private readonly defaults: { readonly tenant: string; readonly audience: string; readonly scopes: readonly string[] },
  ) {}

  /** Makes a key and writes its public half to `keySetFile` as a JSON Web Key Set. */
  static async create(options: {
    readonly issuer: string;
    readonly keySetFile: string;
    readonly tenant: string;
    readonly audience: string;
    readonly scopes: readonly string[];
  }): Promise<TestIssuer> {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA', use: 'sig' };
    writeFileSync(options.keySetFile, JSON.stringify({ keys: [jwk] }));
    return new TestIssuer(options.issuer, privateKey, options);
  }

  /** Signs an access token (RFC 9068) with the agents as `act` (RFC 8693). */
  async sign(request: TokenRequest): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const ttlSeconds = request.ttlSeconds ?? 3_600;
    const agents = typeof request.agent === 'string' ? [request.agent] : (request.agent ?? []);
    const act = delegationOf(agents);
    this.tokens += 1;
    return await new SignJWT({
      iss: request.issuer ?? this.issuer,
      sub: request.subject,
      aud: request.audience ?? this.defaults.audience,
      iat: Math.min(now, now + ttlSeconds - 60),
      exp: now + ttlSeconds,
      jti: `token-${this.tokens}-${request.subject}`,
      scope: (request.scopes ?? this.defaults.scopes).join(' '),
      client_id: 'sallyport-tests',
      [JWT_CLAIMS.tenant]: request.tenant ?? this.defaults.tenant,
      [JWT_CLAIMS.mode]: request.mode ?? (act === undefined ? 'interactive' : 'autonomous'),
      [JWT_CLAIMS.environment]: request.environment ?? 'test',
      ...(request.workflow === undefined ? {} : { [JWT_CLAIMS.workflow]: request.workflow }),
      ...(act === undefined ? {} : { act }),
      ...request.claims,
    })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'test', ...request.header })
      .sign(this.key);
  }
}
