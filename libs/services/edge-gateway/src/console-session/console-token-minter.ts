import { sign } from 'node:crypto';
import { JWT_CLAIMS } from '@sallyport/contracts';
import {
  type Clock,
  CONSOLE_CLIENT_ID,
  CONSOLE_TOKEN_SECONDS,
  CONSOLE_TOKEN_TYPE,
  type ConsoleClaims,
  consoleAudienceOf,
  csrfDigestOf,
  type IdSource,
} from '@sallyport/platform';
import type { SigningKey } from '../tokens/own-token-minter.adapter.js';
import type { StoredSession } from './console-sessions.store.js';

const base64url = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');

/** Signs the tokens that a session shows the API: for 60 s, for `/v1` alone, bound to the session's CSRF token. */
export class ConsoleTokenMinter {
  constructor(
    private readonly options: { readonly publicUrl: string; readonly key: SigningKey; readonly clock: Clock; readonly ids: IdSource },
  ) {}

  /** Ends at `endsAtMs`, when the session does, where that is sooner. */
  mint(
    session: StoredSession,
    scopes: readonly string[],
    csrfToken: string,
    endsAtMs: number,
  ): { readonly token: string; readonly expiresAtMs: number } {
    const { publicUrl, key, clock, ids } = this.options;
    const issuedAt = Math.floor(clock.nowMs() / 1_000);
    const expiresAt = Math.min(issuedAt + CONSOLE_TOKEN_SECONDS, Math.floor(endsAtMs / 1_000));
    const claims = {
      ...{ iss: publicUrl, sub: session.subject.slice('user:'.length), aud: consoleAudienceOf(publicUrl), iat: issuedAt, exp: expiresAt },
      ...{ jti: ids.uuidv7(), client_id: CONSOLE_CLIENT_ID, scope: scopes.join(' '), [JWT_CLAIMS.tenant]: session.tenantId },
      [JWT_CLAIMS.mode]: 'interactive',
      ...({
        sid: session.sessionId,
        csrf: csrfDigestOf(csrfToken),
        login_iss: session.loginIssuer,
        login_source: session.loginSource,
      } satisfies ConsoleClaims),
    };
    const signed = `${base64url({ alg: 'EdDSA', typ: CONSOLE_TOKEN_TYPE, kid: key.kid })}.${base64url(claims)}`;
    return { token: `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString('base64url')}`, expiresAtMs: expiresAt * 1_000 };
  }
}
