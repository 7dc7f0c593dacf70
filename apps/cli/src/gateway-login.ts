import { CLI_CLIENT_ID } from '@sallyport/authorization-server';
import * as oidc from 'openid-client';
import { ApiFault } from './api-client.js';
import type { StoredLogin, StoredLogins } from './stored-logins.js';

/** Renewed when less is left: long enough for the request that it is for. */
const RENEW_BEFORE_MS = 30_000;
const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

export interface LoginWish {
  /** Address of the gateway. */
  readonly url: string;
  /** Who to log in at; who the gateway names first when not given. */
  readonly issuer?: string | undefined;
  /** How the command line is known there. */
  readonly clientId?: string | undefined;
  readonly scopes: readonly string[];
  /** Shown to the person, who goes there with a browser of any machine. */
  readonly onCode: (ask: { readonly address: string; readonly code: string; readonly expiresInSeconds: number }) => void;
  readonly signal: AbortSignal;
}

/**
 * Logs a person in by the device flow (RFC 8628) at the authorization server that the gateway names (RFC 9728). Waits until they have answered.
 * Throws `ApiFault` when nobody answers at an address, when the person says no, and when the time is over; nothing is kept then.
 */
export const logIn = async (wish: LoginWish): Promise<StoredLogin> => {
  const issuer = wish.issuer ?? (await issuerOf(wish.url));
  const clientId = wish.clientId ?? CLI_CLIENT_ID;
  const server = await serverOf(issuer, clientId);
  try {
    const asked = await oidc.initiateDeviceAuthorization(server, { scope: wish.scopes.join(' '), resource: wish.url });
    wish.onCode({
      address: asked.verification_uri_complete ?? asked.verification_uri,
      code: asked.user_code,
      expiresInSeconds: asked.expires_in,
    });
    const tokens = await oidc.pollDeviceAuthorizationGrant(server, asked, { resource: wish.url }, { signal: wish.signal });
    return loginOf(issuer, clientId, tokens, null);
  } catch (error) {
    throw toFault(error, issuer);
  }
};

/** The access token of a login, renewed where its time is over. Throws `ApiFault` where it cannot be renewed: log in again. */
export const tokenOf = async (url: string, login: StoredLogin, logins: StoredLogins): Promise<string> => {
  if (login.expiresAtMs - Date.now() > RENEW_BEFORE_MS) return login.accessToken;
  if (login.refreshToken === null) throw new ApiFault(`Your login at ${url} is over. Log in again: sallyport login`, 'cli.login-over');
  const server = await serverOf(login.issuer, login.clientId);
  try {
    const tokens = await oidc.refreshTokenGrant(server, login.refreshToken, { resource: url });
    const renewed = loginOf(login.issuer, login.clientId, tokens, login.refreshToken);
    await logins.put(url, renewed);
    return renewed.accessToken;
  } catch (error) {
    throw toFault(error, login.issuer);
  }
};

/** Takes the login back at its authorization server, so that a copy of its tokens renews nothing. `false` where that could not be done. */
export const takeBack = async (login: StoredLogin): Promise<boolean> => {
  if (login.refreshToken === null) return false;
  try {
    await oidc.tokenRevocation(await serverOf(login.issuer, login.clientId), login.refreshToken);
    return true;
  } catch {
    return false;
  }
};

const issuerOf = async (url: string): Promise<string> => {
  const address = new URL('/.well-known/oauth-protected-resource', url);
  let metadata: { readonly authorization_servers?: readonly string[] };
  try {
    metadata = (await (await fetch(address)).json()) as typeof metadata;
  } catch {
    throw new ApiFault(`Nobody answers at ${url}. Start Sallyport with \`npm start\`, or name the gateway with --url.`, 'cli.unreachable');
  }
  const [issuer] = metadata.authorization_servers ?? [];
  if (issuer === undefined) throw new ApiFault(`The gateway at ${url} names nobody to log in at: name one with --issuer.`, 'cli.no-issuer');
  return issuer;
};

const serverOf = async (issuer: string, clientId: string): Promise<oidc.Configuration> => {
  const address = new URL(issuer);
  // Plain http to this machine alone: tokens that travel further must be encrypted.
  const execute = address.protocol === 'http:' && LOOPBACK.includes(address.hostname) ? [oidc.allowInsecureRequests] : [];
  try {
    return await oidc.discovery(address, clientId, undefined, oidc.None(), { execute });
  } catch (error) {
    throw toFault(error, issuer);
  }
};

const loginOf = (
  issuer: string,
  clientId: string,
  tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  formerRefreshToken: string | null,
): StoredLogin => ({
  issuer,
  clientId,
  accessToken: tokens.access_token,
  refreshToken: tokens.refresh_token ?? formerRefreshToken,
  expiresAtMs: Date.now() + (tokens.expiresIn() ?? 300) * 1_000,
});

const toFault = (error: unknown, issuer: string): ApiFault => {
  if (error instanceof ApiFault) return error;
  const code: unknown = error instanceof oidc.ResponseBodyError ? error.error : undefined;
  if (code === 'access_denied') return new ApiFault('You were not logged in: the answer was no.', 'cli.login-refused');
  if (code === 'expired_token')
    return new ApiFault('You were not logged in: nobody answered in time. Try again: sallyport login', 'cli.login-over');
  if (code === 'invalid_grant') return new ApiFault('Your login is over. Log in again: sallyport login', 'cli.login-over');
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiFault(`The authorization server ${issuer} did not log you in: ${detail}`, 'cli.login-failed');
};
