import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Cluster, ROOT_FOLDER } from '@sallyport/testing';
import { Campaign, startCampaignCluster } from './campaign.ts';
import { type Breach, breachesIn } from './checks.ts';
import { collect, type Evidence } from './evidence.ts';
import type { FaultOptions } from './options.ts';
import { printed, type VictimReport, victimReport } from './report.ts';
import { runExperiments } from './run-experiments.ts';

/** They are as new as the rest: `npm run faults` builds them. The gateway is watched in its modules. */
const BUNDLED = ['policy-decision', 'budget-accountant', 'approval', 'audit-projector'] as const;

type Run = FaultOptions['runs'][number];

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const secondsSince = (startedMs: number): number => Math.round((performance.now() - startedMs) / 100) / 10;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Kills every victim as often as asked, and tells what came of it. Returns the exit code: 0 when every promise was kept. */
export const runFaults = async (options: FaultOptions): Promise<number> => {
  const { runs, points, seed, sideBySide, json, experiments } = options;
  if (experiments.length > 0) return await runExperiments(options);
  const out = options.out ?? join(ROOT_FOLDER, 'fault-results', `${new Date().toISOString().replaceAll(':', '-')}.json`);
  mkdirSync(dirname(out), { recursive: true });
  say(`seed ${seed}: ${points} points each of ${runs.map(({ size, victim }) => `${victim} (${size})`).join(', ')}`);
  const reports: VictimReport[] = [];
  const left = [...runs];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const report = await killOften(next, options, out);
      reports.push(report);
      writeFileSync(out, `${JSON.stringify({ seed, points, sideBySide, victims: reports }, null, 2)}\n`);
      if (!json) process.stdout.write(printed(report));
    }
  };
  await Promise.all(Array.from({ length: Math.min(sideBySide, runs.length) }, work));
  if (json) process.stdout.write(`${JSON.stringify({ seed, points, sideBySide, victims: reports })}\n`);
  say(`written to ${out}`);
  return reports.every(({ breaches }) => breaches.length === 0) ? 0 : 1;
};

/** One victim in a cluster of its own. What the processes said is kept beside the report when a promise was broken. */
const killOften = async ({ size, victim }: Run, { points, seed }: FaultOptions, out: string): Promise<VictimReport> => {
  const startedMs = performance.now();
  const broken: Breach[] = [];
  let cluster: Cluster | undefined;
  let campaign: Campaign | undefined;
  let evidence: Evidence | null = null;
  try {
    cluster = await startCampaignCluster(size, { bundled: BUNDLED });
    campaign = await Campaign.start(cluster, seed);
    for (let n = 0; n < points; n++) {
      const { moment, inFlight, readyMs, goesOnMs } = await campaign.run({ victim, seed: seed + n });
      const goes = goesOnMs === null ? 'calls did not go on' : `calls go on after ${Math.round(goesOnMs)} ms`;
      say(
        `${victim} ${n + 1}/${points}, seed ${seed + n}: ${inFlight} in flight, ${moment}, ready after ${Math.round(readyMs)} ms, ${goes}`,
      );
    }
    await campaign.stopCalls();
    evidence = await collect(cluster, campaign.calls.sent, campaign.executions);
    broken.push(...breachesIn(evidence));
  } catch (error) {
    broken.push({ promise: 'resumes', point: campaign?.points.length ?? null, what: `the run ended: ${messageOf(error)}` });
  }
  const run = { size, victim, points: campaign?.points ?? [], sent: campaign?.calls.sent ?? [], evidence };
  const report = victimReport({ ...run, breaches: [...(campaign?.breaches ?? []), ...broken], seconds: secondsSince(startedMs) });
  if (report.breaches.length > 0) writeFileSync(`${out}.${size}-${victim}.log`, `${cluster?.output().join('\n') ?? ''}\n`);
  await campaign?.close();
  await cluster?.close();
  return report;
};
