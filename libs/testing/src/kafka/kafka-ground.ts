import { type EventLog, openKafkaEventLog } from '@sallyport/log';
import { startTestPostgres, type TestPostgres } from '../postgres/test-postgres.js';
import { startKafka } from './kafka-broker.js';

/** What a service stands on where its log is Kafka: a broker and a PostgreSQL of their own. */
export interface KafkaGround {
  readonly postgres: TestPostgres;
  /** Another client of the one log. */
  openLog(): Promise<EventLog>;
  stop(): Promise<void>;
}

/** Starts both side by side. */
export const startKafkaGround = async (): Promise<KafkaGround> => {
  const [broker, postgres] = await Promise.all([startKafka(), startTestPostgres()]);
  return {
    postgres,
    openLog: () => openKafkaEventLog({ brokers: broker.brokers, createTopics: true, replicationFactor: 1, maxWaitMs: 200 }),
    stop: async () => {
      await broker.stop();
      await postgres.stop();
    },
  };
};
