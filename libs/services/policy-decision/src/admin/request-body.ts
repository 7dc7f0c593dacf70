import { AppError } from '@sallyport/contracts';
import type { z } from 'zod';

/** Parses a request body. Throws `request.invalid` naming every path at fault. */
export const parseBody = <S extends z.ZodType>(schema: S, body: unknown): z.infer<S> => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(body)'}: ${issue.message}`).slice(0, 50);
  throw new AppError('request.invalid', 'the body does not fit', { detail: { faults } });
};
