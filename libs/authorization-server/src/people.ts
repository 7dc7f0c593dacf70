import type { SallyportConfiguration } from '@sallyport/platform';

/** Somebody who can log in: a person of the configuration, in one tenant. */
export interface Person {
  /** `<tenant>:<id>`: two tenants may each have an `ada`. */
  readonly accountId: string;
  readonly id: string;
  readonly tenantId: string;
  readonly tenantName: string;
  readonly scopes: readonly string[];
}

/** An agent that a person has delegated something to, with what it may do for that person at most. */
export interface DelegatedAgent {
  readonly id: string;
  readonly scopes: readonly string[];
}

/** What the console calls somebody who has a scope. */
const ROLE_OF_SCOPE = { 'sallyport:audit': 'viewer', 'sallyport:approve': 'approver', 'sallyport:operate': 'operator' } as const;

/** The people of a configuration who can log in, and who may act for them. Everybody (`*`) and services cannot. */
export class People {
  private readonly byAccount: ReadonlyMap<string, Person>;

  constructor(private readonly configuration: Pick<SallyportConfiguration, 'identity' | 'tenants'>) {
    const names = new Map(configuration.tenants.map(({ id, name }) => [id, name]));
    this.byAccount = new Map(
      configuration.identity.users
        .filter(({ id }) => id !== '*' && !id.startsWith('service:'))
        .map(({ id, tenant, scopes }) => {
          const accountId = `${tenant}:${id}`;
          return [accountId, { accountId, id, tenantId: tenant, tenantName: names.get(tenant) ?? tenant, scopes }];
        }),
    );
  }

  /** Everybody, by tenant and name. */
  all(): readonly Person[] {
    return [...this.byAccount.values()].sort((one, other) => (one.accountId < other.accountId ? -1 : 1));
  }

  find(accountId: string): Person | undefined {
    return this.byAccount.get(accountId);
  }

  /** The agents that may act for somebody, the one with the fewest scopes first: what is chosen without thinking is the least. */
  agentsOf(person: Person): readonly DelegatedAgent[] {
    const { agents, grants } = this.configuration.identity;
    return agents
      .filter(({ tenant }) => tenant === person.tenantId)
      .flatMap((agent) => {
        const delegations = grants.filter(({ tenant, agent: id }) => tenant === person.tenantId && id === agent.id);
        // A grant of one's own replaces the one for everybody, as in the decision.
        const grant = delegations.find(({ subject }) => subject === person.id) ?? delegations.find(({ subject }) => subject === '*');
        if (grant === undefined) return [];
        return [{ id: agent.id, scopes: person.scopes.filter((scope) => agent.scopes.includes(scope) && grant.scopes.includes(scope)) }];
      })
      .sort((one, other) => one.scopes.length - other.scopes.length || (one.id < other.id ? -1 : 1));
  }

  /** Every scope that anybody has. */
  scopes(): readonly string[] {
    return [...new Set(this.all().flatMap(({ scopes }) => scopes))].sort();
  }

  /** What the console lets somebody do. */
  rolesOf(person: Person): readonly string[] {
    const roles = Object.entries(ROLE_OF_SCOPE).flatMap(([scope, role]) => (person.scopes.includes(scope) ? [role] : []));
    return roles.length === Object.keys(ROLE_OF_SCOPE).length ? [...roles, 'admin'] : roles;
  }
}
