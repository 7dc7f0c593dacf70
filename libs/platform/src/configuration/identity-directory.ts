import type { SallyportConfiguration } from './schema.js';

/** Who may do what at most in one tenant, with the prefixed names that principals have: the shape the rules of the domain take. */
export interface ConfiguredIdentities {
  readonly users: readonly { readonly id: string; readonly issuer?: string; readonly scopes: readonly string[] }[];
  readonly agents: readonly { readonly id: string; readonly scopes: readonly string[] }[];
  readonly delegations: readonly { readonly subject: string; readonly agent: string; readonly scopes: readonly string[] }[];
}

/** `ada` → `user:ada`; `service:batch` and `*` as they are. */
export const subjectOf = (id: string): string => (id === '*' || id.startsWith('service:') ? id : `user:${id}`);
/** `triage` → `agent:triage`. */
export const actorOf = (id: string): string => `agent:${id}`;

/** The `identity` section of one tenant. */
export const identityDirectoryOf = ({ identity }: Pick<SallyportConfiguration, 'identity'>, tenantId: string): ConfiguredIdentities => ({
  users: identity.users
    .filter(({ tenant }) => tenant === tenantId)
    .map(({ id, issuer, scopes }) => ({ id: subjectOf(id), ...(issuer === undefined ? {} : { issuer }), scopes })),
  agents: identity.agents.filter(({ tenant }) => tenant === tenantId).map(({ id, scopes }) => ({ id: actorOf(id), scopes })),
  delegations: identity.grants
    .filter(({ tenant }) => tenant === tenantId)
    .map(({ subject, agent, scopes }) => ({ subject: subjectOf(subject), agent: actorOf(agent), scopes })),
});
