import type { MemoryFigures, MemoryUnderLoad } from './memory.ts';
import type { BenchSize, Tier } from './options.ts';
import { SERVICE_GROUPS } from './product-groups.ts';
import type { SpeedFigures, SpeedSeries } from './speed.ts';
import { rounded } from './statistics.ts';

/** What was measured of one size. */
export interface SizeFigures {
  readonly size: BenchSize;
  readonly speed: readonly Pick<SpeedSeries, 'arm' | 'tier' | 'inFlight' | 'median'>[];
  readonly idle: MemoryFigures | null;
  readonly underLoad: MemoryUnderLoad | null;
}

/** One figure that is aimed at. */
export interface Target {
  readonly size: BenchSize;
  readonly what: string;
  readonly unit: string;
  /** Whether the figure may be at most or must be at least that. */
  readonly bound: 'at most' | 'at least';
  readonly aim: number;
  /** What a bare prototype of the hot path reached, without claims, inspection and telemetry; `null` where that was not measured. */
  readonly prototype: number | null;
  /** `undefined` when it was not measured in this run. */
  reached(figures: SizeFigures): number | undefined;
}

/** A target with what came of it. */
export interface Verdict extends Omit<Target, 'reached'> {
  readonly reached: number;
  readonly met: boolean;
}

const READ: Tier = 'read';

const through = ({ speed }: SizeFigures, inFlight: number): SpeedFigures | undefined =>
  speed.find((series) => series.arm === 'sallyport' && series.tier === READ && series.inFlight === inFlight)?.median;

/** CPU of the product's own processes, in milliseconds a call. */
export const servicesCpuMs = (cpuMsPerCall: Readonly<Record<string, number>>): number =>
  rounded(SERVICE_GROUPS.reduce((sum, name) => sum + (cpuMsPerCall[name] ?? 0), 0));

const p50At = (inFlight: number) => (figures: SizeFigures) => through(figures, inFlight)?.latencyMs.p50;
const rateAt = (inFlight: number) => (figures: SizeFigures) => {
  const rate = through(figures, inFlight)?.callsPerSecond;
  return rate === undefined ? undefined : Math.round(rate);
};

/** The aims of "Speed and memory", for two cores that load generator, upstream, PostgreSQL and broker share with the product. */
export const TARGETS: readonly Target[] = [
  { size: 'kafka', what: 'p50, 1 in flight', unit: 'ms', bound: 'at most', aim: 8, prototype: 5.5, reached: p50At(1) },
  {
    size: 'kafka',
    what: 'p99, 16 in flight',
    unit: 'ms',
    bound: 'at most',
    aim: 55,
    prototype: 45,
    reached: (figures) => through(figures, 16)?.latencyMs.p99,
  },
  { size: 'kafka', what: 'reads, 64 in flight', unit: '/s', bound: 'at least', aim: 700, prototype: 1_106, reached: rateAt(64) },
  {
    size: 'kafka',
    what: 'CPU a call, five services, 64 in flight',
    unit: 'ms',
    bound: 'at most',
    aim: 1.6,
    prototype: 1.2,
    reached: (figures) => {
      const found = through(figures, 64);
      return found === undefined ? undefined : servicesCpuMs(found.cpuMsPerCallInAll);
    },
  },
  { size: 'embedded', what: 'p50, 1 in flight', unit: 'ms', bound: 'at most', aim: 5, prototype: 3.5, reached: p50At(1) },
  { size: 'embedded', what: 'reads, 16 in flight', unit: '/s', bound: 'at least', aim: 750, prototype: 1_106, reached: rateAt(16) },
  { size: 'embedded', what: 'reads, 64 in flight', unit: '/s', bound: 'at least', aim: 1_000, prototype: 1_722, reached: rateAt(64) },
  {
    size: 'embedded',
    what: 'memory idle, with PostgreSQL',
    unit: 'MB',
    bound: 'at most',
    aim: 300,
    prototype: null,
    reached: ({ idle }) => idle?.totalMb,
  },
  {
    size: 'embedded',
    what: 'memory under load, with PostgreSQL',
    unit: 'MB',
    bound: 'at most',
    aim: 450,
    prototype: 382,
    reached: ({ underLoad }) => underLoad?.peak.totalMb,
  },
  {
    size: 'embedded',
    what: 'memory growth after warm-up',
    unit: '%',
    bound: 'at most',
    // Flat, as far as readings of a collected heap are.
    aim: 5,
    prototype: null,
    reached: ({ underLoad }) => (underLoad === null ? undefined : Math.round(underLoad.growthAfterWarmUp * 1_000) / 10),
  },
];

/** What another gateway of one process, with far less done for a call, reached on the same two cores: calls a second by calls in flight. */
export const NEIGHBOUR = {
  name: 'ToolHive vMCP',
  callsPerSecond: new Map([
    [1, 289],
    [16, 714],
    [64, 565],
  ]),
};

/** Every target of which something was measured. */
export const verdictsOf = (sizes: readonly SizeFigures[]): readonly Verdict[] =>
  TARGETS.flatMap(({ reached: measure, ...target }) => {
    const figures = sizes.find(({ size }) => size === target.size);
    const reached = figures === undefined ? undefined : measure(figures);
    if (reached === undefined || Number.isNaN(reached)) return [];
    return [{ ...target, reached, met: target.bound === 'at most' ? reached <= target.aim : reached >= target.aim }];
  });
