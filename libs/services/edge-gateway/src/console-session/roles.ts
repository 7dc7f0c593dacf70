import { ConsoleRole, OFFICE_SCOPES } from '@sallyport/contracts';

const { approve: APPROVE, audit: AUDIT, operate: OPERATE } = OFFICE_SCOPES;

const SCOPES_OF: Readonly<Record<ConsoleRole, readonly string[]>> = {
  viewer: [AUDIT],
  approver: [AUDIT, APPROVE],
  operator: [AUDIT, OPERATE],
  admin: [AUDIT, APPROVE, OPERATE],
};

/** What roles would let somebody do, sorted; what they have by the configuration bounds it. */
export const scopesOfRoles = (roles: readonly ConsoleRole[]): readonly string[] =>
  [...new Set(roles.flatMap((role) => SCOPES_OF[role]))].sort();

/** The roles that a claim means: a list of words, or words with spaces between. Anything else means none. */
export const rolesOfClaim = (claim: unknown, meanings: Readonly<Record<ConsoleRole, readonly string[]>>): readonly ConsoleRole[] => {
  const said: readonly unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return ConsoleRole.options.filter((role) => said.some((word) => typeof word === 'string' && meanings[role].includes(word)));
};
