import type { IdentityDirectory } from '@sallyport/domain';
import type { SallyportConfiguration } from './schema.js';

/** `ada` → `user:ada`; `service:batch` and `*` as they are. */
export const subjectOf = (id: string): string => (id === '*' || id.startsWith('service:') ? id : `user:${id}`);
/** `triage` → `agent:triage`. */
export const actorOf = (id: string): string => `agent:${id}`;

/** Who may do what at most in one tenant, as the rules of the domain want it. */
export const identityDirectoryOf = ({ identity }: Pick<SallyportConfiguration, 'identity'>, tenantId: string): IdentityDirectory => ({
  users: identity.users
    .filter(({ tenant }) => tenant === tenantId)
    .map(({ id, issuer, scopes }) => ({ id: subjectOf(id), ...(issuer === undefined ? {} : { issuer }), scopes })),
  agents: identity.agents.filter(({ tenant }) => tenant === tenantId).map(({ id, scopes }) => ({ id: actorOf(id), scopes })),
  delegations: identity.grants
    .filter(({ tenant }) => tenant === tenantId)
    .map(({ subject, agent, scopes }) => ({ subject: subjectOf(subject), agent: actorOf(agent), scopes })),
});
