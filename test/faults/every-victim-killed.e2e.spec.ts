import type { Cluster } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeSizes } from '../e2e/sizes.js';
import { Campaign, startCampaignCluster } from './campaign/campaign.ts';
import { type Breach, breachesIn, PROMISES, type Promised } from './campaign/checks.ts';
import { collect, type Evidence } from './campaign/evidence.ts';
import { victimReport } from './campaign/report.ts';
import { type FaultSize, VICTIMS } from './campaign/victims.ts';

/** Everything here waits for processes; a machine that is busy takes its time. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

/** A run that went wrong is made again with `SALLYPORT_FAULT_SEED`, and at length by `npm run faults`. */
const SEED = Number(process.env.SALLYPORT_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 30));
const POINTS = 1;
const SIZES = {
  'kafka-separate': `each of the seven is killed while calls are in flight (seed ${SEED})`,
  embedded: `the one process and its PostgreSQL are killed while calls are in flight (seed ${SEED})`,
} as const;

describeSizes(SIZES, (clusterSize) => {
  const size: FaultSize = clusterSize === 'kafka-separate' ? 'kafka' : 'embedded';
  let cluster: Cluster;
  let campaign: Campaign;
  let evidence: Evidence;
  let breaches: readonly Breach[];

  beforeAll(async () => {
    const startedMs = performance.now();
    cluster = await startCampaignCluster(size);
    campaign = await Campaign.start(cluster, SEED);
    for (const victim of VICTIMS[size]) for (let n = 0; n < POINTS; n++) await campaign.run({ victim, seed: SEED + n });
    await campaign.stopCalls();
    evidence = await collect(cluster, campaign.calls.sent, campaign.executions);
    breaches = [...campaign.breaches, ...breachesIn(evidence)];
    const { points, calls } = campaign;
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    const { outcomes } = victimReport({ ...{ size, victim: 'postgresql', points, evidence, breaches, seconds }, sent: calls.sent });
    const went = points.map(({ victim, goesOnMs }) => `${victim} ${Math.round(goesOnMs ?? Number.NaN)} ms`);
    console.info(
      `${size}, seed ${SEED}, ${seconds} s, ${calls.sent.length} calls, ${JSON.stringify(outcomes)}: calls go on after ${went.join(', ')}`,
    );
  });
  afterAll(async () => {
    await campaign?.close();
    await cluster?.close();
  });

  test('every victim was killed while calls were in flight, and calls of every kind were sent', () => {
    expect(campaign.points.map(({ victim }) => victim)).toEqual(VICTIMS[size].flatMap((victim) => Array(POINTS).fill(victim)));
    expect(campaign.points.every(({ inFlight }) => inFlight > 0)).toBe(true);
    expect(evidence.executions.size).toBeGreaterThan(0);
    expect(evidence.kept.some(({ outcome }) => outcome === 'completed')).toBe(true);
  });

  test.each(Object.entries(PROMISES) as [Promised, string][])('%s: %s', (promised) => {
    expect(breaches.filter(({ promise }) => promise === promised).map(({ what }) => what)).toEqual([]);
  });
});
