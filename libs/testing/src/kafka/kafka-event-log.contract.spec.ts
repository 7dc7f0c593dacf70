import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CONTRACT_TOPICS,
  consumptionMigrations,
  type EventLogHarness,
  eventLogContract,
  type KafkaConnectionOptions,
  openKafkaEventLog,
  postgresPositions,
  resolvePoisonedChain,
  SocketPool,
} from '@sallyport/log';
import { type Database, type EmbeddedPostgres, openDatabase, startEmbeddedPostgres } from '@sallyport/platform';
import { afterAll, beforeAll, test } from 'vitest';
import { describeWithKafka } from './describe-with-kafka.js';
import { type KafkaBroker, startKafka } from './kafka-broker.js';

describeWithKafka('on Kafka', () => {
  let folder: string;
  let postgres: EmbeddedPostgres;
  let db: Database;
  let broker: KafkaBroker;
  let harness: EventLogHarness;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
    [postgres, broker] = await Promise.all([startEmbeddedPostgres({ dataDir: folder }), startKafka()]);
    db = await openDatabase({ url: postgres.url(), schema: 'consumer', applicationName: 'contract', migrations: consumptionMigrations() });
    harness = kafkaHarness({ brokers: broker.brokers }, db, true);
  });

  afterAll(async () => {
    await db?.close();
    await Promise.all([postgres?.stop(), broker?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  eventLogContract({ test }, () => harness);
});

const kafkaHarness = (connection: KafkaConnectionOptions, db: Database, createTopics: boolean): EventLogHarness => {
  const pools = new Map<object, SocketPool>();
  return {
    open: async () => {
      const sockets = new SocketPool();
      const log = await openKafkaEventLog({
        ...connection,
        sockets,
        topics: CONTRACT_TOPICS,
        createTopics,
        replicationFactor: 1,
        maxWaitMs: 200,
      });
      pools.set(log, sockets);
      return log;
    },
    // What the broker sees of a killed process: its connections end, nobody leaves the group.
    kill: async (log) => pools.get(log)?.cut(),
    positions: postgresPositions(db),
    db,
    resolvePoisonedChain: (group, key) => resolvePoisonedChain(db, group, key),
  };
};
