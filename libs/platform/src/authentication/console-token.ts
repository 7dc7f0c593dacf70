import { createHash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { DEFAULT_CLAIMS } from './token-claims.js';

/** A type of its own (RFC 8725, section 3.11): the gateway signs tokens for upstreams with the same key, and neither may pass for the other. */
export const CONSOLE_TOKEN_TYPE = 'sallyport-console+jwt';
/** How long a token of a console session is good for: as long as one that was ended goes on where its end cannot be seen. */
export const CONSOLE_TOKEN_SECONDS = 60;
/** `client_id` in such a token. */
export const CONSOLE_CLIENT_ID = 'sallyport-console';

/** What a token of a console session is for: the API, and no other address of the gateway. */
export const consoleAudienceOf = (publicUrl: string): string => `${publicUrl}/v1`;

/** What stands in the token for the secret that the page has: the token alone changes nothing. */
export const csrfDigestOf = (csrfToken: string): string => createHash('sha256').update(csrfToken).digest('base64url');

/** Claims of a token of a console session beside those of any access token. */
export interface ConsoleClaims {
  /** The session. */
  readonly sid: string;
  /** Digest of its CSRF token. */
  readonly csrf: string;
  /** `iss` of the provider that the person logged in with: whose namesake somebody is. */
  readonly login_iss: string;
  /** The label that the configuration gives that provider. */
  readonly login_source: string;
}

const CLAIMS = ['sid', 'csrf', 'login_iss', 'login_source'] as const;

/** Throws `TypeError` where one is missing, or holds a NUL, which no table can be asked for. */
export const consoleClaimsOf = (payload: JWTPayload): ConsoleClaims => {
  const [sid, csrf, login_iss, login_source] = CLAIMS.map((name) => {
    const value = payload[name];
    if (typeof value !== 'string' || value === '' || value.includes('\u0000')) throw new TypeError(`the claim ${name} is missing`);
    return value;
  });
  return { sid: sid ?? '', csrf: csrf ?? '', login_iss: login_iss ?? '', login_source: login_source ?? '' };
};

/** How a token of a console session is read, once it has been verified: as one of the provider that its person logged in with. */
export const consoleIssuerOf = ({ login_iss, login_source }: ConsoleClaims) => ({
  ...{ issuer: login_iss, tokenSource: login_source, algorithms: ['EdDSA'], clockSkewSeconds: 0, claims: DEFAULT_CLAIMS },
});
