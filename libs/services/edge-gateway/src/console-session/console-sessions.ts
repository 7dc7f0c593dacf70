import { createHash, randomBytes } from 'node:crypto';
import {
  AppError,
  ConsoleReturnPath,
  type ConsoleSession,
  isAppError,
  OFFICE_SCOPES,
  type OpenConsoleSession,
  type OpenConsoleSessions,
  type Principal,
} from '@sallyport/contracts';
import { type Clock, CONSOLE_CLIENT_ID, type Database, type IdSource, type Sealer } from '@sallyport/platform';
import { z } from 'zod';
import type { SigningKey } from '../tokens/own-token-minter.adapter.js';
import type { ConsoleSessionRecord } from './console-session-record.js';
import { ConsoleSessionStore, type StoredSession } from './console-sessions.store.js';
import type { ConsoleSettings } from './console-settings.js';
import { ConsoleTokenMinter } from './console-token-minter.js';
import { LoginFailed, OidcLogin } from './oidc-login.js';
import { scopesOfRoles } from './roles.js';

/** How long a person may take at the provider. */
export const LOGIN_SECONDS = 600;
export const CALLBACK_PATH = '/console/session/callback';
export const HOME_PATH = '/console/';
const SECRET_BYTES = 32;
/** What belongs to nobody yet is sealed for no tenant. */
const NO_TENANT = '-';
const LOGIN_CONTEXT = 'console-login';
const ID_TOKEN_CONTEXT = 'console-id-token';
const BROWSER_MAX = 256;

/** A login on its way, as the browser keeps it, sealed. */
const Begun = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** Digest of the secret of the session that the browser had. */
  hadDigest: z.string().nullable(),
  returnPath: ConsoleReturnPath,
  untilMs: z.number(),
});

/** A session in use, with the secret that its browser showed. */
export interface SessionInUse {
  readonly stored: StoredSession;
  readonly csrfToken: string;
  /** Roles, and what the configuration gives the person: both allow these. */
  readonly scopes: readonly string[];
}

export interface ConsoleSessionsParts {
  readonly settings: ConsoleSettings;
  readonly publicUrl: string;
  readonly tenants: readonly string[];
  readonly scopesInForce: (principal: Principal) => readonly string[];
  readonly database: Database;
  readonly sealer: Sealer;
  readonly signingKey: SigningKey;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly record: ConsoleSessionRecord;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** Who is logged in to the console: logins at the provider, sessions, and the tokens that a session shows the API. */
export class ConsoleSessions {
  private readonly store: ConsoleSessionStore;
  private readonly minter: ConsoleTokenMinter;
  private readonly login: OidcLogin | null;

  constructor(private readonly parts: ConsoleSessionsParts) {
    const { settings, database, publicUrl, signingKey, clock, ids, record } = parts;
    this.store = new ConsoleSessionStore(database, settings.idleSeconds * 1_000, record);
    this.minter = new ConsoleTokenMinter({ publicUrl, key: signingKey, clock, ids });
    this.login = settings.provider === null ? null : new OidcLogin(settings.provider, `${publicUrl}${CALLBACK_PATH}`, clock);
  }

  /**
   * Where the browser goes to log in, and the cookie that it brings back. `had` is the secret of the session that it has now: coming back from
   * another site it does not show that. Throws `LoginFailed`.
   */
  async begin(returnPath: string, had: string | null): Promise<{ readonly address: string; readonly cookie: string }> {
    const { sealer, clock } = this.parts;
    const { address, begun } = await this.provider().begin();
    const hadDigest = had === null ? null : digestOf(had);
    const kept = { ...begun, returnPath, hadDigest, untilMs: clock.nowMs() + LOGIN_SECONDS * 1_000 } satisfies z.infer<typeof Begun>;
    return { address, cookie: sealer.seal(NO_TENANT, JSON.stringify(kept), LOGIN_CONTEXT) };
  }

  /** Whether an answer of the provider is to the login that a cookie is of. One to another login ends nothing. */
  answers(query: string, loginCookie: string | null): boolean {
    const state = new URLSearchParams(query).get('state');
    try {
      return state !== null && state === this.begunOf(loginCookie).state;
    } catch (error) {
      if (error instanceof LoginFailed) return false;
      throw error;
    }
  }

  /**
   * Opens a session for who came back from the provider, under a secret that is new whatever the browser had before; that one's session ends.
   * One login opens one session. Throws `LoginFailed`.
   */
  async finish(
    query: string,
    cookies: { readonly login: string | null; readonly session: string | null },
    browser: string,
  ): Promise<{ readonly secret: string; readonly returnPath: string; readonly lifetimeSeconds: number }> {
    const { settings, tenants, sealer, clock, ids } = this.parts;
    const provider = this.provider();
    const { returnPath, untilMs, hadDigest, ...begun } = this.begunOf(cookies.login);
    if (untilMs <= clock.nowMs()) throw new LoginFailed('expired', 'the login was begun too long ago');
    const { subject, name, tenantId, roles, idToken } = await provider.finish(query, begun);
    if (!tenants.includes(tenantId)) throw new LoginFailed('no-tenant', 'the tenant is not served here');
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const openedAtMs = clock.nowMs();
    const sessionId = ids.uuidv7();
    const opened = await this.store.open(
      {
        ...{ sessionId, tenantId, subject: `user:${subject}`, name, roles, openedAtMs, lastSeenAtMs: openedAtMs },
        loginIssuer: settings.provider?.issuer ?? '',
        loginSource: settings.loginSource,
        idTokenSealed: sealer.seal(tenantId, idToken, `${ID_TOKEN_CONTEXT}:${sessionId}`),
        browser: browser.slice(0, BROWSER_MAX),
        expiresAtMs: openedAtMs + settings.lifetimeSeconds * 1_000,
      },
      {
        secretDigest: digestOf(secret),
        loginDigest: digestOf(begun.state),
        endedSecretDigests: [hadDigest, cookies.session === null ? null : digestOf(cookies.session)].filter((digest) => digest !== null),
      },
      settings.sessionsMaxPerPerson,
    );
    if (!opened) throw new LoginFailed('expired', 'the login was used before');
    return { secret, returnPath, lifetimeSeconds: settings.lifetimeSeconds };
  }

  /** The session of a secret. Looking is no use of it, or an open page would keep it for ever. Throws `console.session-missing`. */
  async find(secret: string): Promise<SessionInUse> {
    return this.inUse(secret, await this.store.find(digestOf(secret), this.parts.clock.nowMs()));
  }

  /** The session of a secret, which counts as used now: a person did something. Throws `console.session-missing`. */
  async use(secret: string): Promise<SessionInUse> {
    return this.inUse(secret, await this.store.use(digestOf(secret), this.parts.clock.nowMs()));
  }

  /** What the page is told, and the token for the API that goes with it. */
  tell({ stored, csrfToken, scopes }: SessionInUse): { readonly told: ConsoleSession; readonly token: string } {
    const endsAtMs = Math.min(stored.expiresAtMs, stored.lastSeenAtMs + this.parts.settings.idleSeconds * 1_000);
    const { token, expiresAtMs } = this.minter.mint(stored, scopes, csrfToken, endsAtMs);
    const { subject, name, tenantId, roles } = stored;
    return {
      told: {
        ...{ subject, name, tenantId, roles: [...roles], scopes: [...scopes], csrfToken },
        expiresAt: new Date(endsAtMs).toISOString(),
        renewBefore: new Date(expiresAtMs).toISOString(),
      },
      token,
    };
  }

  /** Ends this session, or every one of its person; returns where the browser ends the one at the provider. */
  async logout({ stored }: SessionInUse, everywhere: boolean): Promise<string | null> {
    const { sealer, clock, publicUrl } = this.parts;
    await this.store.end(stored, everywhere ? null : stored.sessionId, clock.nowMs(), { reason: 'logged-out', endedBy: stored.subject });
    if (this.login === null) return null;
    let idToken: string;
    try {
      idToken = sealer.open(stored.tenantId, stored.idTokenSealed, `${ID_TOKEN_CONTEXT}:${stored.sessionId}`).toString('utf8');
    } catch (error) {
      // Its root key is gone. The session here is over all the same.
      if (isAppError(error)) return null;
      throw error;
    }
    return this.login.logoutAddress(idToken, `${publicUrl}${HOME_PATH}`);
  }

  /** Living sessions of the person, or of everybody in their tenant for operators. Throws `identity.forbidden`. */
  async list(
    session: SessionInUse,
    { of, cursor, limit }: { readonly of: 'me' | 'tenant'; readonly cursor: string | undefined; readonly limit: number },
  ): Promise<OpenConsoleSessions> {
    const { tenantId, subject, sessionId } = session.stored;
    if (of === 'tenant' && !operates(session)) throw new AppError('identity.forbidden', `${subject} lacks ${OFFICE_SCOPES.operate}`);
    const after = cursor === undefined ? null : placeOf(cursor);
    const found = await this.store.list({ tenantId, subject: of === 'me' ? subject : null }, after, limit + 1, this.parts.clock.nowMs());
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    return {
      sessions: page.map(
        (stored): OpenConsoleSession => ({
          ...{ id: stored.sessionId, subject: stored.subject, name: stored.name, browser: stored.browser },
          openedAt: new Date(stored.openedAtMs).toISOString(),
          lastSeenAt: new Date(stored.lastSeenAtMs).toISOString(),
          expiresAt: new Date(stored.expiresAtMs).toISOString(),
          isCurrent: stored.sessionId === sessionId,
        }),
      ),
      nextCursor: last === undefined ? null : `${last.openedAtMs}|${last.sessionId}`,
    };
  }

  /** Ends a session of the person, or for operators of anybody in their tenant. Throws `request.not-found`, also for one of others. */
  async end(session: SessionInUse, sessionId: string): Promise<void> {
    const { tenantId, subject } = session.stored;
    const whose = { tenantId, subject: operates(session) ? null : subject };
    const ended = await this.store.end(whose, sessionId, this.parts.clock.nowMs(), { reason: 'revoked', endedBy: subject });
    if (ended === 0) throw new AppError('request.not-found', 'no such session');
  }

  /** Puts on record which sessions time has ended, and what could not be published before. */
  async recordLapsed(): Promise<void> {
    await this.parts.record.retry();
    await this.store.endLapsed(this.parts.clock.nowMs());
  }

  private inUse(secret: string, stored: StoredSession | null): SessionInUse {
    if (stored === null) throw new AppError('console.session-missing', 'no session, or one that is over');
    const csrfToken = this.parts.sealer.keyedDigest(stored.tenantId, 'console-csrf', secret);
    return { stored, csrfToken, scopes: this.scopesOf(stored) };
  }

  private provider(): OidcLogin {
    if (this.login === null) throw new LoginFailed('not-configured', 'the configuration names no provider for the console');
    return this.login;
  }

  private begunOf(cookie: string | null): z.infer<typeof Begun> {
    if (cookie === null) throw new LoginFailed('expired', 'this browser began no login');
    try {
      return Begun.parse(JSON.parse(this.parts.sealer.open(NO_TENANT, cookie, LOGIN_CONTEXT).toString('utf8')));
    } catch (cause) {
      throw new LoginFailed('expired', 'this browser began no login of ours', { cause });
    }
  }

  private scopesOf({ subject, tenantId, loginIssuer, loginSource, roles }: StoredSession): readonly string[] {
    return this.parts.scopesInForce({
      ...{ subject, actors: [], tenantId, issuer: loginIssuer, scopes: [...scopesOfRoles(roles)], mode: 'interactive' },
      ...{ clientId: CONSOLE_CLIENT_ID, environment: 'default', tokenSource: loginSource, workflow: null },
    });
  }
}

const operates = ({ scopes }: SessionInUse): boolean => scopes.includes(OFFICE_SCOPES.operate);

const placeOf = (cursor: string): { readonly openedAtMs: number; readonly sessionId: string } => {
  const [, openedAtMs = '', sessionId = ''] = /^(\d{1,15})\|(.+)$/.exec(cursor) ?? [];
  if (sessionId === '') throw new AppError('request.invalid', 'no cursor of ours', { detail: { paths: ['cursor'] } });
  return { openedAtMs: Number(openedAtMs), sessionId };
};
