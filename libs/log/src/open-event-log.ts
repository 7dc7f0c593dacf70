import { readFileSync } from 'node:fs';
import type { Service } from '@sallyport/contracts';
import { AppError } from '@sallyport/contracts';
import type { SallyportConfiguration } from '@sallyport/platform';
import type { EventLog, LogFault } from './event-log.port.js';
import { topicsOfService } from './kafka/access.js';
import { openKafkaEventLog } from './kafka/kafka-event-log.adapter.js';
import { openPostgresEventLog } from './postgres/postgres-event-log.adapter.js';

export interface OpenEventLogOptions {
  readonly configuration: SallyportConfiguration['log'];
  /** The service that will use it: its name at the broker, and the topics that must be there for it. */
  readonly service: Service;
  /** Addresses of the embedded log where the configuration names none, e.g. those of the embedded PostgreSQL. The role is the log's: a service's own may not set up the log. */
  readonly postgres?: { readonly url: string; readonly migrationsUrl?: string };
  /** Whether other processes use the embedded log; default `true`. */
  readonly otherProcesses?: boolean;
  /** How long an append waits before it rejects: a call should wait no longer for the log than for a decision. Default 30,000. */
  readonly appendTimeoutMs?: number;
  readonly report?: (fault: LogFault) => void;
}

/** Opens the log that the configuration names. Throws `configuration.invalid`, `store.unavailable` and `log.unavailable`. */
export const openEventLog = async ({
  configuration,
  service,
  postgres,
  otherProcesses,
  appendTimeoutMs,
  report,
}: OpenEventLogOptions): Promise<EventLog> => {
  const common = { ...(report === undefined ? {} : { report }), ...(appendTimeoutMs === undefined ? {} : { appendTimeoutMs }) };
  if (configuration.kind === 'postgres') {
    const url = configuration.postgres.url ?? postgres?.url;
    if (url === undefined)
      throw new AppError(
        'configuration.invalid',
        'log.postgres.url: the log has no database; set SALLYPORT_LOG_DATABASE_URL to the address of its role',
      );
    const migrationsUrl = configuration.postgres.migrationsUrl ?? postgres?.migrationsUrl;
    return await openPostgresEventLog({
      url,
      applicationName: `sallyport-${service}-log`,
      ...(migrationsUrl === undefined ? {} : { migrationsUrl }),
      ...(otherProcesses === undefined ? {} : { otherProcesses }),
      ...common,
    });
  }
  const { kafka } = configuration;
  if (kafka === undefined) throw new AppError('configuration.invalid', 'log.kafka: the brokers are not named');
  return await openKafkaEventLog({
    brokers: kafka.brokers,
    clientId: `${kafka.clientId}-${service}`,
    tls: typeof kafka.ssl === 'boolean' ? kafka.ssl : { ca: readFileSync(kafka.ssl.caFile, 'utf8') },
    ...(kafka.sasl === undefined ? {} : { sasl: kafka.sasl }),
    createTopics: kafka.createTopics,
    replicationFactor: kafka.replicationFactor,
    minInsyncReplicas: kafka.minInsyncReplicas,
    sessionTimeoutMs: kafka.sessionTimeoutMs,
    requiredTopics: topicsOfService(service),
    ...common,
  });
};
