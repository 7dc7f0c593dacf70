import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError, HTTP_HEADERS } from '@sallyport/contracts';
import { decodeJwt, type JWTPayload } from 'jose';
import { type ConsoleClaims, consoleClaimsOf, csrfDigestOf } from './console-token.js';

/** Names of the cookies of a console session. */
export interface ConsoleCookieNames {
  /** The session itself, for the gateway. */
  readonly session: string;
  /** A login that was begun. */
  readonly login: string;
  /** The token for `/v1/*`. */
  readonly access: string;
}

/**
 * The names, with the prefixes (RFC 6265bis, section 4.1.3) that keep other hosts and plain http from setting them; `__Host-` would take a path
 * away. Plain http on this machine can have none.
 */
export const consoleCookieNamesOf = (publicUrl: string): ConsoleCookieNames =>
  publicUrl.startsWith('https:')
    ? { session: '__Host-sallyport-session', login: '__Host-sallyport-login', access: '__Secure-sallyport-access' }
    : { session: 'sallyport-session', login: 'sallyport-login', access: 'sallyport-access' };

/** The one value of a cookie; `null` where there is none, or more than one: somebody else set one of them. */
export const cookieOf = (header: string | undefined, name: string): string | null => {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? (values[0] ?? null) : null;
};

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD'];

/** Throws `console.cross-site` for a request that a page of another origin may have caused (Fetch Metadata, RFC 6454). */
export const checkOwnPage = (publicUrl: string, method: string, headers: IncomingHttpHeaders): void => {
  const site = headers['sec-fetch-site'];
  const isSafe = SAFE_METHODS.includes(method);
  if (site !== undefined && site !== 'same-origin' && !(isSafe && site === 'none'))
    throw new AppError('console.cross-site', 'the browser says that another site asks');
  const { origin } = headers;
  // Browsers send it with everything that is not safe.
  if (origin === undefined ? !isSafe : origin !== new URL(publicUrl).origin)
    throw new AppError('console.cross-site', 'the Origin is not that of the console');
};

/** Throws `console.cross-site` where something that changes comes without the secret that the page was given. */
export const checkCsrf = (method: string, headers: IncomingHttpHeaders, digest: string): void => {
  if (SAFE_METHODS.includes(method)) return;
  const shown = headers[HTTP_HEADERS.csrf.toLowerCase()];
  const found = Buffer.from(typeof shown === 'string' ? csrfDigestOf(shown) : '');
  const expected = Buffer.from(digest);
  if (found.length !== expected.length || !timingSafeEqual(found, expected))
    throw new AppError('console.cross-site', `the ${HTTP_HEADERS.csrf} header is missing or of another session`);
};

/** The scheme under which a token from the cookie goes on to the handlers. Nobody outside can say it. */
export const CONSOLE_SCHEME = 'Console';
const SAID_OUTSIDE = /^\s*console\b/i;

/** Where agents knock: a person's session opens none of these. */
const AGENTS_ROUTES: readonly string[] = ['/v1/invoke'];

/** A request before its handler. */
export interface CookieRequest {
  readonly method: string;
  /** Pattern of its route; `undefined` where there is none. */
  readonly route: string | undefined;
  /** `authorization` is set where the cookie may speak for the request. */
  readonly headers: IncomingHttpHeaders;
}

/**
 * Lets the cookie of a console session speak for a request of the API, in one place for every service, so that no route can forget a rule: it
 * counts on `/v1/*` but for the doors of agents, only where no other credentials were sent, only for pages of the console itself, and what
 * changes something must show the session's CSRF token. Handlers then verify the token as they do any other.
 */
export class ConsoleCookies {
  private readonly name: string;

  constructor(private readonly publicUrl: string) {
    this.name = consoleCookieNamesOf(publicUrl).access;
  }

  /**
   * When the token of a request ends, in milliseconds since the epoch; `null` where no cookie speaks for it. Nothing of it is verified yet. Throws `console.cross-site`, and `identity.token-invalid` for
   * credentials in a scheme of ours or a cookie that is none.
   */
  admit({ method, route, headers }: CookieRequest): number | null {
    const { authorization, cookie } = headers;
    if (authorization !== undefined && SAID_OUTSIDE.test(authorization)) throw invalid('the Authorization header holds no bearer token');
    if (authorization !== undefined || cookie === undefined) return null;
    if (route === undefined || !route.startsWith('/v1/') || AGENTS_ROUTES.includes(route)) return null;
    const token = cookieOf(cookie, this.name);
    if (token === null) return null;
    checkOwnPage(this.publicUrl, method, headers);
    const payload = payloadOf(token);
    const claims = claimsOf(payload);
    checkCsrf(method, headers, claims.csrf);
    headers.authorization = `${CONSOLE_SCHEME} ${token}`;
    return (payload.exp ?? 0) * 1_000;
  }
}

/** The session in whose name a request goes on that `ConsoleCookies` let through; `null` for every other. Nothing of it is verified yet. */
export const admittedSessionOf = ({ authorization }: IncomingHttpHeaders): string | null =>
  authorization?.startsWith(`${CONSOLE_SCHEME} `) === true ? claimsOf(payloadOf(authorization.slice(CONSOLE_SCHEME.length + 1))).sid : null;

const invalid = (description: string, cause?: unknown): AppError =>
  new AppError('identity.token-invalid', description, { cause, detail: { description } });

const payloadOf = (token: string): JWTPayload => {
  try {
    return decodeJwt(token);
  } catch (cause) {
    throw invalid('the token is malformed', cause);
  }
};

const claimsOf = (payload: JWTPayload): ConsoleClaims => {
  try {
    return consoleClaimsOf(payload);
  } catch (cause) {
    throw invalid('the token is not that of a console session', cause);
  }
};
