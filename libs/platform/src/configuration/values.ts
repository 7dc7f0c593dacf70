import { resolve } from 'node:path';
import { z } from 'zod';

/** What the schema needs to know of where it is used. */
export interface ConfigurationContext {
  /** Where `${NAME}` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the configuration file; relative paths start there. */
  readonly folder: string;
}

/** A reference to an environment variable. */
const REFERENCE = /\$\{([A-Z_][A-Z0-9_]*)\}/g;

/** How a reference is written. */
export const reference = (variable: string): string => `\${${variable}}`;

/** Whether a text refers to the environment; a section that does not allow it reports that as a fault. */
export const hasReference = (text: string): boolean => text.search(REFERENCE) >= 0;

/** The kinds of value that more than one section has. */
export type Values = ReturnType<typeof configurationValues>;

export const configurationValues = ({ env, folder }: ConfigurationContext) => {
  /** A text that may hold `${NAME}`: for secrets and addresses alone. */
  const referring = () =>
    z.string().transform((text, context) =>
      text.replace(REFERENCE, (written, name: string) => {
        const value = env[name];
        if (value !== undefined && value !== '') return value;
        context.issues.push({ code: 'custom', message: `the environment variable ${name} is not set`, input: written });
        return '';
      }),
    );
  return {
    secret: () => referring().pipe(z.string().min(1, 'must not be empty')),
    httpAddress: () => referring().pipe(z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' })),
    databaseAddress: () => referring().pipe(z.string().regex(/^postgres(ql)?:\/\/./, 'must be a postgresql:// address')),
    hostAndPort: () => referring().pipe(z.string().regex(/^[^\s:/]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i, 'must be host:port')),
    /** A path, made absolute from the folder of the file. */
    path: () =>
      z
        .string()
        .min(1)
        .transform((text) => resolve(folder, text)),
  };
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether what travels to an address is safe from who listens or answers on the way: https, or this machine. */
export const isSafeOnTheWay = (address: string): boolean => {
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || LOOPBACK.test(hostname);
};

/** Milliseconds, bounded so that a unit mixed up is a fault and not an outage. */
export const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
/** Names of scopes, as tokens and catalog records spell them (RFC 6749, section 3.3). */
export const Scopes = z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'must be a scope without spaces or quotes')).max(128);
/** Texts in which the same key stands twice. */
export const repeated = (keys: readonly string[]): readonly string[] => [
  ...new Set(keys.filter((key, index) => keys.indexOf(key) !== index)),
];

interface FaultSink {
  addIssue(issue: { code: 'custom'; path?: (string | number)[]; message: string }): void;
}

/** Reports every item of a list whose key another item has already. */
export const refuseRepeated = <T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  what: string,
  context: FaultSink,
  path: readonly (string | number)[] = [],
): void => {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (seen.has(key)) context.addIssue({ code: 'custom', path: [...path, index], message: `${what} ${key} is there twice` });
    seen.add(key);
  }
};
