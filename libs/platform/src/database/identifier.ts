import { AppError } from '@sallyport/contracts';

/** PostgreSQL cuts identifiers at 63 bytes without a word, which would make two roles one. */
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/** The identifier itself, when it needs no quotes; throws `configuration.invalid` otherwise. Nothing else is ever put into SQL as text. */
export const plainIdentifier = (name: string): string => {
  if (!IDENTIFIER.test(name)) {
    throw new AppError('configuration.invalid', `"${name}" is no usable PostgreSQL name: a-z, 0-9 and _, at most 63 characters`);
  }
  return name;
};
