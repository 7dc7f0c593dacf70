import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CONTRACT_TOPICS,
  consumptionMigrations,
  type EventLogHarness,
  type KafkaConnectionOptions,
  openKafkaEventLog,
  postgresPositions,
  resolvePoisonedChain,
  SocketPool,
} from '@sallyport/log';
import { openDatabase, startEmbeddedPostgres } from '@sallyport/platform';

/** A database of its own for positions, and what the log's contract suite needs of Kafka. */
export const openKafkaContract = async (
  connection: KafkaConnectionOptions,
  createTopics: boolean,
): Promise<{ harness: EventLogHarness; close(): Promise<void> }> => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
  const postgres = await startEmbeddedPostgres({ dataDir: folder });
  const db = await openDatabase({
    url: postgres.url(),
    schema: 'consumer',
    applicationName: 'contract',
    migrations: consumptionMigrations(),
  });
  const pools = new Map<object, SocketPool>();
  return {
    harness: {
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
    },
    close: async () => {
      await db.close();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
