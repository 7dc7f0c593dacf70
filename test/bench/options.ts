import { parseArgs } from 'node:util';
import { countOf, listOf, numberOf } from '../command-line.ts';

/** `embedded`: `sallyport start`, everything in one process on its own PostgreSQL. `kafka`: five processes on a broker; `kafka-4`: with four edges. */
export const BENCH_SIZES = ['embedded', 'kafka', 'kafka-4'] as const;
export type BenchSize = (typeof BENCH_SIZES)[number];

/** Straight to the upstream, or through the product. */
export const ARMS = ['direct', 'sallyport'] as const;
export type Arm = (typeof ARMS)[number];

/** A tool that the catalog calls a read, and one that it calls a low-risk write. */
export const TIERS = ['read', 'write'] as const;
export type Tier = (typeof TIERS)[number];

export const PARTS = ['speed', 'memory'] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly sizes: readonly BenchSize[];
  readonly arms: readonly Arm[];
  readonly tiers: readonly Tier[];
  readonly parts: readonly Part[];
  readonly inFlight: readonly number[];
  readonly seconds: number;
  readonly warmup: number;
  readonly runs: number;
  /** How many workflows the sessions are spread over; 0: each session is one of its own. */
  readonly workflows: number;
  readonly calls: number;
  readonly sessions: number;
  readonly profile: boolean;
  readonly json: boolean;
  readonly strict: boolean;
  /** Path of the JSON file; `undefined` for one in `bench-results/`. */
  readonly out: string | undefined;
}

export const USAGE = `npm run bench [-- options]

What a call costs through Sallyport, beside the same call straight to the server: latency, throughput, CPU and memory,
with everything on and durable. Prints tables and writes everything to a JSON file. Ends with 1 when any call failed.

  --sizes LIST       of ${BENCH_SIZES.join(',')} (default: all; with --profile: embedded)
  --parts LIST       of ${PARTS.join(',')} (default: both)
  --arms LIST        of ${ARMS.join(',')} (default: both, in turn)
  --tiers LIST       of ${TIERS.join(',')} (default: both; with --profile: read)
  --in-flight LIST   calls in flight (default: 1,16,64; with --profile: 64)
  --seconds N        measured window (default: 10)
  --warmup N         before each window (default: 2; with --profile: 10)
  --runs N           of each window; medians are reported (default: 3; with --profile: 1)
  --workflows N      how many workflows the sessions belong to, each a chain of calls (default: one for each session)
  --calls N          of the memory part (default: 100000)
  --sessions N       of the memory part (default: 2000)
  --profile          records where the processes spend their time at a load, and prints the functions that lead
  --quick            windows of 2 s after 1 s, one run, 5,000 calls over 200 sessions: to see that it works
  --json             prints the JSON instead of the tables
  --out FILE         where to write the JSON (default: bench-results/<time>.json)
  --strict           ends with 1 when a target is missed, too
  --help             prints this
`;

/** Reads the command line; `'help'` when that is asked for. Throws with one line that says what does not fit. */
export const parseOptions = (args: readonly string[]): BenchOptions | 'help' => {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: text,
      parts: text,
      arms: text,
      tiers: text,
      'in-flight': text,
      seconds: text,
      warmup: text,
      runs: text,
      workflows: text,
      calls: text,
      sessions: text,
      out: text,
      profile: flag,
      quick: flag,
      json: flag,
      strict: flag,
      help: flag,
    },
  });
  if (values.help) return 'help';
  const { profile, quick } = values;
  const inFlight = (values['in-flight'] ?? (profile ? '64' : '1,16,64')).split(',').map((word) => countOf('in-flight', word, 1));
  return {
    sizes: listOf('sizes', values.sizes ?? (profile ? 'embedded' : BENCH_SIZES.join()), BENCH_SIZES),
    parts: listOf('parts', values.parts ?? (profile ? 'speed' : PARTS.join()), PARTS),
    arms: listOf('arms', values.arms ?? (profile ? 'sallyport' : ARMS.join()), ARMS),
    tiers: listOf('tiers', values.tiers ?? (profile ? 'read' : TIERS.join()), TIERS),
    inFlight,
    seconds: numberOf('seconds', values.seconds ?? (quick ? '2' : '10'), 0.5),
    warmup: numberOf('warmup', values.warmup ?? (quick ? '1' : profile ? '10' : '2'), 0),
    runs: countOf('runs', values.runs ?? (quick || profile ? '1' : '3'), 1),
    workflows: countOf('workflows', values.workflows ?? '0', 0),
    calls: countOf('calls', values.calls ?? (quick ? '5000' : '100000'), 1),
    sessions: countOf('sessions', values.sessions ?? (quick ? '200' : '2000'), 1),
    profile,
    json: values.json,
    strict: values.strict,
    out: values.out,
  };
};
