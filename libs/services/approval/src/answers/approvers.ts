import { AppError, type Principal } from '@sallyport/contracts';
import { APPROVE_SCOPE, type Authenticator } from '../approval.ports.js';

/** Lets in who may see and answer requests of their own tenant. Throws `identity.token-missing`, `identity.token-invalid`, `identity.forbidden`. */
export const admitApprover = async (authenticate: Authenticator, authorization: string | undefined): Promise<Principal> => {
  const principal = await authenticate(authorization);
  if (!principal.scopes.includes(APPROVE_SCOPE)) throw new AppError('identity.forbidden', `${principal.subject} lacks ${APPROVE_SCOPE}`);
  return principal;
};
