import { readFileSync } from 'node:fs';
import { type Cluster, startCluster, until } from '@sallyport/testing';
import type { BenchTool, LoadJob } from './load-protocol.ts';
import type { BenchSize, Tier } from './options.ts';
import { ProcessMeter, type ProcessRoots, parseStat } from './process-meter.ts';
import { type BenchUpstream, startUpstream } from './programs.ts';

/** The name under which the upstream is registered. */
const SERVER = 'bench';
const TENANT = 'acme';
const PRICE_MICROS = 25;

export const TOOL_OF: Readonly<Record<Tier, BenchTool>> = { read: 'echo', write: 'add' };
/** Each agent is granted what its tier needs and no more. */
const AGENT_OF: Readonly<Record<Tier, string>> = { read: 'triage', write: 'writer' };

const CATALOG = `server: ${SERVER}
defaults:
  owner: bench-team
  dataDomain: bench
  supportContact: the bench
  version: 1.0.0
  lifecycle: active
  lastReviewed: 2026-11-16
  costMicros: ${PRICE_MICROS}
  currency: USD
  pin: on-first-use
tools:
  ${TOOL_OF.read}: { tier: read }
  ${TOOL_OF.write}: { tier: write-low }
`;

/** What the harness of the end-to-end tests shortens is as shipped here, and every call is charged to limits that hold. */
const configurationOf = (upstreamUrl: string) => ({
  gateway: { decisionTimeoutMs: 8_000, callTtlMs: 60_000, drainTimeoutMs: 20_000 },
  audit: { checkpointSeconds: 60 },
  upstreams: [{ server: SERVER, tenant: TENANT, transport: { kind: 'http', url: upstreamUrl } }],
  budget: {
    limits: [
      { tenant: TENANT, account: `tenant:${TENANT}`, window: 'day', maxMicros: 1_000_000_000_000, currency: 'USD' },
      { tenant: TENANT, account: 'user:*', window: 'day', maxMicros: 1_000_000_000_000, currency: 'USD' },
    ],
  },
});

/** The product at one size with the upstream behind it, ready for calls. */
export interface Product {
  readonly size: BenchSize;
  readonly meter: ProcessMeter;
  /** Names and values of what PostgreSQL is told that bears on durability and memory. */
  readonly postgres: Readonly<Record<string, string>>;
  /** A load through the product, or straight to the upstream; tokens only for the former. */
  loadOf(
    arm: 'direct' | 'sallyport',
    tier: Tier,
    load: Pick<LoadJob, 'connections' | 'sessions' | 'until'>,
    workflows: number,
  ): Promise<LoadJob>;
  /** What PostgreSQL has done so far: commits, bytes of WAL, and syncs of it. Its sessions report when they are idle for a second. */
  postgresWork(): Promise<PostgresWork>;
  /** Calls on record by tier that ended well. */
  recordedCalls(): Promise<Readonly<Record<Tier, number>>>;
  /** Ends everything; Node writes its profiles then. */
  close(): Promise<void>;
}

/** What PostgreSQL did. */
export interface PostgresWork {
  readonly commits: number;
  readonly walBytes: number;
  readonly walSyncs: number;
}

/** Starts one size from the built programs and waits until its tools are pinned. Throws with what the processes said when it does not come up. */
export const startProduct = async (size: BenchSize, options: { readonly profileFolder: string | undefined }): Promise<Product> => {
  const upstream = await startUpstream();
  try {
    const cluster = await startCluster({
      size: size === 'embedded' ? 'embedded' : 'kafka-separate',
      edges: size === 'kafka-4' ? 4 : 1,
      catalog: { [SERVER]: CATALOG },
      grantedWrites: [`${SERVER}/${TOOL_OF.write}`],
      configuration: configurationOf(upstream.url),
      kafka: { isLasting: true },
      env: options.profileFolder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${options.profileFolder}` },
    });
    try {
      return await productOf(size, cluster, upstream);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  } catch (error) {
    await upstream.close();
    throw error;
  }
};

const productOf = async (size: BenchSize, cluster: Cluster, upstream: BenchUpstream): Promise<Product> => {
  const gateways = cluster.processes().filter(({ name }) => name === 'start' || name.startsWith('edge-gateway'));
  for (const { url, name } of gateways) {
    for (const tier of ['read', 'write'] as const) {
      await until(`${name} lists ${SERVER}/${TOOL_OF[tier]}`, async () => {
        const { text } = await cluster.fetchAs({ subject: 'ada', agent: AGENT_OF[tier] }, '/v1/tools', { base: url });
        return text.includes(`"${SERVER}/${TOOL_OF[tier]}"`) ? true : undefined;
      });
    }
  }
  const settings = await cluster.admin<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_connections') ORDER BY name`,
  );
  return {
    size,
    meter: new ProcessMeter({ ...(await rootsOf(cluster)), upstream: [upstream.pid] }),
    postgres: Object.fromEntries(settings.map(({ name, setting }) => [name, setting])),
    loadOf: async (arm, tier, load, workflows) => {
      const job = { ...load, tool: TOOL_OF[tier] };
      if (arm === 'direct') return { ...job, urls: [upstream.url], tokens: [] };
      const count = workflows === 0 ? load.sessions : workflows;
      const tokens = await Promise.all(
        Array.from({ length: count }, (_, n) => cluster.token({ subject: 'ada', agent: AGENT_OF[tier], workflow: `bench-${n}` })),
      );
      return { ...job, urls: gateways.map(({ url }) => `${url}/mcp/${SERVER}`), tokens };
    },
    postgresWork: async () => {
      const [work] = await cluster.admin<{ commits: number; walBytes: number; walSyncs: number }>(
        `SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())::float8 AS commits,
           (SELECT wal_bytes FROM pg_stat_wal)::float8 AS "walBytes",
           (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')::float8 AS "walSyncs"`,
      );
      if (work === undefined) throw new Error('PostgreSQL does not say what it did');
      return work;
    },
    recordedCalls: async () => {
      const rows = await cluster.admin<{ target: string; calls: number }>(
        `SELECT target, count(*)::int AS calls FROM audit_projector.call_record WHERE outcome = 'completed' AND target = ANY($1) GROUP BY target`,
        [Object.values(TOOL_OF).map((tool) => `${SERVER}/${tool}`)],
      );
      const callsOf = (tier: Tier): number => rows.find(({ target }) => target === `${SERVER}/${TOOL_OF[tier]}`)?.calls ?? 0;
      return { read: callsOf('read'), write: callsOf('write') };
    },
    close: async () => {
      await cluster.close();
      await upstream.close();
    },
  };
};

/** The processes of a cluster by what they are. PostgreSQL is found by a process that runs as long as it does, a child of its first one. */
const rootsOf = async (cluster: Cluster): Promise<ProcessRoots> => {
  const roots: Record<string, number[]> = {};
  for (const { name, pid } of cluster.processes()) {
    const group = name === 'start' ? 'sallyport' : name.replace(/-\d+$/, '');
    if (pid !== undefined) roots[group] = [...(roots[group] ?? []), pid];
  }
  const [checkpointer] = await cluster.admin<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`);
  if (checkpointer === undefined) throw new Error('PostgreSQL shows no checkpointer');
  roots.postgresql = [parseStat(readFileSync(`/proc/${checkpointer.pid}/stat`, 'utf8')).parent];
  if (cluster.kafka?.pid !== undefined) roots.broker = [cluster.kafka.pid];
  return roots;
};
