import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError, isAppError, type Principal } from '@sallyport/contracts';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/clock.port.js';
import { CONSOLE_SCHEME } from './console-cookies.js';
import { CONSOLE_TOKEN_TYPE, consoleAudienceOf, consoleClaimsOf, consoleIssuerOf } from './console-token.js';
import type { IssuerSettings } from './issuer-settings.js';
import { fileKeySet, remoteKeySet } from './key-set.adapters.js';
import type { KeySet } from './key-set.port.js';
import { principalOf } from './token-claims.js';

export interface AuthenticatorOptions {
  readonly issuers: readonly IssuerSettings[];
  readonly tenants: readonly string[];
  /** Base of resource identifiers, without a slash at the end. A token for it is good for everything under it. */
  readonly publicUrl: string;
  /** Keys of the gateway, whose tokens of console sessions are believed. */
  readonly consoleKeys: KeySet;
  readonly clock: Clock;
}

interface Trusted {
  readonly settings: IssuerSettings;
  readonly keys: KeySet;
}

interface Verified {
  readonly principal: Principal;
  readonly audience: readonly string[];
  readonly settings: IssuerSettings;
  readonly expiresAtMs: number;
}

const VERIFIED_MAX = 10_000;
const TOKEN_CHARS_MAX = 16 * 1024;
/** RFC 9068 section 2.1, and plain JWTs of issuers that do not follow it yet. An ID token or a logout token is neither. */
const TYPES: readonly string[] = ['jwt', 'at+jwt', 'application/at+jwt'];
const CONSOLE = new RegExp(`^${CONSOLE_SCHEME} ([A-Za-z0-9\\-._]+)$`);
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

const invalid = (description: string, cause?: unknown): AppError =>
  new AppError('identity.token-invalid', description, { cause, detail: { description } });

/**
 * Reads and verifies bearer tokens (RFC 6750, 8725, 9068): signature by the issuer's published keys, algorithm, type, issuer, time, audience
 * (RFC 8707), tenant, actor chain. What verified once is kept until it expires, so that a token is checked once and not per call.
 */
export class Authenticator {
  private readonly issuers: ReadonlyMap<string, Trusted>;
  private readonly verified = new LRUCache<string, Verified>({ max: VERIFIED_MAX });

  constructor(private readonly options: AuthenticatorOptions) {
    this.issuers = new Map(
      options.issuers.map((settings) => [
        settings.issuer,
        {
          settings,
          keys: settings.jwksUrl === undefined ? fileKeySet(settings.jwksFile ?? '', options.clock) : remoteKeySet(settings.jwksUrl),
        },
      ]),
    );
  }

  /**
   * The principal of a request for `resource` (an absolute URL under the public one). Throws `identity.token-missing` where no credentials were
   * sent, `identity.token-invalid` with a public `detail.description`, `identity.keys-unavailable` while the issuer's keys cannot be had.
   */
  async authenticate(headers: IncomingHttpHeaders, resource: string): Promise<Principal> {
    const { authorization } = headers;
    if (authorization === undefined) throw new AppError('identity.token-missing', 'no Authorization header');
    const ofConsole = CONSOLE.exec(authorization)?.[1];
    if (ofConsole !== undefined) return (await this.verify(CONSOLE_SCHEME, ofConsole)).principal;
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined || token.length > TOKEN_CHARS_MAX) throw invalid('the Authorization header holds no bearer token');
    const verified = await this.verify('Bearer', token);
    this.checkAudience(verified, resource);
    return verified.principal;
  }

  /** What passed as one kind passes as no other. */
  private async verify(kind: 'Bearer' | typeof CONSOLE_SCHEME, token: string): Promise<Verified> {
    const key = hash('sha256', `${kind} ${token}`, 'base64url');
    const known = this.verified.get(key);
    if (known !== undefined && known.expiresAtMs > this.options.clock.nowMs()) return known;
    const fresh = await (kind === 'Bearer' ? this.verifyAnew(token) : this.verifyConsole(token));
    this.verified.set(key, fresh);
    return fresh;
  }

  private async verifyAnew(token: string): Promise<Verified> {
    const { settings, keys } = this.trustedIssuerOf(token);
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: settings.issuer,
        algorithms: [...settings.algorithms],
        clockTolerance: settings.clockSkewSeconds,
        currentDate: new Date(this.options.clock.nowMs()),
        requiredClaims: ['exp', 'sub', 'aud'],
      });
      const audience = typeof payload.aud === 'string' ? [payload.aud] : (payload.aud ?? []);
      const expiresAtMs = ((payload.exp ?? 0) + settings.clockSkewSeconds) * 1_000;
      return { principal: principalOf(payload, settings, this.options.tenants), audience, settings, expiresAtMs };
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** A token of a console session (`ConsoleCookies`): of our own gateway, and of a type that no bearer token has. */
  private async verifyConsole(token: string): Promise<Verified> {
    const { publicUrl, consoleKeys, clock, tenants } = this.options;
    try {
      const { payload } = await jwtVerify(token, consoleKeys, {
        issuer: publicUrl,
        audience: consoleAudienceOf(publicUrl),
        typ: CONSOLE_TOKEN_TYPE,
        algorithms: ['EdDSA'],
        currentDate: new Date(clock.nowMs()),
        requiredClaims: ['exp', 'sub'],
      });
      const settings = consoleIssuerOf(consoleClaimsOf(payload));
      return { principal: principalOf(payload, settings, tenants), audience: [], settings, expiresAtMs: (payload.exp ?? 0) * 1_000 };
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** Which issuer a token claims to be of; nothing of it is believed yet. */
  private trustedIssuerOf(token: string): Trusted {
    let issuer: string | undefined;
    try {
      issuer = decodeJwt(token).iss;
      const type = decodeProtectedHeader(token).typ;
      if (typeof type !== 'string' || !TYPES.includes(type.toLowerCase()))
        throw invalid('the typ of the token is not that of an access token');
    } catch (error) {
      throw isAppError(error) ? error : invalid('the token is malformed', error);
    }
    const trusted = issuer === undefined ? undefined : this.issuers.get(issuer);
    if (trusted === undefined) throw invalid('the issuer of the token is not trusted');
    return trusted;
  }

  private checkAudience({ audience, settings }: Verified, resource: string): void {
    const accepted = settings.audience ?? [this.options.publicUrl, resource];
    if (!audience.some((name) => accepted.includes(name.replace(/\/$/, '')) || accepted.includes(name)))
      throw invalid('the token was issued for another audience');
  }
}

const faultOf = (error: unknown): AppError => {
  if (isAppError(error)) return error;
  if (error instanceof errors.JWTExpired) return invalid('the token has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed) return invalid(`the claim ${error.claim} is missing or wrong`, error);
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return invalid('the algorithm of the token is not accepted', error);
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('the signature of the token is wrong', error);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return invalid('the token was signed with an unknown key', error);
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return invalid('the token is malformed', error);
  return new AppError('identity.keys-unavailable', 'the keys of the issuer cannot be had', { cause: error });
};
