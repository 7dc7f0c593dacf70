import { ConsoleLoginFault, type ConsoleRole } from '@sallyport/contracts';
import { type Clock, CONSOLE_CLIENT_ID, isSafeOnTheWay } from '@sallyport/platform';
import * as oidc from 'openid-client';
import type { LoginProvider } from './console-settings.js';
import { rolesOfClaim } from './roles.js';

/** What is kept of a login from its beginning to its end. */
export interface BegunLogin {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Who logged in, as the provider says it. */
export interface LoggedIn {
  /** Without prefix. */
  readonly subject: string;
  readonly name: string;
  readonly tenantId: string;
  readonly roles: readonly ConsoleRole[];
  readonly idToken: string;
}

/** A login that came to nothing. */
export class LoginFailed extends Error {
  constructor(
    readonly reason: ConsoleLoginFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const TIMEOUT_SECONDS = 10;
/** How long what the provider says of itself is kept; its keys are looked at again by the library when one is missing. */
const METADATA_MS = 600_000;
const TEXT_MAX = 256;

/**
 * Logs people in at one OpenID Connect provider: authorization code with PKCE (S256), `state`, `nonce` and, where the provider sends it, `iss`
 * (RFC 9207); the ID token is verified by its keys. Throws `LoginFailed`.
 */
export class OidcLogin {
  private known: { readonly configuration: Promise<oidc.Configuration>; readonly untilMs: number } | null = null;

  constructor(
    private readonly provider: LoginProvider,
    private readonly redirectUri: string,
    private readonly clock: Clock,
  ) {}

  /** Where the browser goes, and what must be kept until it comes back. */
  async begin(): Promise<{ readonly address: string; readonly begun: BegunLogin }> {
    const configuration = await this.configuration();
    const begun = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() };
    const address = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.redirectUri,
      scope: this.provider.scopes.join(' '),
      state: begun.state,
      nonce: begun.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(begun.verifier),
      code_challenge_method: 'S256',
    });
    return { address: address.href, begun };
  }

  /** Who came back. `query` is that of the address the browser came back to. */
  async finish(query: string, { state, nonce, verifier }: BegunLogin): Promise<LoggedIn> {
    const configuration = await this.configuration();
    const address = new URL(this.redirectUri);
    address.search = query;
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
    const tokens = await oidc.authorizationCodeGrant(configuration, address, checks).catch((cause: unknown) => {
      throw faultOf(cause);
    });
    const claims = tokens.claims();
    if (claims === undefined || tokens.id_token === undefined) throw new LoginFailed('provider-unavailable', 'there is no ID token');
    return { ...this.personOf(claims), idToken: tokens.id_token };
  }

  /** Where the session at the provider is ended; `null` where it has no such address or cannot be asked. */
  async logoutAddress(idToken: string, returnTo: string): Promise<string | null> {
    const configuration = await this.configuration().catch(() => null);
    if (configuration?.serverMetadata().end_session_endpoint === undefined) return null;
    return oidc.buildEndSessionUrl(configuration, { id_token_hint: idToken, post_logout_redirect_uri: returnTo }).href;
  }

  private personOf(said: oidc.IDToken): Omit<LoggedIn, 'idToken'> {
    const { claims, clientId, roles } = this.provider;
    const text = (name: string): string | null => {
      const value = said[name];
      return typeof value === 'string' && value !== '' && !value.includes('\u0000') ? value : null;
    };
    const subject = text(claims.subject);
    const tenantId = text(claims.tenant);
    // One that is its own client would be taken for a service, here as at the provider.
    if (subject === null || subject.length > TEXT_MAX - 'user:'.length || [clientId, CONSOLE_CLIENT_ID].includes(subject))
      throw new LoginFailed('refused', `the claim ${claims.subject} names no person`);
    if (tenantId === null) throw new LoginFailed('no-tenant', `the claim ${claims.tenant} names no tenant`);
    const name = (text(claims.name) ?? subject).slice(0, TEXT_MAX);
    return { subject, name, tenantId, roles: rolesOfClaim(said[claims.roles], roles) };
  }

  /** Asked for once, however many begin to log in meanwhile: anybody may, and the provider may be slow. */
  private configuration(): Promise<oidc.Configuration> {
    const nowMs = this.clock.monotonicMs();
    if (this.known !== null && this.known.untilMs > nowMs) return this.known.configuration;
    const configuration = this.discover();
    const asked = { configuration, untilMs: nowMs + METADATA_MS };
    this.known = asked;
    configuration.catch(() => {
      if (this.known === asked) this.known = null;
    });
    return configuration;
  }

  private async discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.provider;
    const isPlain = issuer.startsWith('http:') && isSafeOnTheWay(issuer);
    return await oidc
      .discovery(new URL(issuer), clientId, {}, clientSecret === null ? oidc.None() : bySecret(clientSecret), {
        execute: [oidc.enableNonRepudiationChecks, ...(isPlain ? [oidc.allowInsecureRequests] : [])],
        timeout: TIMEOUT_SECONDS,
      })
      .catch((cause: unknown) => {
        throw new LoginFailed('provider-unavailable', 'the provider does not tell of itself', { cause });
      });
  }
}

/** Shows the secret as the provider says it takes it; RFC 8414, section 2 says what it takes when it says nothing. */
const bySecret =
  (secret: string): oidc.ClientAuth =>
  (server, client, body, headers) => {
    const takesPost = server.token_endpoint_auth_methods_supported?.includes('client_secret_post') === true;
    (takesPost ? oidc.ClientSecretPost(secret) : oidc.ClientSecretBasic(secret))(server, client, body, headers);
  };

/** The provider's own no is somebody's decision; a state or issuer that is not the expected one is another login; the rest is its fault. */
const faultOf = (cause: unknown): LoginFailed => {
  if (cause instanceof oidc.AuthorizationResponseError) return new LoginFailed('refused', 'the provider said no', { cause });
  if (cause instanceof oidc.ResponseBodyError && cause.error === 'invalid_grant')
    return new LoginFailed('expired', 'the code was used, or is too old', { cause });
  if (cause instanceof oidc.ClientError && cause.code === 'OAUTH_INVALID_RESPONSE')
    return new LoginFailed('expired', 'the answer does not belong to the login that was begun', { cause });
  return new LoginFailed('provider-unavailable', 'the provider did not finish the login', { cause });
};
