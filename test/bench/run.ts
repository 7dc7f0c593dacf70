import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { kafkaAvailable, ROOT_FOLDER, until } from '@sallyport/testing';
import { conditionsOf } from './conditions.ts';
import { type CpuProfile, type ProfileSummary, summarise } from './cpu-profile.ts';
import { type MemoryFigures, type MemoryUnderLoad, measureAtRest, measureUnderLoad } from './memory.ts';
import type { BenchOptions, BenchSize, Tier } from './options.ts';
import { type Product, startProduct } from './product.ts';
import { Quiet } from './quiet.ts';
import { profileReport, sizeReport, threadReport, verdictReport } from './report.ts';
import { measureSpeed, type SpeedSeries } from './speed.ts';
import { verdictsOf } from './targets.ts';

/** Everything that was measured of one size. */
interface SizeResult {
  readonly size: BenchSize;
  readonly postgres: Readonly<Record<string, string>>;
  readonly processes: Readonly<Record<string, number>>;
  /** CPU while nobody calls, as shares of one core, by group of processes. */
  readonly idleCpu: Readonly<Record<string, number>>;
  readonly idle: MemoryFigures | null;
  readonly speed: readonly SpeedSeries[];
  readonly underLoad: MemoryUnderLoad | null;
  /** Calls that were made, and those on record when all was over. */
  readonly made: Readonly<Record<Tier, number>>;
  readonly recorded: Readonly<Record<Tier, number>>;
  readonly errors: readonly string[];
}

const RECORD_DEADLINE_MS = 120_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const progress = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${line}\n`);

/** Measures what the options ask for, writes the file and prints. Resolves with the exit code. */
export const runBench = async (options: BenchOptions): Promise<number> => {
  // Every process of the product ends with this one, and each asks to be told.
  process.setMaxListeners(0);
  const kafka = kafkaAvailable();
  if (!kafka.ok && options.sizes.some((size) => size !== 'embedded')) {
    progress(`No broker can be started here (${kafka.reason}): choose --sizes embedded.`);
    return 1;
  }
  const startedAt = new Date().toISOString();
  const conditions = conditionsOf(options);
  const file = resolve(options.out ?? join(ROOT_FOLDER, 'bench-results', `${startedAt.replaceAll(':', '-').slice(0, 19)}.json`));
  mkdirSync(dirname(file), { recursive: true });
  const results: SizeResult[] = [];
  const profiles: { name: string; summary: ProfileSummary }[] = [];
  for (const size of options.sizes) {
    const profileFolder = options.profile ? mkdtempSync(`${file.replace(/\.json$/, '')}-profile-${size}-`) : undefined;
    const result = await measureSize(size, options, profileFolder).catch((error: unknown) => notMeasured(size, error));
    results.push(result);
    if (!options.json) say(sizeReport(result));
    const threads = result.speed.at(-1)?.runs.at(-1)?.threadMsPerCall;
    if (options.profile && !options.json && threads !== undefined) say(`\n${threadReport(threads)}`);
    if (profileFolder !== undefined) profiles.push(...readProfiles(profileFolder, result));
  }
  const verdicts = options.profile ? [] : verdictsOf(results);
  const output = { version: 1, startedAt, finishedAt: new Date().toISOString(), conditions, sizes: results, verdicts, profiles };
  const json = `${JSON.stringify(output, null, 2)}\n`;
  writeFileSync(file, json);
  if (options.json) say(json);
  else {
    for (const { name, summary } of profiles) say(profileReport(name, summary));
    if (!options.profile) say(verdictReport(verdicts, results));
    say(`\nEverything: ${file}`);
  }
  const errors = results.flatMap(({ size, errors: found }) => found.map((error) => `${size}: ${error}`));
  for (const error of errors) progress(`✗ ${error}`);
  const missed = verdicts.filter(({ met }) => !met).length;
  progress(`${errors.length} errors, ${verdicts.length - missed} of ${verdicts.length} targets met`);
  return errors.length > 0 || (options.strict && missed > 0) ? 1 : 0;
};

const measureSize = async (size: BenchSize, options: BenchOptions, profileFolder: string | undefined): Promise<SizeResult> => {
  progress(`${size}: starting`);
  const product = await startProduct(size, { profileFolder });
  let stopping: Promise<void> | undefined;
  const close = (): Promise<void> => {
    stopping ??= product.close();
    return stopping;
  };
  const onSignal = (): void => void close().finally(() => process.exit(1));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  try {
    return await measureProduct(product, options);
  } finally {
    await close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
};

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** A size that did not come up or broke off fails the whole, but not what was measured of the others. */
const notMeasured = (size: BenchSize, error: unknown): SizeResult => ({
  size,
  postgres: {},
  processes: {},
  idleCpu: {},
  idle: null,
  speed: [],
  underLoad: null,
  made: { read: 0, write: 0 },
  recorded: { read: 0, write: 0 },
  errors: [textOf(error)],
});

const measureProduct = async (product: Product, options: BenchOptions): Promise<SizeResult> => {
  const { size, meter, postgres } = product;
  const quiet = new Quiet(meter);
  const idleCpu = await quiet.learn();
  const wantsMemory = options.parts.includes('memory');
  const idle = wantsMemory ? await measureAtRest(product) : null;
  const idleShare = Object.values(idleCpu).reduce((sum, share) => sum + share, 0);
  progress(`${size}: at rest: ${(idleShare * 100).toFixed(1)} % of a core${idle === null ? '' : `, ${idle.totalMb} MB`}`);
  const speed = options.parts.includes('speed') ? await measureSpeed(product, quiet, options, progress) : [];
  const broken: string[] = [];
  const underLoad = wantsMemory
    ? await measureUnderLoad(product, quiet, options, progress).catch((error: unknown) => {
        broken.push(textOf(error));
        return null;
      })
    : null;
  const made = madeOf(speed, underLoad);
  const { recorded, error } = await recordOf(product, made);
  const result = { size, postgres, processes: meter.counts(), idleCpu, idle, speed, underLoad, made, recorded };
  return { ...result, errors: [...broken, ...errorsOf(speed, underLoad), ...(error === undefined ? [] : [error])] };
};

const madeOf = (speed: readonly SpeedSeries[], underLoad: MemoryUnderLoad | null): Record<Tier, number> => {
  const of = (tier: Tier): number =>
    speed
      .filter((series) => series.arm === 'sallyport' && series.tier === tier)
      .flatMap(({ runs }) => runs)
      .reduce((sum, run) => sum + run.made, 0);
  return { read: of('read') + (underLoad?.load.made ?? 0), write: of('write') };
};

/** Every call that was answered is on record as completed, or the measurement was of something else than the product. */
const recordOf = async (
  product: Product,
  made: Readonly<Record<Tier, number>>,
): Promise<{ readonly recorded: Readonly<Record<Tier, number>>; readonly error?: string }> => {
  let recorded = { read: 0, write: 0 };
  try {
    await until(
      'every call is on record',
      async () => {
        recorded = { ...(await product.recordedCalls()) };
        return recorded.read === made.read && recorded.write === made.write ? true : undefined;
      },
      RECORD_DEADLINE_MS,
    );
    return { recorded };
  } catch {
    return { recorded, error: `made ${JSON.stringify(made)} calls, but on record are ${JSON.stringify(recorded)}` };
  }
};

const errorsOf = (speed: readonly SpeedSeries[], underLoad: MemoryUnderLoad | null): readonly string[] => [
  ...speed.flatMap(({ arm, tier, inFlight, runs }) =>
    runs.flatMap(({ errors, calls }) => [
      ...Object.entries(errors).map(([text, count]) => `${arm}, ${tier}, ${inFlight} in flight: ${count} times ${text}`),
      ...(calls === 0 ? [`${arm}, ${tier}, ${inFlight} in flight: no call ended in the window`] : []),
    ]),
  ),
  ...Object.entries(underLoad?.load.errors ?? {}).map(([text, count]) => `memory: ${count} times ${text}`),
];

/** The profiles that Node wrote when the processes ended, cut to the last measured window. */
const readProfiles = (folder: string, { size, speed }: SizeResult): { name: string; summary: ProfileSummary }[] => {
  const window = speed.flatMap(({ runs }) => runs).at(-1)?.window;
  if (window === undefined) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .flatMap((name) => {
      const profile: CpuProfile = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      const entry = profile.nodes.find(({ callFrame }) => /\/apps\/[^/]+\/dist\/main\.js$/.test(callFrame.url))?.callFrame.url;
      const app = /\/apps\/([^/]+)\//.exec(entry ?? '')?.[1];
      return app === undefined ? [] : [{ name: `${size}, ${app}`, summary: summarise(profile, window) }];
    });
};
