import type { AppError } from '@sallyport/contracts';

const METADATA = '/.well-known/oauth-protected-resource';

/** Where the metadata of a resource is (RFC 9728, section 3.1: the path of the resource comes after the well-known part). */
export const metadataUrlOf = (publicUrl: string, resource: string): string => `${publicUrl}${METADATA}${resource.slice(publicUrl.length)}`;

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
