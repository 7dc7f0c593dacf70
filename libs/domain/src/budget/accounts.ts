import type { Principal } from '@sallyport/contracts';

/** As long as an account's name may be (`Id` of the contracts). */
export const ACCOUNT_NAME_LENGTH_MAX = 256;

/** The part of a principal that says who pays. */
export type PayingPrincipal = Pick<Principal, 'tenantId' | 'subject' | 'actors' | 'workflow'>;

/**
 * Every account a call is charged to, each once: its tenant, the person behind it, every agent of the chain, the tool and the verified
 * workflow. An agent that calls another adds an account and takes none away, so nobody's limit grows with the number of agents.
 * `null` when one of them cannot be named within `ACCOUNT_NAME_LENGTH_MAX`: nobody can be charged then.
 */
export const accountsOf = (principal: PayingPrincipal, tool: string | null): readonly string[] | null => {
  const { tenantId, subject, actors, workflow } = principal;
  const names = [`tenant:${tenantId}`, subject, ...actors];
  if (tool !== null) names.push(`tool:${tool}`);
  if (workflow !== null) names.push(`workflow:${workflow}`);
  return names.some((name) => name.length > ACCOUNT_NAME_LENGTH_MAX) ? null : [...new Set(names)];
};

/** The account whose limit holds for each of a kind without a limit of its own: `user:ada` → `user:*`. A tenant has none. */
export const sharedAccountOf = (account: string): string | null => {
  const kind = account.slice(0, account.indexOf(':'));
  return kind === 'tenant' ? null : `${kind}:*`;
};
