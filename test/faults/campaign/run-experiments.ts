import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Cluster, ROOT_FOLDER } from '@sallyport/testing';
import { Campaign, startCampaignCluster } from './campaign.ts';
import { type Breach, breachesIn } from './checks.ts';
import { collect, type Evidence } from './evidence.ts';
import { EXPERIMENTS, type Experiment } from './experiments.ts';
import { isAsExpected, type SentCall } from './mixed-calls.ts';
import type { FaultOptions } from './options.ts';
import { answerOf, countsOf, listed, type Spread, secondsOf, spreadOf } from './report.ts';

/** What agents saw while one thing was on. */
interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly calls: number;
  /** What they were told, how often. */
  readonly answers: Readonly<Record<string, number>>;
  /** How long who was answered waited, and who was answered as if nothing had been. */
  readonly waitedMs: Spread;
  readonly asExpectedMs: Spread;
  /** Until calls of every client went on; `null` where that was not asked, or took more than a minute. */
  readonly goesOnMs: number | null;
}

/** What came of one experiment. */
interface ExperimentReport {
  readonly experiment: string;
  readonly promise: string;
  readonly phases: readonly Phase[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly inDoubt: number;
  readonly breaches: readonly Breach[];
}

interface BegunPhase {
  readonly name: string;
  readonly atMs: number;
  goesOnMs: number | null;
}

const CALM_MS = 3_000;

/** Runs experiments one after another, each in a cluster of its own. Returns the exit code: 0 when every promise was kept. */
export const runExperiments = async ({ experiments, seed, json, out }: FaultOptions): Promise<number> => {
  const reports: ExperimentReport[] = [];
  const file = out ?? join(ROOT_FOLDER, 'fault-results', `experiments-${new Date().toISOString().replaceAll(':', '-')}.json`);
  mkdirSync(dirname(file), { recursive: true });
  for (const name of experiments) {
    const experiment = EXPERIMENTS[name];
    if (experiment === undefined) continue;
    const report = await runExperiment(name, experiment, seed, file);
    reports.push(report);
    writeFileSync(file, `${JSON.stringify({ seed, experiments: reports }, null, 2)}\n`);
    if (!json) process.stdout.write(printed(report));
  }
  if (json) process.stdout.write(`${JSON.stringify({ seed, experiments: reports })}\n`);
  process.stderr.write(`written to ${file}\n`);
  return reports.every(({ breaches }) => breaches.length === 0) ? 0 : 1;
};

/** What the processes said is kept beside the report when a promise was broken. */
const runExperiment = async (name: string, experiment: Experiment, seed: number, file: string): Promise<ExperimentReport> => {
  const begun: BegunPhase[] = [];
  const broken: Breach[] = [];
  let cluster: Cluster | undefined;
  let campaign: Campaign | undefined;
  let evidence: Evidence | null = null;
  let endedMs = 0;
  const ground = experiment.prepare?.() ?? {};
  try {
    cluster = await startCampaignCluster(experiment.size, ground);
    const running = await Campaign.start(cluster, seed);
    campaign = running;
    const begin = (phase: string): void => {
      running.calls.point = begun.length;
      begun.push({ name: phase, atMs: performance.now(), goesOnMs: null });
      process.stderr.write(`${name}: ${phase}\n`);
    };
    const goesOn = async (): Promise<void> => {
      const fromMs = performance.now();
      const tookMs = await running.goesOn(null, fromMs);
      const phase = begun.at(-1);
      if (phase !== undefined) phase.goesOnMs = tookMs;
      if (tookMs === null) broken.push({ promise: 'resumes', point: null, what: `calls did not go on: ${phase?.name}` });
    };
    begin('nothing is wrong');
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    await experiment.run({ cluster, campaign: running, begin, goesOn }, ground);
    begin('nothing is wrong any more');
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    await running.stopCalls();
    endedMs = performance.now();
    evidence = await collect(cluster, running.calls.sent, running.executions);
    broken.push(...breachesIn(evidence));
  } catch (error) {
    broken.push({
      promise: 'resumes',
      point: null,
      what: `the experiment ended: ${error instanceof Error ? error.message : String(error)}`,
    });
  }
  if (broken.length > 0) writeFileSync(`${file}.${name}.log`, `${cluster?.output().join('\n') ?? ''}\n`);
  await campaign?.close();
  await cluster?.close();
  ground.end?.();
  const sent = campaign?.calls.sent ?? [];
  return {
    ...{ experiment: name, promise: experiment.promise, breaches: broken },
    phases: begun.map((phase, n) =>
      phaseOf(
        phase,
        begun[n + 1]?.atMs ?? endedMs,
        sent.filter(({ point }) => point === n),
      ),
    ),
    outcomes: countsOf(evidence?.kept.map(({ outcome }) => outcome) ?? []),
    inDoubt: evidence?.callsInDoubt.length ?? 0,
  };
};

const phaseOf = ({ name, atMs, goesOnMs }: BegunPhase, untilMs: number, sent: readonly SentCall[]): Phase => ({
  ...{ name, goesOnMs },
  seconds: Math.round((untilMs - atMs) / 100) / 10,
  calls: sent.length,
  answers: countsOf(sent.map(answerOf)),
  waitedMs: spreadOf(sent.filter(({ reply }) => reply !== null).map(waitOf)),
  asExpectedMs: spreadOf(sent.filter(isAsExpected).map(waitOf)),
});

const waitOf = ({ sentAtMs, endedAtMs }: SentCall): number => endedAtMs - sentAtMs;

const printed = ({ experiment, promise, phases, outcomes, inDoubt, breaches }: ExperimentReport): string =>
  [
    `${experiment}: ${promise}`,
    ...phases.flatMap(({ name, seconds, calls, answers, asExpectedMs, waitedMs, goesOnMs }) => [
      `  ${name} (${seconds} s): ${calls} calls, ${listed(answers)}`,
      `    as ever after ${secondsOf(asExpectedMs.median)} s (at most ${secondsOf(asExpectedMs.max)} s), any answer after at most ${secondsOf(waitedMs.max)} s${goesOnMs === null ? '' : `, all go on after ${secondsOf(goesOnMs)} s`}`,
    ]),
    `  on record: ${listed(outcomes)}; in doubt and listed with its hold: ${inDoubt}`,
    ...breaches.map(({ promise: broken, what }) => `  BROKEN ${broken}: ${what}`),
    '',
  ].join('\n');
