import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as contracts from '@sallyport/contracts';
import { ERRORS, type ErrorCode, errorsOf, HTTP_HEADERS, HTTP_ROUTES, type HttpRoute, OFFICE_SCOPES } from '@sallyport/contracts';
import { stringify } from 'yaml';
import { z } from 'zod';
import { commentsIn } from './field-comments.ts';
import type { GeneratedFile } from './generated-file.ts';
import type { JsonSchema } from './json-schema-of.ts';

const CONTRACTS = fileURLToPath(new URL('../../libs/contracts/src/', import.meta.url));
const SCHEMA_PREFIX = '#/components/schemas/';
const NAMED_EXPORT = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*\n)?export const (\w+)\b[^=]*=/g;

/** The comments over exported schemas and over their fields, by the name of the schema. */
interface Comments {
  readonly schema: string;
  readonly fields: ReadonlyMap<string, string>;
}

const oneLine = (comment: string): string =>
  comment
    .replaceAll(/\n\s*\*/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();

const commentsOf = (source: string): [string, Comments][] => {
  const starts = [...source.matchAll(NAMED_EXPORT)];
  return starts.map(({ 1: comment = '', 2: name = '', index }, nth) => [
    name,
    { schema: oneLine(comment), fields: commentsIn(source.slice(index, starts[nth + 1]?.index)) },
  ]);
};

const COMMENTS: ReadonlyMap<string, Comments> = new Map(
  ['', 'http/']
    .flatMap((folder) => readdirSync(`${CONTRACTS}${folder}`).map((file) => `${CONTRACTS}${folder}${file}`))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .flatMap((path) => commentsOf(readFileSync(path, 'utf8'))),
);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Puts the comments of the sources where the schema says nothing itself. */
const commented = (schema: unknown, fields: ReadonlyMap<string, string>): unknown => {
  if (Array.isArray(schema)) return schema.map((item) => commented(item, fields));
  if (!isRecord(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (keyword !== 'properties' || !isRecord(value)) return [keyword, commented(value, fields)];
      const properties = Object.entries(value).map(([name, field]) => {
        const told = commented(field, fields);
        const comment = fields.get(name);
        return [name, isRecord(told) && comment !== undefined && told.description === undefined ? { ...told, description: comment } : told];
      });
      return [keyword, Object.fromEntries(properties)];
    }),
  );
};

/** Every exported schema under its name: what is named is told once and pointed at. */
const named = z.registry<{ id: string }>();
for (const [name, value] of Object.entries(contracts))
  if (value instanceof z.ZodType && value !== contracts.JsonValue) named.add(value, { id: name });

const withoutMarks = ({ $schema: _schema, $id: _id, id: _name, ...rest }: JsonSchema): JsonSchema => rest;

/** Answers are read tolerantly, so what they may hold besides is not forbidden; what is sent to us is checked as strictly as the schema says. */
const OPTIONS = { target: 'draft-2020-12', io: 'input', unrepresentable: 'any', reused: 'inline' } as const;

const COMPONENTS: ReadonlyMap<string, JsonSchema> = new Map(
  Object.entries(z.toJSONSchema(named, { ...OPTIONS, uri: (name) => `${SCHEMA_PREFIX}${name}` }).schemas).map(([name, schema]) => {
    const { schema: comment = '', fields = new Map<string, string>() } = COMMENTS.get(name) ?? {};
    const told = commented(withoutMarks(schema), fields) as JsonSchema;
    return [name, comment === '' || told.description !== undefined ? told : { description: comment, ...told }];
  }),
);

/** What a schema is where it is used: its name, or itself where it has none. */
const schemaOf = (schema: z.ZodType): JsonSchema => {
  const id = named.get(schema)?.id;
  if (id !== undefined) return { $ref: `${SCHEMA_PREFIX}${id}` };
  const { $defs: _defs, ...own } = withoutMarks(z.toJSONSchema(schema, { ...OPTIONS, metadata: named }));
  return JSON.parse(JSON.stringify(own).replaceAll('"#/$defs/', `"${SCHEMA_PREFIX}`)) as JsonSchema;
};

const pathParameters = (path: string, { path: own = {} }: HttpRoute) =>
  [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: own[name] === undefined ? { type: 'string', minLength: 1, maxLength: 256 } : schemaOf(own[name]),
  }));

const queryParameters = ({ query }: HttpRoute) => {
  if (query === undefined) return [];
  const comments = COMMENTS.get(named.get(query)?.id ?? '')?.fields;
  return Object.entries(query.shape).map(([name, field]) => {
    const description = comments?.get(name);
    return {
      ...{ name, in: 'query', required: !field.safeParse(undefined).success },
      ...(description === undefined ? {} : { description }),
      schema: schemaOf(field),
    };
  });
};

const headerParameters = ({ headers = {} }: HttpRoute) =>
  Object.entries(headers).map(([name, description]) => ({ name, in: 'header', required: false, description, schema: { type: 'string' } }));

const jsonContent = (schema: JsonSchema) => ({ 'application/json': { schema } });

/** The errors of a route by status, with their codes. */
const errorResponses = (route: HttpRoute) => {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) byStatus.set(ERRORS[code].http, [...(byStatus.get(ERRORS[code].http) ?? []), code]);
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([left], [right]) => left - right)
      .map(([status, codes]) => [
        String(status),
        {
          description: codes.map((code) => `- \`${code}\`: ${ERRORS[code].summary}`).join('\n'),
          content: jsonContent({ $ref: `${SCHEMA_PREFIX}HttpError` }),
          ...(status === 401
            ? { headers: { 'WWW-Authenticate': { description: 'RFC 6750, RFC 9728.', schema: { type: 'string' } } } }
            : {}),
        },
      ]),
  );
};

const securityOf = ({ access }: HttpRoute) => {
  if (access === 'open') return [];
  if (access === 'session') return [{ session: [] }];
  return access === 'token' ? [{ token: [] }] : access.map((scope) => ({ token: [scope] }));
};

/** `GET /v1/approvals/:id` → `getApprovalsById`: fixed once, since clients are generated from it. */
const operationIdOf = (verb: string, path: string): string =>
  [
    verb.toLowerCase(),
    ...path
      .split('/')
      .filter((part) => part !== '' && part !== 'v1')
      .flatMap((part) => (part.startsWith(':') ? ['By', part.slice(1)] : part.split(/[^A-Za-z0-9]+/)))
      .map((part) => part.charAt(0).toUpperCase() + part.slice(1)),
  ].join('');

const operationOf = (verb: string, path: string, route: HttpRoute) => {
  const parameters = [...pathParameters(path, route), ...queryParameters(route), ...headerParameters(route)];
  const answer = schemaOf(route.answer);
  return {
    operationId: operationIdOf(verb, path),
    tags: [route.area],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: securityOf(route),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: jsonContent(schemaOf(route.body)) } }),
    responses: {
      '200': {
        description: route.stream === undefined ? 'Done.' : 'A stream; the data of each event is of this schema.',
        content: route.stream === undefined ? jsonContent(answer) : { [route.stream]: { schema: answer } },
      },
      ...(path === '/readyz' ? { '503': { description: 'Not ready, or draining.', content: jsonContent(answer) } } : {}),
      ...errorResponses(route),
    },
  };
};

const paths = () => {
  const all: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(HTTP_ROUTES)) {
    const [verb = '', path = ''] = name.split(' ');
    const told = path.replaceAll(/:(\w+)/g, '{$1}');
    all[told] = { ...all[told], [verb.toLowerCase()]: operationOf(verb, path, route) };
  }
  return all;
};

/** The named schemas that something points at, through others too; sorted. */
const schemasUsed = (told: unknown): Record<string, JsonSchema> => {
  const used = new Set<string>();
  const look = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      look(COMPONENTS.get(name));
    }
  };
  look(told);
  return Object.fromEntries([...used].sort().map((name) => [name, COMPONENTS.get(name) ?? {}]));
};

const AREAS: Readonly<Record<HttpRoute['area'], string>> = {
  Calls: 'What agents ask for, and what became of calls that were lost.',
  Record: 'What happened, provably.',
  Approvals: 'What waits for people.',
  Budgets: 'Who may spend what, and what is left.',
  Catalog: 'Which tools there are, whose they are, and what they were accepted as.',
  Policies: 'The rules that decide.',
  Access: 'Who may do what.',
  Controls: 'Kill switches, revocations, poisoned chains.',
  Session: 'The login of people in a browser.',
  Settings: 'How it runs: versions, health, configuration in force.',
  Open: 'For everybody: health, keys, where tokens come from.',
};

/** The OpenAPI document of everything that people and programs ask for by HTTP. */
export const openApiDocument = (version: string) => {
  const told = paths();
  const areas = new Set(Object.values(HTTP_ROUTES).map(({ area }) => area));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Sallyport',
      version,
      summary: 'The HTTP API that people and programs use.',
      description: [
        'Everything below `/v1` belongs to the tenant of the token; of another tenant nothing can be seen, asked or changed.',
        'Lists come in pages: `limit` says how many at most, `nextCursor` of an answer is the `cursor` of the next request and `null` on the last page. A page stays put while things are added.',
        `Each request that became a call is answered with \`${HTTP_HEADERS.callId}\`. Errors have one body; their codes are public API, their texts are not. An unknown field of an answer is to be ignored: fields are added within a version.`,
        'MCP (`/mcp`, `/mcp/{server}`) has a protocol of its own and is not described here.',
      ].join('\n\n'),
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: '{publicUrl}',
        description: 'With a process per service, the ingress joins the services by path under one address.',
        variables: { publicUrl: { default: 'http://127.0.0.1:8080', description: '`gateway.publicUrl` of the configuration.' } },
      },
    ],
    tags: Object.entries(AREAS).flatMap(([name, description]) => (areas.has(name as HttpRoute['area']) ? [{ name, description }] : [])),
    paths: told,
    components: {
      schemas: schemasUsed(told),
      securitySchemes: {
        token: {
          ...{ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          description: `An access token of an issuer that the configuration trusts, for this address. Scopes of people: ${Object.values(
            OFFICE_SCOPES,
          )
            .map((scope) => `\`${scope}\``)
            .join(
              ', ',
            )}. Where several are named, any one of them is enough. Pages of the console show the token of their session in a cookie instead.`,
        },
        session: {
          ...{ type: 'apiKey', in: 'cookie', name: '__Host-sallyport-session' },
          description: `The cookie of a console session; what changes something also needs \`${HTTP_HEADERS.csrf}\`. Without the prefix where the public URL is http:// on this machine.`,
        },
      },
    },
  };
};

export const openApiFiles = (version: string): GeneratedFile[] => [
  {
    path: 'docs/reference/openapi.yaml',
    content: `# Generated by \`npm run gen\` from libs/contracts. Do not edit.\n${stringify(openApiDocument(version), { lineWidth: 0, aliasDuplicateObjects: false })}`,
  },
];
