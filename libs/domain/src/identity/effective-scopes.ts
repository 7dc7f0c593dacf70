import type { Principal } from '@sallyport/contracts';

/** What one user (or service) may do at most. `id` is `user:<sub>`, `service:<sub>` or `*` for everybody the list does not name. */
export interface UserEntry {
  readonly id: string;
  /** Binds the entry to tokens of one issuer (its label or its URL): the same `sub` of another issuer is another person. */
  readonly issuer?: string;
  readonly scopes: readonly string[];
}

/** The ceiling of one agent, whoever stands behind it. */
export interface AgentEntry {
  readonly id: string;
  readonly scopes: readonly string[];
}

/** What a subject lets an agent do on its behalf. `subject` may be `*`: everybody who has no delegation of their own to this agent. */
export interface DelegationEntry {
  readonly subject: string;
  readonly agent: string;
  readonly scopes: readonly string[];
}

/** Who may do what at most, as the configuration declares it for one tenant. Whoever it does not name has no scopes. */
export interface IdentityDirectory {
  readonly users: readonly UserEntry[];
  readonly agents: readonly AgentEntry[];
  readonly delegations: readonly DelegationEntry[];
}

/** The two sets a decision needs. */
export interface ScopesInForce {
  /** What user, every actor and every delegation allow together: the most a new token could carry. */
  readonly ceiling: readonly string[];
  /** The ceiling cut down to what this token carries. */
  readonly effective: readonly string[];
}

const EVERYBODY = '*';

/**
 * The scopes a principal acts with: the user's, and every actor's ceiling, and what was delegated to every actor, and the token's.
 * An agent therefore never exceeds its user, nor any agent that called it. An entry that is missing counts as no scopes at all.
 */
export const scopesInForce = (principal: Principal, directory: IdentityDirectory): ScopesInForce => {
  const ceiling = scopeShares(principal, directory).inForce;
  return { ceiling, effective: both(ceiling, principal.scopes) };
};

/** What each of those behind a principal may do at most, and what is left of it together. */
export interface ScopeShares {
  readonly ofSubject: readonly string[];
  /** In the order of the actors. */
  readonly ofActors: readonly { readonly ceiling: readonly string[]; readonly delegated: readonly string[] }[];
  /** Sorted, and each once. */
  readonly inForce: readonly string[];
}

/** The same, told apart: whose entry it is that a scope is missing in. What the token carries is left out. */
export const scopeShares = (
  principal: Pick<Principal, 'subject' | 'actors' | 'issuer' | 'tokenSource'>,
  directory: IdentityDirectory,
): ScopeShares => {
  const ofSubject = userScopes(principal, directory.users);
  const ofActors = principal.actors.map((actor) => ({
    ceiling: agentScopes(actor, directory.agents),
    delegated: delegatedScopes(principal.subject, actor, directory.delegations),
  }));
  const left = ofActors.reduce((scopes, { ceiling, delegated }) => both(both(scopes, ceiling), delegated), ofSubject);
  return { ofSubject, ofActors, inForce: [...new Set(left)].sort() };
};

const userScopes = (principal: Pick<Principal, 'subject' | 'issuer' | 'tokenSource'>, users: readonly UserEntry[]): readonly string[] => {
  const ofIssuer = (entry: UserEntry): boolean => entry.issuer === principal.issuer || entry.issuer === principal.tokenSource;
  const named = users.filter((entry) => entry.id === principal.subject);
  const anybody = users.filter((entry) => entry.id === EVERYBODY);
  // Where an issuer is bound to a name, the name of another issuer falls to the default entry and not to the namesake's.
  const entry =
    named.find((candidate) => candidate.issuer !== undefined && ofIssuer(candidate)) ??
    named.find((candidate) => candidate.issuer === undefined) ??
    anybody.find((candidate) => candidate.issuer !== undefined && ofIssuer(candidate)) ??
    anybody.find((candidate) => candidate.issuer === undefined);
  return entry?.scopes ?? [];
};

const agentScopes = (actor: string, agents: readonly AgentEntry[]): readonly string[] =>
  agents.find((entry) => entry.id === actor)?.scopes ?? [];

const delegatedScopes = (subject: string, agent: string, delegations: readonly DelegationEntry[]): readonly string[] => {
  const toAgent = delegations.filter((entry) => entry.agent === agent);
  const entry = toAgent.find((candidate) => candidate.subject === subject) ?? toAgent.find((candidate) => candidate.subject === EVERYBODY);
  return entry?.scopes ?? [];
};

const both = (left: readonly string[], right: readonly string[]): readonly string[] => left.filter((scope) => right.includes(scope));
