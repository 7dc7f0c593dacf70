import type { LoadResult } from './load-protocol.ts';
import type { Arm, BenchOptions, Tier } from './options.ts';
import { cpuBetween } from './process-meter.ts';
import type { PostgresWork, Product } from './product.ts';
import { runLoad } from './programs.ts';
import type { Quiet } from './quiet.ts';
import { type LatencySummary, median, mediansByName, rounded } from './statistics.ts';

/** What a window, or the median of several, comes to. CPU is in milliseconds a call, by group of processes. */
export interface SpeedFigures {
  readonly callsPerSecond: number;
  readonly latencyMs: LatencySummary;
  /** CPU of the window over the calls of the window. */
  readonly cpuMsPerCall: Readonly<Record<string, number>>;
  /**
   * CPU from opening the sessions until all work is done, over all calls, without what an idle product uses while it is waited for: what is
   * deferred beyond the window counts here.
   */
  readonly cpuMsPerCallInAll: Readonly<Record<string, number>>;
  /** What PostgreSQL did from opening the sessions until all work was done, over all calls. */
  readonly postgresPerCall: PostgresWork;
}

/** One measured window. */
export interface SpeedRun extends LoadResult, SpeedFigures {
  /** CPU of the window by thread, over its calls; with `--profile` alone. */
  readonly threadMsPerCall: Readonly<Record<string, number>>;
  /** Whether the product came to rest after it. */
  readonly rested: boolean;
  /** Window in microseconds of the monotonic clock, as profiles have it. */
  readonly window: { readonly from: number; readonly to: number };
}

/** All runs of one arm with one tier and so many calls in flight, and the median of each of their figures. */
export interface SpeedSeries {
  readonly arm: Arm;
  readonly tier: Tier;
  readonly inFlight: number;
  readonly median: SpeedFigures;
  readonly runs: readonly SpeedRun[];
}

const MICROSECONDS = 1_000n;
const nowUs = (): number => Number(process.hrtime.bigint() / MICROSECONDS);

const perCall = (cpuMs: Readonly<Record<string, number>>, calls: number): Record<string, number> =>
  Object.fromEntries(Object.entries(cpuMs).map(([name, ms]) => [name, rounded(ms / Math.max(1, calls))]));

const runOnce = async (
  product: Product,
  quiet: Quiet,
  options: BenchOptions,
  arm: Arm,
  tier: Tier,
  inFlight: number,
): Promise<SpeedRun> => {
  const { seconds, warmup, workflows } = options;
  const until = { seconds, warmupSeconds: warmup };
  const job = await product.loadOf(arm, tier, { connections: inFlight, sessions: inFlight, until }, workflows);
  const { meter } = product;
  const workBefore = await product.postgresWork();
  const before = meter.cpu();
  let atBegin = before;
  let atEnd = before;
  let threads: Readonly<Record<string, number>> = {};
  let from = 0;
  let to = 0;
  const load = await runLoad(job, {
    onBegun: () => {
      atBegin = meter.cpu();
      if (options.profile) threads = meter.threads();
      from = nowUs();
    },
    onEnded: () => {
      atEnd = meter.cpu();
      if (options.profile) threads = cpuBetween(threads, meter.threads());
      to = nowUs();
    },
  });
  await load.close();
  const closedAt = performance.now();
  const rested = await quiet.reached();
  const inAll = quiet.withoutIdle(cpuBetween(before, meter.cpu()), performance.now() - closedAt);
  const work = await product.postgresWork();
  const { result } = load;
  const workPerCall = (pick: (did: PostgresWork) => number): number =>
    arm === 'direct' ? 0 : rounded((pick(work) - pick(workBefore)) / Math.max(1, result.made));
  return {
    ...result,
    cpuMsPerCall: perCall(cpuBetween(atBegin, atEnd), result.calls),
    cpuMsPerCallInAll: perCall(inAll, result.made),
    postgresPerCall: {
      commits: workPerCall(({ commits }) => commits),
      walBytes: Math.round(workPerCall(({ walBytes }) => walBytes)),
      walSyncs: workPerCall(({ walSyncs }) => walSyncs),
    },
    threadMsPerCall: perCall(threads, result.calls),
    rested,
    window: { from, to },
  };
};

/** Both arms in turn, for every tier and number of calls in flight, the whole as often as there are runs. */
export const measureSpeed = async (
  product: Product,
  quiet: Quiet,
  options: BenchOptions,
  onProgress: (line: string) => void,
): Promise<readonly SpeedSeries[]> => {
  const runs = new Map<string, SpeedRun[]>();
  const cells = options.inFlight.flatMap((inFlight) =>
    options.tiers.flatMap((tier) => options.arms.map((arm) => ({ arm, tier, inFlight }))),
  );
  const keyOf = ({ arm, tier, inFlight }: (typeof cells)[number]): string => `${arm} ${tier} ${inFlight}`;
  for (let n = 1; n <= options.runs; n++) {
    for (const cell of cells) {
      const { arm, tier, inFlight } = cell;
      const run = await runOnce(product, quiet, options, arm, tier, inFlight);
      const { p50, p99 } = run.latencyMs;
      const failed = Object.values(run.errors).reduce((sum, count) => sum + count, 0);
      onProgress(
        `${product.size}, run ${n} of ${options.runs}: ${arm}, ${tier}, ${inFlight} in flight: ${Math.round(run.callsPerSecond)}/s, p50 ${p50} ms, p99 ${p99} ms, longest gap ${Math.round(run.longestGapMs)} ms${failed > 0 ? `, ${failed} FAILED` : ''}`,
      );
      runs.set(keyOf(cell), [...(runs.get(keyOf(cell)) ?? []), run]);
    }
  }
  return cells.map((cell) => {
    const own = runs.get(keyOf(cell)) ?? [];
    return { ...cell, median: medianOf(own), runs: own };
  });
};

const medianOf = (runs: readonly SpeedRun[]): SpeedFigures => {
  const latency = (pick: (summary: LatencySummary) => number): number => median(runs.map(({ latencyMs }) => pick(latencyMs)));
  return {
    callsPerSecond: median(runs.map(({ callsPerSecond }) => callsPerSecond)),
    latencyMs: {
      p50: latency(({ p50 }) => p50),
      p95: latency(({ p95 }) => p95),
      p99: latency(({ p99 }) => p99),
      max: latency(({ max }) => max),
    },
    cpuMsPerCall: mediansByName(runs.map(({ cpuMsPerCall }) => cpuMsPerCall)),
    postgresPerCall: {
      commits: median(runs.map(({ postgresPerCall }) => postgresPerCall.commits)),
      walBytes: median(runs.map(({ postgresPerCall }) => postgresPerCall.walBytes)),
      walSyncs: median(runs.map(({ postgresPerCall }) => postgresPerCall.walSyncs)),
    },
    cpuMsPerCallInAll: mediansByName(runs.map(({ cpuMsPerCallInAll }) => cpuMsPerCallInAll)),
  };
};
