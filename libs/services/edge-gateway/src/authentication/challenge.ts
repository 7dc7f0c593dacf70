import type { AppError } from '@sallyport/contracts';
import type { IssuerSettings } from '@sallyport/platform';

const METADATA = '/.well-known/oauth-protected-resource';

/** Where the metadata of a resource is (RFC 9728, section 3.1: the path of the resource comes after the well-known part). */
export const metadataUrlOf = (publicUrl: string, resource: string): string => `${publicUrl}${METADATA}${resource.slice(publicUrl.length)}`;

/**
 * Issuers in the order in which a client should try them, as clients take the first: the gateway's own authorization server, then those that publish their
 * keys, then those known by a file of keys alone, where nobody may be able to log in. Among equals the order of the configuration.
 */
export const loginOrder = (issuers: readonly Pick<IssuerSettings, 'issuer' | 'jwksUrl'>[], publicUrl: string): readonly string[] => {
  const rank = ({ issuer, jwksUrl }: Pick<IssuerSettings, 'issuer' | 'jwksUrl'>): number =>
    issuer === `${publicUrl}/authorization` ? 0 : jwksUrl === undefined ? 2 : 1;
  return issuers.toSorted((a, b) => rank(a) - rank(b)).map(({ issuer }) => issuer);
};

/** What a client learns of a resource (RFC 9728, section 2). */
export const resourceMetadata = (resource: string, authorizationServers: readonly string[], scopes: readonly string[]) => ({
  resource,
  authorization_servers: authorizationServers,
  scopes_supported: scopes,
  bearer_methods_supported: ['header'],
  resource_name: 'Sallyport',
});

/** A value inside quotes (RFC 9110, section 5.6.4); what no header can carry is left out. */
const quoted = (text: string): string => `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;

/**
 * `WWW-Authenticate` of a 401 or 403 (RFC 6750, section 3; RFC 9728, section 5.1): without an `error` where no credentials were sent, with
 * every scope the operation needs at once where scopes were missing.
 */
export const challengeFor = (error: AppError, metadataUrl: string, scopes: readonly string[]): string => {
  const parts = [];
  if (error.code === 'identity.token-invalid') {
    const { description } = error.detail;
    parts.push(
      'error="invalid_token"',
      `error_description=${quoted(typeof description === 'string' ? description : 'the token is not valid here')}`,
    );
  }
  if (error.code === 'scope.insufficient') parts.push('error="insufficient_scope"');
  if (scopes.length > 0) parts.push(`scope=${quoted(scopes.join(' '))}`);
  parts.push(`resource_metadata=${quoted(metadataUrl)}`);
  return `Bearer ${parts.join(', ')}`;
};
