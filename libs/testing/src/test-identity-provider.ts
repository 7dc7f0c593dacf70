import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** What the next login says, beside what makes it valid. */
export interface NextLogin {
  /** Claims of the ID token; `nonce` and `iss` may be put over the right ones. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** `iss` of the answer (RFC 9207); the right one when absent, none when `null`. */
  readonly answerIssuer?: string | null;
  /** `state` of the answer; the one that was asked with when absent. */
  readonly state?: string;
  /** The person says no. */
  readonly refuses?: boolean;
  /** Signs with a key that is not published. */
  readonly signsAsStranger?: boolean;
}

interface Grant {
  readonly challenge: string;
  readonly nonce: string;
  readonly login: NextLogin;
}

const bodyOf = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
};

/** An OpenID Connect provider on this machine whose people are whoever the test says: code flow with PKCE, one confidential client. */
export class TestIdentityProvider {
  /** What the next login is. */
  next: NextLogin = { claims: {} };
  private readonly grants = new Map<string, Grant>();

  private constructor(
    readonly issuer: string,
    private readonly server: Server,
    private readonly client: { readonly id: string; readonly secret: string },
    private readonly keys: { readonly own: CryptoKey; readonly stranger: CryptoKey; readonly published: JWK },
  ) {
    server.on('request', (request, response) => void this.answer(request, response));
  }

  static async start(client: { readonly id: string; readonly secret: string }): Promise<TestIdentityProvider> {
    const [own, stranger] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
    const published = { ...(await exportJWK(own.publicKey)), kid: 'idp', alg: 'ES256', use: 'sig' };
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('no port');
    const keys = { own: own.privateKey, stranger: stranger.privateKey, published };
    return new TestIdentityProvider(`http://127.0.0.1:${address.port}`, server, client, keys);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    const json = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (url.pathname === '/.well-known/openid-configuration') json(200, this.metadata());
    else if (url.pathname === '/keys') json(200, { keys: [this.keys.published] });
    else if (url.pathname === '/authorize') response.writeHead(302, { location: this.authorize(url.searchParams) }).end();
    else if (url.pathname === '/token') {
      const idToken = await this.redeem(request.headers.authorization, await bodyOf(request));
      if (idToken === null) json(400, { error: 'invalid_grant' });
      else json(200, { access_token: randomUUID(), token_type: 'Bearer', expires_in: 60, id_token: idToken });
    } else json(404, {});
  }

  private metadata() {
    const { issuer } = this;
    return {
      ...{ issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys` },
      ...{ end_session_endpoint: `${issuer}/logout`, response_types_supported: ['code'], subject_types_supported: ['public'] },
      ...{ id_token_signing_alg_values_supported: ['ES256'], authorization_response_iss_parameter_supported: true },
    };
  }

  private authorize(asked: URLSearchParams): string {
    const { next } = this;
    const back = new URL(asked.get('redirect_uri') ?? '');
    const issuer = next.answerIssuer === undefined ? this.issuer : next.answerIssuer;
    if (issuer !== null) back.searchParams.set('iss', issuer);
    back.searchParams.set('state', next.state ?? asked.get('state') ?? '');
    if (next.refuses === true) back.searchParams.set('error', 'access_denied');
    else {
      const code = randomUUID();
      this.grants.set(code, { challenge: asked.get('code_challenge') ?? '', nonce: asked.get('nonce') ?? '', login: next });
      back.searchParams.set('code', code);
    }
    return back.href;
  }

  private async redeem(authorization: string | undefined, sent: URLSearchParams): Promise<string | null> {
    const code = sent.get('code') ?? '';
    const grant = this.grants.get(code);
    this.grants.delete(code);
    const challenge = createHash('sha256')
      .update(sent.get('code_verifier') ?? '')
      .digest('base64url');
    const { id, secret } = this.client;
    // RFC 6749, section 2.3.1: both are encoded before they are joined.
    const shown = Buffer.from(authorization?.replace(/^Basic /, '') ?? '', 'base64').toString('utf8');
    const isClient = shown.split(':').map(decodeURIComponent).join(':') === `${id}:${secret}`;
    if (grant === undefined || grant.challenge !== challenge || !isClient) return null;
    const now = Math.floor(Date.now() / 1_000);
    const { claims, signsAsStranger } = grant.login;
    return new SignJWT({ iss: this.issuer, aud: id, iat: now, exp: now + 300, nonce: grant.nonce, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'idp' })
      .sign(signsAsStranger === true ? this.keys.stranger : this.keys.own);
  }
}
