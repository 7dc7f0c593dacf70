import { AppError } from '@sallyport/contracts';
import type { z } from 'zod';
import { holdsNul } from './request-rules.js';

const PATHS_MAX = 16;

/** Parses what came with a request. Throws `request.invalid` naming every path at fault, and for a NUL, which no table can hold. */
export const parseInput = <S extends z.ZodType>(schema: S, input: unknown): z.output<S> => {
  if (holdsNul(input)) throw new AppError('request.invalid', 'something holds a NUL');
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.')]));
  throw new AppError('request.invalid', 'the request does not fit', { detail: { paths: paths.slice(0, PATHS_MAX) } });
};
