import { AppError, type Principal } from '@sallyport/contracts';
import type { z } from 'zod';
import { APPROVE_SCOPE, type Authenticator } from '../approval.ports.js';

/** Lets in who may see and answer requests of their own tenant. Throws `identity.token-missing`, `identity.token-invalid`, `identity.forbidden`. */
export const admitApprover = async (authenticate: Authenticator, authorization: string | undefined): Promise<Principal> => {
  const principal = await authenticate(authorization);
  if (!principal.scopes.includes(APPROVE_SCOPE)) throw new AppError('identity.forbidden', `${principal.subject} lacks ${APPROVE_SCOPE}`);
  return principal;
};

/** Parses what came with a request. Throws `request.invalid` naming every path at fault. */
export const parseInput = <S extends z.ZodType>(schema: S, input: unknown): z.output<S> => {
  // PostgreSQL has no text with a NUL in it.
  if (JSON.stringify(input)?.includes('\\u0000')) throw new AppError('request.invalid', 'something holds a NUL');
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.')]));
  throw new AppError('request.invalid', 'the request does not fit', { detail: { paths: paths.slice(0, 16) } });
};
