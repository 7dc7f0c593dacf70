import { SERVICES } from '@sallyport/contracts';
import { databaseVariableOf, migrationsVariableOf } from './sections/stores.schema.js';

/** A variable that stands for a key of the file and wins over it. */
export interface EnvironmentOverride {
  readonly variable: string;
  readonly path: readonly [string, ...string[]];
  /** How the text of a variable becomes the value of the key. */
  readonly read?: (text: string) => unknown;
}

const asNumber = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);
const asList = (text: string): unknown => text.split(',').map((item) => item.trim());

/** Secrets, addresses and what differs from machine to machine. Everything else stands in the file. */
export const ENVIRONMENT_OVERRIDES: readonly EnvironmentOverride[] = [
  { variable: 'SALLYPORT_HOST', path: ['gateway', 'host'] },
  { variable: 'SALLYPORT_PORT', path: ['gateway', 'port'], read: asNumber },
  { variable: 'SALLYPORT_PUBLIC_URL', path: ['gateway', 'publicUrl'] },
  { variable: 'SALLYPORT_INSTANCE_ID', path: ['gateway', 'instanceId'] },
  { variable: 'SALLYPORT_STDIO_HOST_URL', path: ['stdioHost', 'url'] },
  { variable: 'SALLYPORT_STDIO_HOST_SECRET', path: ['stdioHost', 'secret'] },
  { variable: 'SALLYPORT_LOG_KIND', path: ['log', 'kind'] },
  { variable: 'SALLYPORT_LOG_DATABASE_URL', path: ['log', 'postgres', 'url'] },
  { variable: 'SALLYPORT_LOG_MIGRATIONS_DATABASE_URL', path: ['log', 'postgres', 'migrationsUrl'] },
  { variable: 'SALLYPORT_KAFKA_BROKERS', path: ['log', 'kafka', 'brokers'], read: asList },
  { variable: 'SALLYPORT_KAFKA_USERNAME', path: ['log', 'kafka', 'sasl', 'username'] },
  { variable: 'SALLYPORT_KAFKA_PASSWORD', path: ['log', 'kafka', 'sasl', 'password'] },
  { variable: 'DATABASE_URL', path: ['database', 'url'] },
  ...SERVICES.flatMap((service): EnvironmentOverride[] => [
    { variable: databaseVariableOf(service), path: ['database', 'urls', service] },
    { variable: migrationsVariableOf(service), path: ['database', 'migrationsUrls', service] },
  ]),
];

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy of the file's content with the variables that are set put in their places; says which places those are. */
export const withOverrides = (
  content: Tree,
  env: Readonly<Record<string, string | undefined>>,
): { readonly content: Tree; readonly variableAt: ReadonlyMap<string, string> } => {
  const copy = structuredClone(content);
  const variableAt = new Map<string, string>();
  for (const { variable, path, read } of ENVIRONMENT_OVERRIDES) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    let at: Tree | undefined = copy;
    for (const key of path.slice(0, -1)) {
      const next: unknown = at?.[key] ?? {};
      // What is no mapping is a fault of its own, which validation names.
      if (at === undefined || !isTree(next)) {
        at = undefined;
        break;
      }
      at[key] = next;
      at = next;
    }
    const last = path.at(-1);
    if (at === undefined || last === undefined) continue;
    at[last] = read === undefined ? text : read(text);
    variableAt.set(path.join('.'), variable);
  }
  return { content: copy, variableAt };
};
