import type { ConsoleRole } from '@sallyport/contracts';

/** The OpenID Connect provider that people log in with. */
export interface LoginProvider {
  /** As it names itself, letter by letter. */
  readonly issuer: string;
  readonly clientId: string;
  /** `null` for a public client. */
  readonly clientSecret: string | null;
  readonly scopes: readonly string[];
  /** Names of the claims of its ID tokens. */
  readonly claims: { readonly subject: string; readonly name: string; readonly tenant: string; readonly roles: string };
  /** Values of the claim of roles that mean a role. */
  readonly roles: Readonly<Record<ConsoleRole, readonly string[]>>;
}

/** How people log in to the console, and for how long. */
export interface ConsoleSettings {
  /** `null` where nobody can. */
  readonly provider: LoginProvider | null;
  /** Its label in events: that of its access tokens, where those are believed as well. */
  readonly loginSource: string;
  readonly idleSeconds: number;
  readonly lifetimeSeconds: number;
  readonly sessionsMaxPerPerson: number;
}

/** No console: for a gateway that is put together without one. */
export const NO_CONSOLE: ConsoleSettings = {
  ...{ provider: null, loginSource: 'console', idleSeconds: 1_800, lifetimeSeconds: 43_200, sessionsMaxPerPerson: 10 },
};
