import type { IncomingHttpHeaders } from 'node:http';
import { AppError, type Principal } from '@sallyport/contracts';
import { scopesInForce } from '@sallyport/domain';
import { identityDirectoryOf } from '../configuration/identity-directory.js';
import type { SallyportConfiguration } from '../configuration/schema.js';
import type { Authenticator } from './authenticator.js';

/**
 * Who asks, with the scopes that token, person and agents have together; let in with any one of `scopes`. Throws as `Authenticator.authenticate`,
 * and `identity.forbidden` without one of them.
 */
export const admitOffice = async (
  { authenticator, configuration }: { readonly authenticator: Authenticator; readonly configuration: SallyportConfiguration },
  headers: IncomingHttpHeaders,
  ...scopes: readonly string[]
): Promise<Principal> => {
  const principal = await authenticator.authenticate(headers, configuration.gateway.publicUrl);
  const { effective } = scopesInForce(principal, identityDirectoryOf(configuration, principal.tenantId));
  const inForce = [...effective];
  if (!scopes.some((scope) => inForce.includes(scope)))
    throw new AppError('identity.forbidden', `${principal.subject} lacks ${scopes.join(' or ')}`);
  return { ...principal, scopes: inForce };
};
