import { AppError, OFFICE_SCOPES, type OfficeScope, type Principal } from '@sallyport/contracts';
import type { Authenticator } from '../audit-projector.ports.js';

/**
 * Lets in who may read the record of a tenant, or `scope` it: their own, and no other. Throws `identity.token-missing`, `identity.token-invalid`,
 * and `identity.forbidden` without the scope.
 */
export const admitAuditor = async (
  authenticate: Authenticator,
  authorization: string | undefined,
  scope: OfficeScope = OFFICE_SCOPES.audit,
): Promise<Principal> => {
  const principal = await authenticate(authorization);
  if (!principal.scopes.includes(scope)) throw new AppError('identity.forbidden', `${principal.subject} lacks ${scope}`);
  return principal;
};
