import { EVENT_DEFINITIONS, RECORD_HEADERS, TOPICS, type TopicDefinition } from '@sallyport/contracts';
import { stringify } from 'yaml';
import type { GeneratedFile } from './generated-file.ts';
import { type JsonSchema, jsonSchemaOf } from './json-schema-of.ts';

/** `tool-call.events.v1` as a name that AsyncAPI allows for a channel. */
const channelIdOf = (topic: string) => topic.replaceAll(/[.-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const ref = (path: string) => ({ $ref: `#/${path}` });
const text = (description: string, more: JsonSchema = {}) => ({ type: 'string', description, ...more });

const DEAD_LETTER = 'DeadLetter';

/** Headers of every record: CloudEvents 1.0 in Kafka's binary mode (attributes as `ce_*`), and W3C Trace Context. */
const RECORD_HEADERS_SCHEMA = {
  type: 'object',
  required: [
    'ce_specversion',
    'ce_id',
    'ce_source',
    'ce_type',
    'ce_time',
    'ce_partitionkey',
    'ce_tenantid',
    'ce_traceparent',
    RECORD_HEADERS.traceparent,
    RECORD_HEADERS.contentType,
  ],
  properties: {
    ce_specversion: { const: '1.0' },
    ce_id: text('Identity of the event. The same event may be published twice: drop an id that was handled.'),
    ce_source: text('`/<service>/<instance>`.'),
    ce_type: text('`io.sallyport.<EventName>.v<N>`.', { pattern: '^io\\.sallyport\\.[A-Za-z]+\\.v[1-9][0-9]*$' }),
    ce_time: text('When it happened, RFC 3339 in UTC.', { format: 'date-time' }),
    ce_partitionkey: text("The record's key."),
    ce_tenantid: text('The tenant.'),
    ce_traceparent: text('W3C Trace Context of the event itself.'),
    ce_subject: text('The call id of a call event.'),
    ce_correlationid: text('The call id of a call event.'),
    ce_chainid: text('The chain of a call event.'),
    ce_causationid: text('The event that caused this one.'),
    ce_authtype: { enum: ['app_user', 'service_account'], description: 'Kind of the subject.' },
    ce_authid: text('The subject on whose behalf.'),
    ce_actorid: text('The agent acting.'),
    [RECORD_HEADERS.traceparent]: text('As `ce_traceparent`, for tracers that know no CloudEvents.'),
    [RECORD_HEADERS.edgeId]: text('The edge instance an answer is for; others drop it before parsing.'),
    [RECORD_HEADERS.contentType]: { const: 'application/json' },
  },
};

const messages = () => {
  const all: Record<string, unknown> = {};
  for (const { type, version, summary, data } of EVENT_DEFINITIONS) {
    all[`${type}.v${version}`] = {
      name: `io.sallyport.${type}.v${version}`,
      title: type,
      summary,
      contentType: 'application/json',
      correlationId: ref('components/correlationIds/callId'),
      headers: ref('components/schemas/RecordHeaders'),
      payload: jsonSchemaOf(data),
      bindings: { kafka: { key: { type: 'string' }, bindingVersion: '0.5.0' } },
    };
  }
  all[DEAD_LETTER] = {
    name: 'dead letter',
    title: DEAD_LETTER,
    summary: 'A record that a service could not handle, as it was received, with headers that say why.',
    contentType: 'application/json',
    payload: {},
    bindings: { kafka: { key: { type: 'string' }, bindingVersion: '0.5.0' } },
  };
  return all;
};

const messageIdsOf = ({ events }: TopicDefinition): string[] =>
  events.flatMap((type) =>
    type === '*' ? [DEAD_LETTER] : EVENT_DEFINITIONS.filter((event) => event.type === type).map(({ version }) => `${type}.v${version}`),
  );

const channels = () =>
  Object.fromEntries(
    Object.entries(TOPICS).map(([topic, definition]) => [
      channelIdOf(topic),
      {
        address: topic,
        description: `Written by ${definition.from} alone. Key: ${definition.key}.`,
        messages: Object.fromEntries(messageIdsOf(definition).map((id) => [id, ref(`components/messages/${id}`)])),
        bindings: {
          kafka: {
            topic,
            partitions: definition.partitions,
            topicConfiguration: { 'cleanup.policy': [definition.cleanup] },
            bindingVersion: '0.5.0',
          },
        },
      },
    ]),
  );

const operations = () =>
  Object.fromEntries(
    Object.entries(TOPICS).flatMap(([topic, definition]: [string, TopicDefinition]) => {
      const id = channelIdOf(topic);
      const operation = (action: 'send' | 'receive', service: string) => [
        `${channelIdOf(service)}${action === 'send' ? 'Sends' : 'Receives'}${capitalised(id)}`,
        {
          action,
          channel: ref(`channels/${id}`),
          summary: `${service} ${action === 'send' ? 'writes' : 'reads'} ${topic}.`,
          ...(action === 'receive' && {
            bindings: { kafka: { groupId: { type: 'string', pattern: `^${service}(\\..+)?$` }, bindingVersion: '0.5.0' } },
          }),
        },
      ];
      return [operation('send', definition.from), ...definition.to.map((service) => operation('receive', service))];
    }),
  );

/** The AsyncAPI document of everything that the services say to each other. */
export const asyncApiDocument = (version: string) => ({
  asyncapi: '3.1.0',
  info: {
    title: 'Sallyport',
    version,
    description:
      'The events by which the services of Sallyport work together. Generated from libs/contracts by `npm run gen`; never edited by hand.',
    license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
  },
  defaultContentType: 'application/json',
  servers: {
    kafka: {
      host: '{brokers}',
      protocol: 'kafka-secure',
      description: 'The platform size. The embedded and the team size keep the same topics in PostgreSQL.',
      variables: { brokers: { description: 'Host and port of a broker.', default: 'localhost:9092' } },
    },
  },
  channels: channels(),
  operations: operations(),
  components: {
    schemas: { RecordHeaders: RECORD_HEADERS_SCHEMA },
    correlationIds: { callId: { description: 'The call.', location: '$message.header#/ce_correlationid' } },
    messages: messages(),
  },
});

export const asyncApiFiles = (version: string): GeneratedFile[] => [
  {
    path: 'libs/contracts/generated/asyncapi.yaml',
    content: `# Generated by \`npm run gen\` from libs/contracts. Do not edit.\n${stringify(asyncApiDocument(version), { lineWidth: 0, aliasDuplicateObjects: false })}`,
  },
];
