import { AppError, OFFICE_SCOPES, type OfficeScope, type Principal } from '@sallyport/contracts';
import type { z } from 'zod';
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

/** Parses the query of a request. Throws `request.invalid` naming every parameter at fault. */
export const parseQuery = <S extends z.ZodType>(schema: S, query: unknown): z.output<S> => {
  const parsed = schema.safeParse(query);
  // PostgreSQL has no text with a NUL in it, so nothing on record has one.
  if (JSON.stringify(query)?.includes('\\u0000')) throw new AppError('request.invalid', 'a parameter holds a NUL');
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.')]));
  throw new AppError('request.invalid', 'the query does not fit', { detail: { paths: paths.slice(0, 16) } });
};
