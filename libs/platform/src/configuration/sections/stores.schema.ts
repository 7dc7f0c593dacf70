import { SERVICES, type Service } from '@sallyport/contracts';
import { z } from 'zod';
import { milliseconds, reference, type Values } from '../values.js';

/** `policies` and `catalog`: folders of files under version control. */
export const policiesSchema = ({ path }: Values) =>
  z
    .strictObject({ folder: path().prefault('policies').describe('Folder of the policies and their tests.') })
    .prefault({})
    .describe('What is allowed.');

export const catalogSchema = ({ path }: Values) =>
  z
    .strictObject({ folder: path().prefault('catalog').describe('Folder of the server and tool records.') })
    .prefault({})
    .describe('Which tools exist. A tool without a complete record is not callable.');

/** `log`: where events are kept and handed on. */
export const logSchema = ({ databaseAddress, hostAndPort, secret, path }: Values) =>
  z
    .strictObject({
      kind: z
        .enum(['postgres', 'kafka'])
        .default('postgres')
        .describe('`postgres`: a table, for one process or a few. `kafka`: for services that scale on their own.'),
      postgres: z
        .strictObject({
          url: databaseAddress()
            .optional()
            .describe('Address for the role of the log. Without it: `database`. Variable: SALLYPORT_LOG_DATABASE_URL.')
            .meta({ example: reference('SALLYPORT_LOG_DATABASE_URL') }),
          migrationsUrl: databaseAddress()
            .optional()
            .describe('Address for the owner of the schema `log`. Variable: SALLYPORT_LOG_MIGRATIONS_DATABASE_URL.')
            .meta({ example: reference('SALLYPORT_LOG_MIGRATIONS_DATABASE_URL') }),
        })
        .prefault({})
        .describe('The log as a table.'),
      kafka: z
        .strictObject({
          brokers: z
            .array(hostAndPort())
            .min(1)
            .describe('First brokers to ask. Variable: SALLYPORT_KAFKA_BROKERS, separated by commas.')
            .meta({ example: ['broker-1:9092', 'broker-2:9092'] }),
          clientId: z
            .string()
            .min(1)
            .max(128)
            .default('sallyport')
            .describe('Name in the logs of the broker; the name of the service is put behind it.'),
          ssl: z
            .union([
              z.boolean(),
              z.strictObject({
                caFile: path()
                  .describe('Certificates of the authority that signed those of the brokers.')
                  .meta({ example: 'certs/ca.pem' }),
              }),
            ])
            .prefault(false)
            .describe('Whether to encrypt; with a file of authorities where the broker has certificates of your own.'),
          sasl: z
            .strictObject({
              mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).default('scram-sha-512').describe('How to prove who we are.'),
              username: secret()
                .describe('Variable: SALLYPORT_KAFKA_USERNAME.')
                .meta({ example: reference('SALLYPORT_KAFKA_USERNAME') }),
              password: secret()
                .describe('Variable: SALLYPORT_KAFKA_PASSWORD.')
                .meta({ example: reference('SALLYPORT_KAFKA_PASSWORD') }),
            })
            .optional()
            .describe('Credentials of this service; each service has its own, so that access lists can keep them apart.'),
          createTopics: z
            .boolean()
            .default(true)
            .describe('Whether to create missing topics at start; otherwise a missing one is a fault.'),
          replicationFactor: z.int().min(1).max(7).default(3).describe('Copies of the topics that are created.'),
          minInsyncReplicas: z.int().min(1).max(7).default(2).describe('Copies that must have an event before it counts.'),
          sessionTimeoutMs: milliseconds(1_000, 300_000)
            .default(6_000)
            .describe(
              'How long the partitions of a process that died stay with it, and what needs them waits; keep it below `gateway.decisionTimeoutMs`. The broker bounds it by group.min.session.timeout.ms, 6 s as it comes.',
            ),
        })
        .superRefine(({ replicationFactor, minInsyncReplicas }, context) => {
          if (minInsyncReplicas > replicationFactor)
            context.addIssue({ code: 'custom', path: ['minInsyncReplicas'], message: 'must not exceed replicationFactor' });
        })
        .optional()
        .describe('The log on Kafka.'),
    })
    .superRefine(({ kind, kafka }, context) => {
      if (kind === 'kafka' && kafka === undefined)
        context.addIssue({ code: 'custom', path: ['kafka'], message: 'is needed when kind is kafka' });
    })
    .prefault({})
    .describe('Where events are kept and handed on.');

/** `SALLYPORT_EDGE_GATEWAY_DATABASE_URL` */
export const databaseVariableOf = (service: Service): string => `SALLYPORT_${service.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`;
/** `SALLYPORT_EDGE_GATEWAY_MIGRATIONS_DATABASE_URL` */
export const migrationsVariableOf = (service: Service): string =>
  databaseVariableOf(service).replace('_DATABASE_URL', '_MIGRATIONS_DATABASE_URL');

/** `database`: PostgreSQL of the services. */
export const databaseSchema = ({ databaseAddress, path }: Values) => {
  const perService = (variableOf: (service: Service) => string, what: string) => {
    const address = (service: Service) =>
      databaseAddress()
        .optional()
        .describe(`${what} Variable: ${variableOf(service)}.`)
        .meta({ example: reference(variableOf(service)) });
    return z.strictObject({
      'edge-gateway': address('edge-gateway'),
      'policy-decision': address('policy-decision'),
      'budget-accountant': address('budget-accountant'),
      approval: address('approval'),
      'audit-projector': address('audit-projector'),
    } satisfies Record<(typeof SERVICES)[number], unknown>);
  };
  return z
    .strictObject({
      url: databaseAddress()
        .optional()
        .describe(
          'One database for all services; its role makes their schemas and roles. Without any address: the embedded PostgreSQL. Variable: DATABASE_URL.',
        )
        .meta({ example: reference('DATABASE_URL') }),
      urls: perService(databaseVariableOf, 'Address for the role of the service.')
        .prefault({})
        .describe('An address per service, where each runs alone.'),
      migrationsUrls: perService(migrationsVariableOf, 'Address for the owner of its schema.')
        .prefault({})
        .describe('Where migrations connect, when another role owns the schema.'),
      embeddedFolder: path().prefault('.sallyport/postgres').describe('Data of the embedded PostgreSQL.'),
      maxConnectionsPerService: z.int().min(2).max(200).default(8).describe('Most connections of one service.'),
      connectTimeoutMs: milliseconds(100, 60_000).default(5_000).describe('How long a connection may take.'),
      statementTimeoutMs: milliseconds(100, 600_000).default(30_000).describe('After how long PostgreSQL gives up a statement.'),
    })
    .prefault({})
    .describe('PostgreSQL of the services. Each has a schema and a role of its own.');
};

/** `sealing`, `audit` and `telemetry`. */
export const sealingSchema = ({ path }: Values) =>
  z
    .strictObject({
      rootKeyFile: path()
        .optional()
        .describe('File of the root key, mode 0600. Without file and variable: .sallyport/keys/root.key, made when missing.')
        .meta({ example: 'keys/root.key' }),
      rootKeyEnv: z
        .string()
        .regex(/^[A-Z_][A-Z0-9_]*$/, 'must be the name of a variable, not its value')
        .optional()
        .describe('Name of the variable that holds the root key. SALLYPORT_ROOT_KEY is used when it is set and nothing else is given.')
        .meta({ example: 'SALLYPORT_ROOT_KEY' }),
    })
    .superRefine(({ rootKeyFile, rootKeyEnv }, context) => {
      if (rootKeyFile !== undefined && rootKeyEnv !== undefined)
        context.addIssue({ code: 'custom', message: 'give rootKeyFile or rootKeyEnv, not both' });
    })
    .prefault({})
    .describe('The root key, from which every other key comes.');

export const auditSchema = ({ path }: Values) =>
  z
    .strictObject({
      checkpointSeconds: z
        .int()
        .min(1)
        .max(86_400)
        .default(60)
        .describe('Time between two signed checkpoints: how much of the end of the record could be cut off unseen.'),
      signingKeyFile: path()
        .prefault('.sallyport/keys/audit-signing.jwk.json')
        .describe('Private key (Ed25519, JSON Web Key) that signs checkpoints; made with mode 0600 when missing.'),
      traceUrlTemplate: z
        .url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' })
        .max(2_048)
        .refine((address) => address.includes('{traceId}'), 'must contain {traceId}')
        .optional()
        .describe('Where your tracing system shows a trace; {traceId} stands for its id. The page of a call links there.')
        .meta({ example: 'https://tracing.example/trace/{traceId}' }),
    })
    .prefault({})
    .describe('The record of what happened.');

export const telemetrySchema = () =>
  z
    .strictObject({})
    .prefault({})
    .describe('Nothing here: traces and metrics go where the standard OTEL_ variables say, e.g. OTEL_EXPORTER_OTLP_ENDPOINT.');
