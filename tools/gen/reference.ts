import {
  ERRORS,
  EVENT_DEFINITIONS,
  HTTP_HEADERS,
  JWT_CLAIMS,
  META_KEYS,
  RECORD_HEADERS,
  TOPICS,
  type TopicDefinition,
  topicOf,
} from '@sallyport/contracts';
import { fieldCommentsOf } from './field-comments.ts';
import { codes, type GeneratedFile, MARKDOWN_NOTICE, markdownTable } from './generated-file.ts';
import { type JsonSchema, jsonSchemaOf } from './json-schema-of.ts';

const page = (path: string, ...parts: readonly string[]): GeneratedFile => ({
  path,
  content: `${[MARKDOWN_NOTICE, ...parts].join('\n\n')}\n`,
});

const topicsPage = () =>
  page(
    'docs/reference/topics.md',
    '# Topics',
    'Every topic has one writer, and Kafka access rules (`infra/kafka/create-acls.sh`) make it so. `*.events.v1` are facts, `*.state.v1` compacted current state, `*.dead-letter.v1` what a service could not handle. Partition counts are fixed for life: the key decides the partition, and order holds within one.',
    markdownTable(
      ['Topic', 'Writer', 'Readers', 'Key', 'Partitions', 'Cleanup'],
      Object.entries(TOPICS).map(([name, { from, to, key, partitions, cleanup }]: [string, TopicDefinition]) => [
        `\`${name}\``,
        from,
        to.length === 0 ? 'outside consumers' : to.join(', '),
        key,
        String(partitions),
        cleanup,
      ]),
    ),
    'What each one carries: [Events](events.md). The same as a machine reads it: `libs/contracts/generated/asyncapi.yaml`.',
  );

/** A type in a few words; details stand in the AsyncAPI document. */
const typeInWords = (schema: JsonSchema): string => {
  const { anyOf, oneOf, enum: values, const: literal, type, items, format } = schema;
  if (literal !== undefined) return `\`${JSON.stringify(literal)}\``;
  if (Array.isArray(values)) return values.map((value) => `\`${value}\``).join(' or ');
  const choices = anyOf ?? oneOf;
  if (Array.isArray(choices)) return [...new Set(choices.map((choice: JsonSchema) => typeInWords(choice)))].join(' or ');
  if (type === 'array') return `list of ${typeInWords((items ?? {}) as JsonSchema)}`;
  if (type === undefined) return 'any JSON';
  return format === undefined ? String(type) : `${type} (${format})`;
};

const fieldsTable = (type: string, version: number, schema: JsonSchema): readonly string[] => {
  const comments = fieldCommentsOf(type, version);
  const fields = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(([name, field]) => [
    `\`${name}\``,
    typeInWords(field),
    typeof field.description === 'string' ? field.description : (comments.get(name) ?? ''),
  ]);
  if (fields.length === 0) return [];
  const explained = fields.some(([, , meaning]) => meaning !== '');
  return [
    explained
      ? markdownTable(['Field', 'Type', 'Meaning'], fields)
      : markdownTable(
          ['Field', 'Type'],
          fields.map((cells) => cells.slice(0, 2)),
        ),
  ];
};

const eventsPage = () =>
  page(
    'docs/reference/events.md',
    '# Events',
    'What the services say to each other, past tense with their noun. On the wire each is a CloudEvent of type `io.sallyport.<Name>.v<N>` in Kafka binary mode; the headers stand in [HTTP headers and other names](http-headers.md). Old versions are read for ever. Amounts are integer millionths of a currency, times RFC 3339 in UTC; a digest of content is keyed by tenant.',
    ...Object.entries(TOPICS).flatMap(([topic, { from, events }]: [string, TopicDefinition]) => {
      const carried = EVENT_DEFINITIONS.filter(({ type }) => events.includes(type));
      if (carried.length === 0) return [];
      return [
        `## ${topic}`,
        `Written by ${from}.`,
        ...carried.flatMap(({ type, version, summary, data }) => [
          `### ${type}.v${version}`,
          summary,
          ...fieldsTable(type, version, jsonSchemaOf(data)),
        ]),
      ];
    }),
  );

const errorRows = (linkPrefix: string) =>
  Object.entries(ERRORS).map(([code, { http, rpc, retryable, summary }]) => [
    `[\`${code}\`](${linkPrefix}${code}.md)`,
    String(http),
    String(rpc),
    retryable ? 'yes' : 'no',
    summary,
  ]);
const ERROR_HEAD = ['Code', 'HTTP', 'JSON-RPC', 'Retry the same', 'What the agent reads'];

const errorsPage = () =>
  page(
    'docs/reference/errors.md',
    '# Errors',
    'Codes are public API; texts are not. A refused `tools/call` reaches the agent as a tool result with `isError: true`, so that the model can read it, with the code in `_meta["io.sallyport/error"]`; every other method gets a JSON-RPC error, and REST an HTTP status with the body below. “Retry the same” says whether the same request may succeed later without a change by anybody.',
    markdownTable(ERROR_HEAD, errorRows('../errors/')),
    '## Body of an HTTP error',
    '```json\n{\n  "code": "policy.denied",\n  "summary": "No policy allows this. Nothing was sent to the tool.",\n  "detail": {},\n  "callId": "0198…",\n  "retryable": false,\n  "docs": "https://sallyport.io/docs/errors/policy.denied"\n}\n```',
  );

const errorIndex = () =>
  page(
    'docs/errors/README.md',
    '# Error pages',
    'One page a code: what happened, whether anything moved, what the agent and the operator should do, how to go on.',
    ...[...new Set(Object.keys(ERRORS).map((code) => code.split('.')[0] ?? code))].flatMap((area) => [
      `## ${area}`,
      markdownTable(
        ['Code', 'What the agent reads'],
        Object.entries(ERRORS)
          .filter(([code]) => code.startsWith(`${area}.`))
          .map(([code, { summary }]) => [`[\`${code}\`](${code}.md)`, summary]),
      ),
    ]),
  );

/** What each name is for, by the key it has in the contracts. A key without a text fails the generation. */
const MEANINGS = {
  callId: 'The id of the call, in answers. Quote it to an operator; `sallyport audit show` takes it.',
  model: 'The model that asks, as claimed by the agent. At most 256 characters.',
  prompt: 'The human prompt behind the call, as claimed. At most 4,096 characters; in a header, percent-encoded UTF-8.',
  intent: 'What the agent means to do, as claimed. At most 1,024 characters; in a header, percent-encoded UTF-8.',
  workflow:
    'A label for calls that belong together, as claimed. The workflow that limits and taint follow is the verified claim of the token.',
  plan: 'Asks for a plan instead of an execution.',
  idempotencyKey: "The caller's key for one intended effect.",
  approval: 'In a result that waits for a person: `status`, `approvalId`, `approvalUrl`, `expiresAt`, `retryAfterMs`.',
  error: 'In a refused result: the error body.',
  tenant: 'The tenant of the principal.',
  mode: '`interactive`, `autonomous` or what the issuer says.',
  environment: 'The environment the token is for.',
  csrf: 'With what changes something by the cookie of a console session: the `csrfToken` of that session.',
  traceparent: 'W3C Trace Context of the event.',
  edgeId: 'The edge instance an answer is for; others drop the record before parsing.',
  contentType: 'Always `application/json`.',
} as const;

const namesTable = (head: string, names: Readonly<Record<string, string>>) =>
  markdownTable(
    [head, 'Meaning'],
    Object.entries(names).map(([key, name]) => {
      if (!(key in MEANINGS)) throw new Error(`tools/gen/reference.ts: ${name} has no meaning yet`);
      return [`\`${name}\``, MEANINGS[key as keyof typeof MEANINGS]];
    }),
  );

const namesPage = () =>
  page(
    'docs/reference/http-headers.md',
    '# HTTP headers and other names',
    'Fixed once: clients, hooks and proxies depend on them. What an agent says of itself is recorded as claimed and never decided upon as truth. How to supply it: [Name the model, the prompt and the intent](../how-to/name-model-prompt-intent.md).',
    '## HTTP headers',
    namesTable('Header', HTTP_HEADERS),
    '## `_meta` keys of MCP requests and results',
    namesTable('Key', META_KEYS),
    '## JWT claims',
    namesTable('Claim', JWT_CLAIMS),
    '## Headers of a record on the log',
    `Beside the CloudEvents attributes (${codes(['ce_id', 'ce_source', 'ce_type', 'ce_time', 'ce_subject', 'ce_partitionkey'])} and more; all of them in the AsyncAPI document).`,
    namesTable('Header', RECORD_HEADERS),
  );

/** Every event stands on a page because every one has a topic; said here so that a lost one fails the generation. */
const requireTopics = () => {
  for (const { type } of EVENT_DEFINITIONS) topicOf(type);
};

/** The reference pages that derive from the contracts. */
export const referenceFiles = (): GeneratedFile[] => {
  requireTopics();
  return [topicsPage(), eventsPage(), errorsPage(), errorIndex(), namesPage()];
};
