import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigurationError, type ConfigurationFault, type FaultAt } from './configuration-error.js';
import { crossFaults } from './cross-faults.js';
import { withOverrides } from './environment-overrides.js';
import { configurationSections, type SallyportConfiguration, type SectionName } from './schema.js';
import { hasReference } from './values.js';

export interface LoadConfigurationOptions {
  /** Path of `sallyport.yaml`. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Aliases repeat parts of a file; more than this is an attempt to make a small file large. */
const ALIASES_MAX = 100;

/**
 * Reads `sallyport.yaml`, puts the variables of the environment in their places and checks the whole.
 * Throws one `ConfigurationError` that lists every fault with its place.
 */
export const loadConfiguration = async ({ file, env }: LoadConfigurationOptions): Promise<SallyportConfiguration> => {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(file, [{ path: '', message: 'the file cannot be read' }], { cause: error });
  }
  return parseConfiguration({ text, file, env });
};

/** As `loadConfiguration`, of a text at hand; relative paths start in the folder of `file`. */
export const parseConfiguration = ({ text, file, env }: LoadConfigurationOptions & { readonly text: string }): SallyportConfiguration => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigurationError(
      file,
      document.errors.map(({ pos, message }) => ({ path: '', line: lines.linePos(pos[0]).line, message: `this is no YAML: ${message}` })),
    );
  }
  const written: unknown = document.toJS({ maxAliasCount: ALIASES_MAX }) ?? {};
  if (!isTree(written)) throw new ConfigurationError(file, [{ path: '', line: 1, message: 'must be a mapping of sections' }]);
  const { content, variableAt } = withOverrides(written, env);
  const { valid, faults } = validate(content, { env, folder: dirname(resolve(file)) });
  const all = [...faults, ...crossFaults(valid), ...misplacedReferences(valid)];
  if (all.length > 0) {
    throw new ConfigurationError(
      file,
      all.map((fault) => place(fault, document, lines, variableAt)).sort((one, other) => (one.line ?? 0) - (other.line ?? 0)),
    );
  }
  return complete(valid);
};

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

type Partially = { -readonly [Name in SectionName]?: SallyportConfiguration[Name] };

/** Checks section by section, so that a fault in one does not hide those of another. */
const validate = (
  content: Tree,
  context: Parameters<typeof configurationSections>[0],
): { valid: Partially; faults: readonly FaultAt[] } => {
  const sections = configurationSections(context);
  const faults: FaultAt[] = Object.keys(content)
    .filter((name) => !Object.hasOwn(sections, name))
    .map((name) => ({ at: [name], message: `there is no such section; known: ${Object.keys(sections).join(', ')}` }));
  const check = <Output>(name: SectionName, schema: z.ZodType<Output>): Output | undefined => {
    // A section without content is one with its defaults alone.
    const { success, data, error } = schema.safeParse(content[name] ?? undefined);
    if (success) return data;
    faults.push(...error.issues.flatMap((issue) => faultsOf(name, issue)));
    return undefined;
  };
  const valid: Partially = {
    tenants: check('tenants', sections.tenants),
    identity: check('identity', sections.identity),
    gateway: check('gateway', sections.gateway),
    console: check('console', sections.console),
    upstreams: check('upstreams', sections.upstreams),
    stdioHost: check('stdioHost', sections.stdioHost),
    policies: check('policies', sections.policies),
    catalog: check('catalog', sections.catalog),
    approvals: check('approvals', sections.approvals),
    budget: check('budget', sections.budget),
    log: check('log', sections.log),
    database: check('database', sections.database),
    sealing: check('sealing', sections.sealing),
    audit: check('audit', sections.audit),
    telemetry: check('telemetry', sections.telemetry),
  };
  return { valid, faults };
};

const faultsOf = (section: string, issue: z.core.$ZodIssue): readonly FaultAt[] => {
  const at = [section, ...issue.path];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ at: [...at, key], message: 'there is no such key' }));
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.includes('received undefined'))
    return [{ at, message: 'is missing' }];
  return [{ at, message: issue.message }];
};

/** References stand where the schema resolves them; one that is still there after that stands in a key that allows none. */
const misplacedReferences = (value: unknown, at: readonly PropertyKey[] = []): readonly FaultAt[] => {
  if (typeof value === 'string') {
    return hasReference(value) ? [{ at, message: 'may not refer to the environment: only secrets and addresses may' }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => misplacedReferences(inner, [...at, Array.isArray(value) ? Number(key) : key]));
};

const pathOf = (at: readonly PropertyKey[]): string =>
  at.reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : path === '' ? String(key) : `${path}.${String(key)}`),
    '',
  );

const place = (
  { at, message }: FaultAt,
  document: Document,
  lines: LineCounter,
  variableAt: ReadonlyMap<string, string>,
): ConfigurationFault => {
  const path = pathOf(at);
  const variable = variableAt.get(at.map(String).join('.'));
  if (variable !== undefined) return { path, variable, message };
  const offset = offsetOf(document, at);
  return offset === undefined ? { path, message } : { path, line: lines.linePos(offset).line, message };
};

/** Where a key stands; of one that is missing, the nearest thing round it. */
const offsetOf = (document: Document, at: readonly PropertyKey[]): number | undefined => {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const key of at) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) return offset;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
};

/** Every section is there once none has a fault. */
const complete = ({
  tenants,
  identity,
  gateway,
  console,
  upstreams,
  stdioHost,
  policies,
  catalog,
  approvals,
  budget,
  log,
  database,
  sealing,
  audit,
  telemetry,
}: Partially): SallyportConfiguration => {
  if (
    tenants === undefined ||
    identity === undefined ||
    gateway === undefined ||
    console === undefined ||
    upstreams === undefined ||
    stdioHost === undefined ||
    policies === undefined ||
    catalog === undefined ||
    approvals === undefined ||
    budget === undefined ||
    log === undefined ||
    database === undefined ||
    sealing === undefined ||
    audit === undefined ||
    telemetry === undefined
  ) {
    throw new Error('a section without a fault has no content');
  }
  return {
    tenants,
    identity: { ...identity, issuers: identity.issuers.map((entry) => ({ ...entry, issuer: below(gateway.publicUrl, entry.issuer) })) },
    gateway,
    console,
    upstreams,
    stdioHost,
    policies,
    catalog,
    approvals,
    budget,
    log,
    database,
    sealing,
    audit,
    telemetry,
  };
};

/** An issuer that is written as a path is one below the public URL, wherever that is today. */
const below = (publicUrl: string, issuer: string): string => (issuer.startsWith('/') ? `${publicUrl}${issuer}` : issuer);
