import { AppError } from '@sallyport/contracts';
import type { z } from 'zod';

const parsed = <S extends z.ZodType>(schema: S, value: unknown, what: 'body' | 'query'): z.output<S> => {
  const outcome = schema.safeParse(value);
  if (outcome.success) return outcome.data;
  const faults = outcome.error.issues.map((issue) => `${issue.path.join('.') || `(${what})`}: ${issue.message}`).slice(0, 50);
  throw new AppError('request.invalid', `the ${what} does not fit`, { detail: { faults } });
};

/** Parses a request body. Throws `request.invalid` naming every path at fault. */
export const parseBody = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => parsed(schema, body, 'body');

/** Parses the query of a request. Throws `request.invalid` naming every parameter at fault. */
export const parseQuery = <S extends z.ZodType>(schema: S, query: unknown): z.output<S> => parsed(schema, query, 'query');
