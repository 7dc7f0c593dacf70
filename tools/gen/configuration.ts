import { configurationJsonSchema, ENVIRONMENT_OVERRIDES } from '@sallyport/platform';
import type { GeneratedFile } from './generated-file.ts';
import { markdownTable } from './generated-file.ts';

/** What the generator reads of the JSON Schema. `example` and `shown` come from the schemas' own metadata. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly example?: unknown;
  /** An optional key that the example shows in force all the same. */
  readonly shown?: boolean;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
}

const SCHEMA_PATH = 'docs/reference/sallyport.schema.json';
const LINE_LENGTH = 110;
/** How a reference to the environment is written. */
const REFERENCE = ['$', '{NAME}'].join('');

/** Wraps a text into comment lines. */
const comment = (text: string, indent: string): string[] => {
  const lines: string[] = [];
  let line = `${indent}#`;
  for (const word of text.split(/\s+/)) {
    if (`${line} ${word}`.length > LINE_LENGTH && line !== `${indent}#`) {
      lines.push(line);
      line = `${indent}#`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
};

const PLAIN = /^[A-Za-z/.][A-Za-z0-9_./:@-]*$/;
const NOT_TEXT = /^(true|false|null|yes|no|on|off|~)$/i;

/** A value in YAML's flow style, which for everything but plain words is JSON. */
const flow = (value: unknown): string => {
  if (typeof value === 'string') return PLAIN.test(value) && !NOT_TEXT.test(value) && !value.endsWith(':') ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${key}: ${flow(inner)}`)
      .join(', ')} }`;
  }
  return String(value);
};

const bounds = ({ minimum, maximum }: Schema): string =>
  minimum === undefined || maximum === undefined
    ? ''
    : maximum >= Number.MAX_SAFE_INTEGER
      ? `${minimum} or more`
      : `${minimum} to ${maximum}`;

const isNested = (schema: Schema): boolean => schema.properties !== undefined;
/** Everything below is optional, so the key itself may be left out. */
const isOptionalObject = (schema: Schema): boolean => isNested(schema) && schema.default !== undefined;

/** Puts a block out of force: `#` straight before the key, while explanations have a space after it. */
const disable = (lines: readonly string[]): string[] =>
  lines.map((line) => (line.trimStart().startsWith('#') ? line : line.replace(/^(\s*)(\S)/, '$1#$2')));

const isInForce = (lines: readonly string[]): boolean => lines.some((line) => !line.trimStart().startsWith('#'));

/** One key with its explanation. */
const entry = (key: string, schema: Schema, required: boolean, indent: string): string[] => {
  const range = bounds(schema);
  const allowed = schema.enum === undefined ? range : `one of ${schema.enum.join(', ')}`;
  const explanation =
    schema.description === undefined ? [] : comment(`${schema.description}${allowed === '' ? '' : ` (${allowed})`}`, indent);
  const value = block(key, schema, indent);
  const inForce = required || schema.shown === true || (isOptionalObject(schema) && isInForce(value.slice(1)));
  return [...explanation, ...(inForce ? value : disable(value))];
};

const block = (key: string, schema: Schema, indent: string): string[] => {
  const deeper = `${indent}  `;
  if (isNested(schema)) return [`${indent}${key}:`, ...entries(schema, deeper)];
  if (schema.items !== undefined && isNested(schema.items))
    return [`${indent}${key}:`, ...item(entries(schema.items, `${deeper}  `), deeper)];
  if (schema.oneOf !== undefined) {
    const [first, ...others] = schema.oneOf;
    if (first === undefined) throw new Error(`${key} has no variant`);
    return [
      `${indent}${key}:`,
      ...entries(first, deeper),
      ...others.flatMap((other) => [`${deeper}# Or:`, ...disable(entries(other, deeper))]),
    ];
  }
  const { default: standard, example, const: only } = schema;
  const value = only ?? (standard !== undefined && flow(standard) !== '{  }' && flow(standard) !== '[]' ? standard : (example ?? standard));
  if (value === undefined) throw new Error(`${key} has neither a default nor an example`);
  return [`${indent}${key}: ${flow(value)}`];
};

const entries = (schema: Schema, indent: string): string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => entry(key, inner, schema.required?.includes(key) === true, indent));

/** Makes lines of keys an item of a list: the dash goes before the first key in force. */
const item = (lines: readonly string[], indent: string): string[] => {
  const first = lines.findIndex((line) => !line.trimStart().startsWith('#'));
  return lines.map((line, index) => (index === first ? `${indent}- ${line.trimStart()}` : line));
};

/** Sections that the example shows with an entry, although they may be left out. */
const section = (name: string, schema: Schema): string[] => {
  const explanation = comment(schema.description ?? '', '');
  if (schema.items !== undefined) return [...explanation, ...block(name, schema, '')];
  return [...explanation, `${name}:`, ...listsInForce(schema)];
};

/** Lists of a section are shown with one entry each, so that a reader sees the shape. */
const listsInForce = (schema: Schema): string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([key, inner]) =>
    entry(key, inner, schema.required?.includes(key) === true || (inner.items !== undefined && isNested(inner.items)), '  '),
  );

const exampleFile = (schema: Schema): string =>
  [
    `# yaml-language-server: $schema=${SCHEMA_PATH}`,
    '# Generated by `npm run gen`. Every key of sallyport.yaml: what is required or shown as an example is in force, defaults are commented out.',
    `# Unknown keys are faults. ${REFERENCE} stands for a variable of the environment, in secrets and addresses alone. Paths start at this file.`,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => ['', ...section(name, inner)]),
    '',
  ].join('\n');

const typeOf = (schema: Schema): string => {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `mapping to ${typeOf(schema.additionalProperties)}`;
  if (isNested(schema)) return 'mapping';
  const range = bounds(schema);
  return `${schema.type === 'string' ? 'text' : (schema.type ?? 'mapping')}${range === '' ? '' : ` ${range}`}`;
};

/** Rows for a key and everything below it. */
const rows = (path: string, schema: Schema, required: boolean): string[][] => {
  const inner = isNested(schema) ? schema : schema.items !== undefined && isNested(schema.items) ? schema.items : undefined;
  const standard = required
    ? '**required**'
    : schema.default === undefined
      ? 'none'
      : inner !== undefined && isNested(schema)
        ? ''
        : `\`${flow(schema.default)}\``;
  const own = [
    `\`${path}\``,
    inner === undefined && schema.oneOf === undefined ? typeOf(schema) : schema.items === undefined ? 'mapping' : 'list',
    standard,
    schema.description ?? '',
  ];
  if (schema.oneOf !== undefined) {
    return [own, ...schema.oneOf.flatMap((variant) => below(path, variant, ` (${String(variant.properties?.kind?.const)})`))];
  }
  if (schema.anyOf !== undefined) return [own, ...schema.anyOf.flatMap((variant) => (isNested(variant) ? below(path, variant) : []))];
  return inner === undefined ? [own] : [own, ...below(inner === schema ? path : `${path}[]`, inner)];
};

const below = (path: string, schema: Schema, note = ''): string[][] =>
  Object.entries(schema.properties ?? {}).flatMap(([key, inner]) =>
    rows(`${path}.${key}`, inner, schema.required?.includes(key) === true).map(([name = '', ...rest]) => [`${name}${note}`, ...rest]),
  );

const OTHER_VARIABLES: readonly (readonly [string, string])[] = [
  ['SALLYPORT_ROOT_KEY', 'The root key, where `sealing` names no other place.'],
  ['SALLYPORT_LOG_LEVEL', '`trace`, `debug`, `info` (default), `warn`, `error`, `fatal` or `silent`.'],
  [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'Collector of traces and metrics (OTLP over HTTP, JSON). Without it nothing is exported and no OpenTelemetry code is loaded.',
  ],
  [
    'OTEL_*',
    'As the OpenTelemetry specification has them: service name, resource attributes, headers, sampler, batching, OTEL_SDK_DISABLED.',
  ],
];

const referencePage = (schema: Schema): string =>
  [
    '<!-- Generated by `npm run gen` from libs/platform. Do not edit. -->',
    '# Configuration',
    `One file, \`sallyport.yaml\`, and the environment for secrets, addresses and what differs from machine to machine. It is checked as a whole before anything starts; every fault is listed with its place, and the process ends with a code other than 0. Unknown keys are faults. \`${REFERENCE}\` stands for a variable of the environment, in secrets and addresses alone. Relative paths start at the folder of the file.`,
    'A commented example of every key: `sallyport.example.yaml`. For editors: `docs/reference/sallyport.schema.json`.',
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
      const table = inner.items === undefined ? below(name, inner) : below(`${name}[]`, inner.items);
      return [
        `## ${name}`,
        inner.description ?? '',
        ...(table.length === 0 ? [] : [markdownTable(['Key', 'Type', 'Default', 'Meaning'], table)]),
      ];
    }),
    '## Variables of the environment',
    'A variable that is set wins over the file.',
    markdownTable(
      ['Variable', 'Key'],
      ENVIRONMENT_OVERRIDES.map(({ variable, path }) => [`\`${variable}\``, `\`${path.join('.')}\``]),
    ),
    markdownTable(
      ['Variable', 'Meaning'],
      OTHER_VARIABLES.map(([variable, meaning]) => [`\`${variable}\``, meaning]),
    ),
    '',
  ].join('\n\n');

/** The commented example, the reference page and the JSON Schema for editors, from the schemas that check the file. */
export const configurationFiles = (): readonly GeneratedFile[] => {
  const schema = configurationJsonSchema();
  return [
    { path: 'sallyport.example.yaml', content: exampleFile(schema as Schema) },
    { path: 'docs/reference/configuration.md', content: `${referencePage(schema as Schema).trimEnd()}\n` },
    { path: SCHEMA_PATH, content: `${JSON.stringify(schema, null, 2)}\n` },
  ];
};
