import { setTimeout as delay } from 'node:timers/promises';
import type { LoadResult } from './load-protocol.ts';
import type { BenchOptions } from './options.ts';
import type { MemoryReading, MemoryUse } from './process-meter.ts';
import type { Product } from './product.ts';
import { SERVICE_GROUPS, STORE_GROUPS } from './product-groups.ts';
import { runLoad } from './programs.ts';
import type { Quiet } from './quiet.ts';
import { growthAfterWarmUp, median } from './statistics.ts';

/** Memory of the product, in megabytes (10^6 bytes), by group of processes and of all of them without the upstream. */
export interface MemoryFigures {
  readonly pssMb: Readonly<Record<string, number>>;
  readonly rssMb: Readonly<Record<string, number>>;
  /** Sum of `pssMb`: what is shared, PostgreSQL's buffers above all, counts once. */
  readonly totalMb: number;
}

/** Memory while many calls are made over many sessions, and after. */
export interface MemoryUnderLoad {
  readonly calls: number;
  readonly sessions: number;
  readonly inFlight: number;
  /** The reading with the greatest total. */
  readonly peak: MemoryFigures;
  /** At rest after the calls, with all sessions still open. */
  readonly after: MemoryFigures;
  /** Growth of the total from the second quarter of the load to its last, as a share. */
  readonly growthAfterWarmUp: number;
  /** The same of each group. */
  readonly growthByGroup: Readonly<Record<string, number>>;
  /** Totals in the order they were taken, every two seconds. */
  readonly series: readonly { readonly made: number; readonly totalMb: number }[];
  readonly load: LoadResult;
}

const IN_FLIGHT = 64;
const SAMPLE_EVERY_MS = 2_000;
const IDLE_SAMPLES = 5;
const BYTES_A_MB = 1_000_000;
const mb = (bytes: number): number => Math.round(bytes / BYTES_A_MB);

const byGroup = (reading: MemoryReading, pick: (use: MemoryUse) => number): Record<string, number> =>
  Object.fromEntries(Object.entries(reading).map(([name, use]) => [name, mb(pick(use))]));

/** Figures of a reading; what stands around the product is left out of the total. */
export const memoryFigures = (reading: MemoryReading): MemoryFigures => {
  const own = [...SERVICE_GROUPS, ...STORE_GROUPS];
  const total = own.reduce((sum, name) => sum + (reading[name]?.pss ?? 0), 0);
  return { pssMb: byGroup(reading, ({ pss }) => pss), rssMb: byGroup(reading, ({ rss }) => rss), totalMb: mb(total) };
};

/** The median of a few readings, a second apart. */
export const measureAtRest = async (product: Product): Promise<MemoryFigures> => {
  const readings: MemoryFigures[] = [];
  for (let n = 0; n < IDLE_SAMPLES; n++) {
    await delay(1_000);
    readings.push(memoryFigures(product.meter.memory()));
  }
  const middle = median(readings.map(({ totalMb }) => totalMb));
  const found = readings.find(({ totalMb }) => totalMb === middle);
  if (found === undefined) throw new Error('no reading of the memory');
  return found;
};

/** Makes many reads over many sessions, 64 in flight, and watches the memory meanwhile and after. */
export const measureUnderLoad = async (
  product: Product,
  quiet: Quiet,
  { calls, sessions, workflows }: Pick<BenchOptions, 'calls' | 'sessions' | 'workflows'>,
  onProgress: (line: string) => void,
): Promise<MemoryUnderLoad> => {
  const inFlight = Math.min(IN_FLIGHT, sessions);
  const job = await product.loadOf('sallyport', 'read', { connections: inFlight, sessions, until: { calls } }, workflows);
  const samples: { made: number; figures: MemoryFigures }[] = [];
  let made = 0;
  let told = 0;
  const sample = (): void => void samples.push({ made, figures: memoryFigures(product.meter.memory()) });
  let timer: NodeJS.Timeout | undefined;
  try {
    const load = await runLoad(job, {
      onBegun: () => {
        timer = setInterval(sample, SAMPLE_EVERY_MS);
      },
      onProgress: (count) => {
        made = count;
        if (count - told < calls / 10) return;
        told = count;
        onProgress(
          `${product.size}, memory: ${count} of ${calls} calls over ${sessions} sessions, ${samples.at(-1)?.figures.totalMb ?? '?'} MB`,
        );
      },
      onEnded: sample,
    });
    clearInterval(timer);
    await quiet.reached();
    const after = await measureAtRest(product);
    await load.close();
    const [first, ...others] = samples.map(({ figures }) => figures);
    if (first === undefined) throw new Error(`no reading of the memory: ${JSON.stringify(load.result.errors)}`);
    const peak = others.reduce((most, figures) => (figures.totalMb > most.totalMb ? figures : most), first);
    const growthOf = (name: string): number => growthAfterWarmUp(samples.map(({ figures }) => figures.pssMb[name] ?? Number.NaN));
    return {
      calls,
      sessions,
      inFlight,
      peak,
      after,
      growthAfterWarmUp: growthAfterWarmUp(samples.map(({ figures }) => figures.totalMb)),
      growthByGroup: Object.fromEntries(Object.keys(peak.pssMb).map((name) => [name, growthOf(name)])),
      series: samples.map(({ made: at, figures }) => ({ made: at, totalMb: figures.totalMb })),
      load: load.result,
    };
  } finally {
    clearInterval(timer);
  }
};
