import { type GroupLag, type ServiceStatus, TOPICS } from '@sallyport/contracts';
import { configurationInForce } from '@sallyport/platform';
import type { EventLog } from '../../event-log.port.js';
import type { ServiceRuntime } from '../service-runtime.js';

const POSITIONS = `SELECT group_name, topic, partition, position, moved_at FROM consumer_position ORDER BY group_name, topic, partition`;
const HELD_CHAINS = 'SELECT count(DISTINCT key)::int AS held FROM poisoned_chain';
/** Each process names its connections after its run; those of the same role are seen. */
const REPLICAS = `SELECT count(DISTINCT application_name)::int AS replicas FROM pg_stat_activity WHERE application_name LIKE $1`;

/** The name that the connections of one run of a service have; PostgreSQL keeps 63 bytes of it. */
export const connectionsOf = (service: string, run: string): string => `sallyport-${service} ${run}`;

interface PositionRow {
  readonly group_name: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly moved_at: Date | null;
}

/** How a service stands, as this process sees it. Throws `store.unavailable` and `log.unavailable`. */
export const serviceStatus = async (runtime: ServiceRuntime, startedAt: Date): Promise<ServiceStatus> => {
  const { service, version, database, log, health, configuration } = runtime;
  const [positions, held, replicas, readiness, records] = await Promise.all([
    database.query<PositionRow>(POSITIONS),
    database.query<{ held: number }>(HELD_CHAINS),
    database.query<{ replicas: number }>(REPLICAS, [`${connectionsOf(service, '')}%`]),
    health.readiness(),
    recordsOf(log, `${service}.dead-letter.v1`),
  ]);
  return {
    service,
    version,
    node: process.version,
    startedAt: startedAt.toISOString(),
    ...readiness,
    inFlight: health.inFlight,
    replicas: replicas.rows[0]?.replicas ?? 0,
    lag: await lagOf(log, positions.rows),
    deadLetters: { records, heldChains: held.rows[0]?.held ?? 0 },
    configuration: [...configurationInForce(configuration)],
  };
};

const recordsOf = async (log: EventLog, topic: string): Promise<number> => {
  if (!Object.hasOwn(TOPICS, topic)) return 0;
  return [...(await log.ends(topic)).values()].reduce((sum, end) => sum + Number(end), 0);
};

const lagOf = async (log: EventLog, rows: readonly PositionRow[]): Promise<GroupLag[]> => {
  const topics = [...new Set(rows.map(({ topic }) => topic))].filter((topic) => Object.hasOwn(TOPICS, topic));
  const ends = new Map(await Promise.all(topics.map(async (topic) => [topic, await log.ends(topic)] as const)));
  const lags = new Map<string, GroupLag>();
  for (const { group_name: group, topic, partition, position, moved_at: movedAt } of rows) {
    const end = ends.get(topic)?.get(partition);
    if (end === undefined) continue;
    const name = `${group} ${topic}`;
    const before = lags.get(name) ?? { group, topic, partitions: 0, behind: 0, movedAt: null };
    const moved = movedAt?.toISOString() ?? null;
    lags.set(name, {
      ...before,
      partitions: before.partitions + 1,
      behind: before.behind + Math.max(0, Number(end - BigInt(position))),
      movedAt: moved !== null && (before.movedAt === null || moved > before.movedAt) ? moved : before.movedAt,
    });
  }
  return [...lags.values()];
};
