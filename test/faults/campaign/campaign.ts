import { setTimeout as delay } from 'node:timers/promises';
import { ApprovalPage } from '@sallyport/contracts';
import { type Cluster, type ClusterService, until } from '@sallyport/testing';
import fc from 'fast-check';
import { markedTrace } from '../fault-trace.ts';
import { allDeaths, type PlannedDeath } from '../killed-writes.ts';
import { type FaultyClusterOptions, readAsOffice, startFaultyCluster } from '../write-calls.ts';
import type { Breach } from './checks.ts';
import { ExecutionCount } from './evidence.ts';
import { type CallKind, isAsExpected, MixedCalls, NEVER_SENT, type SentCall } from './mixed-calls.ts';
import { type FaultSize, killableOf, type Victim } from './victims.ts';

/** One kill that is planned: the seed alone decides its moment, so a point is run again by its seed. */
export interface PlannedPoint {
  readonly victim: Victim;
  readonly seed: number;
}

/** One kill, and how it went. */
export interface Point extends PlannedPoint {
  readonly point: number;
  /** `at a random moment`, or the step of a write at which the gateway killed itself. */
  readonly moment: string;
  readonly inFlight: number;
  /** From its death until it said that it is ready. */
  readonly readyMs: number;
  /** From its death until calls sent after it went as if nothing had been; `null`: not within a minute. */
  readonly goesOnMs: number | null;
}

/** Clients side by side. With more the machine is busy with calls and not with coming back. */
const LANES = 8;
/** The upstream answers together whatever came within so long, so that a kill meets calls that are out. */
const ANSWERED_EVERY_MS = 20;
const GRANTED_EVERY_MS = 100;
const GOES_ON_MS = 60_000;
/** A write that was to kill its gateway at a step, and did not come there in this time, is followed by a plain kill. */
const STEP_MS = 4_000;
const OFFICE = { subject: 'grace', scopes: ['sallyport:approve', 'sallyport:audit', 'sallyport:operate'] };
/** A broker that is killed is let in again when its last session is over, and a service's partitions move when its is (defaults 9 s and 6 s). */
const SHORT_SESSIONS = { 'broker.session.timeout.ms': 3_000, 'broker.heartbeat.interval.ms': 500, 'group.min.session.timeout.ms': 1_000 };
const SESSION_TIMEOUT_MS = 3_000;

/** A product whose gateway is as patient as it comes, on a broker that lets go of the dead early. */
export const startCampaignCluster = (
  size: FaultSize,
  { kafka = {}, ...more }: Pick<FaultyClusterOptions, 'kafka' | 'programs' | 'prepare' | 'bundled'> = {},
): Promise<Cluster> => {
  const gateway = { decisionTimeoutMs: 8_000, callTtlMs: 60_000 };
  return size === 'embedded'
    ? startFaultyCluster({ ...more, size, configuration: { gateway } })
    : startFaultyCluster({
        ...more,
        size: 'kafka-separate',
        kafka: { ...kafka, properties: SHORT_SESSIONS },
        configuration: { gateway, log: { kafka: { sessionTimeoutMs: SESSION_TIMEOUT_MS } } },
      });
};

/** A stream of mixed calls through one cluster, and kills in it. */
export class Campaign {
  readonly calls: MixedCalls;
  readonly executions: ExecutionCount;
  readonly points: Point[] = [];
  /** What was seen at once; the rest is found in the evidence when all is over. */
  readonly breaches: Breach[] = [];
  private readonly cluster: Cluster;
  private readonly ending = new AbortController();
  private readonly background: Promise<void>[] = [];
  private approvalUrl: string;
  private steps: readonly PlannedDeath[] = [];

  private constructor(cluster: Cluster, seed: number) {
    this.cluster = cluster;
    this.approvalUrl = cluster.service('approval').url;
    this.calls = new MixedCalls(cluster, seed);
    this.executions = new ExecutionCount(cluster);
  }

  /** Calls begin to flow, approvals are granted, and it is known at which steps a gateway can be killed. */
  static async start(cluster: Cluster, seed: number): Promise<Campaign> {
    const campaign = new Campaign(cluster, seed);
    const [edge] = cluster.processes();
    campaign.background.push(campaign.grant());
    if (cluster.size !== 'embedded' && edge !== undefined) campaign.steps = await allDeaths(cluster, edge);
    cluster.upstream.calls.length = 0;
    for (const tool of ['echo', 'write', 'erase']) cluster.upstream.held.add(tool);
    campaign.background.push(campaign.answer());
    campaign.calls.start(LANES);
    return campaign;
  }

  /** Kills what is planned while calls are in flight, has it come back, and waits until calls go on. */
  async run({ victim, seed }: PlannedPoint): Promise<Point> {
    const point = this.points.length;
    const { calls, cluster } = this;
    calls.point = point;
    const target = killableOf(cluster, victim);
    const others = this.others(victim);
    const [{ afterMs, step }] = fc.sample(this.aMoment(victim), { seed, numRuns: 1 }) as [{ afterMs: number; step: PlannedDeath | null }];
    await delay(afterMs);
    if (calls.inFlight === 0) await calls.firstAfter(0, GOES_ON_MS, () => true);
    const { inFlight } = calls;
    const hasCome = step !== null && (await this.dieAt(step));
    if (!hasCome) await target.kill();
    const killedAtMs = performance.now();
    const goingOn = this.goesOn(victim, killedAtMs);
    await target.comeBack();
    const readyMs = performance.now() - killedAtMs;
    const goesOnMs = await goingOn;
    const moment = hasCome ? `${step.flow} write, ${step.step}` : 'at a random moment';
    const run: Point = { victim, seed, point, moment, inFlight, readyMs, goesOnMs };
    this.points.push(run);
    if (goesOnMs === null) this.breaches.push({ promise: 'resumes', point, what: `calls did not go on within ${GOES_ON_MS} ms` });
    for (const name of this.others(victim).filter((now, n) => now !== others[n]))
      this.breaches.push({ promise: 'resumes', point, what: `${name} is not what it was: it ended while ${victim} was killed` });
    this.look(point);
    return run;
  }

  /** Sends agents, or those who approve, to another process of the service from now on. */
  moveTo(service: ClusterService, url: string): void {
    if (service === 'edge-gateway') this.calls.url = url;
    if (service === 'approval') this.approvalUrl = url;
  }

  /** Ends the calls; approvals go on being granted until `close`. */
  async stopCalls(): Promise<void> {
    await this.calls.stop();
  }

  async close(): Promise<void> {
    await this.calls.stop();
    this.ending.abort();
    await Promise.all(this.background);
  }

  private aMoment(victim: Victim): fc.Arbitrary<{ afterMs: number; step: PlannedDeath | null }> {
    const steps = victim === 'edge-gateway' ? this.steps : [];
    return fc.record({
      afterMs: fc.integer({ min: 100, max: 700 }),
      step: steps.length === 0 ? fc.constant(null) : fc.option(fc.constantFrom(...steps), { freq: 2 }),
    });
  }

  /** Whether the gateway died at a step of a write of ours. */
  private async dieAt({ flow, step }: PlannedDeath): Promise<boolean> {
    const edge = this.cluster.service('edge-gateway');
    const kinds: Readonly<Record<PlannedDeath['flow'], CallKind>> = { plain: 'write', keyed: 'keyed', asked: 'asked' };
    const died = edge.dies().then(() => true);
    const traceId = markedTrace('die', step);
    void this.calls.send(kinds[flow], `${kinds[flow]}-${traceId}`, traceId);
    const timer = new AbortController();
    const isDead = await Promise.race([died, delay(STEP_MS, false, { signal: timer.signal, ref: true })]);
    timer.abort();
    return isDead;
  }

  /** Until calls sent after a kill are answered as if nothing had been, on every chain; and until what the victim does is done again. */
  async goesOn(victim: Victim | null, killedAtMs: number): Promise<number | null> {
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      this.calls.firstAfter(killedAtMs, GOES_ON_MS, (call) => call.lane === lane && isAsExpected(call)),
    );
    const asked = this.calls.firstAfter(killedAtMs, GOES_ON_MS, (call) => call.kind === 'asked' && isAsExpected(call));
    const ends: (number | null)[] = (await Promise.all(victim === 'approval' ? [...lanes, asked] : lanes)).map(
      (call) => call?.endedAtMs ?? null,
    );
    if (victim === 'audit-projector') {
      const call = await this.calls.firstAfter(killedAtMs, GOES_ON_MS, isAsExpected);
      ends.push(call === null ? null : await this.isOnRecord(call));
    }
    return ends.includes(null) ? null : Math.max(...ends.map(Number)) - killedAtMs;
  }

  private async isOnRecord({ traceId }: SentCall): Promise<number | null> {
    const find = async (): Promise<number | undefined> => {
      const rows = await this.cluster.admin(
        `SELECT 1 FROM audit_projector.call_record WHERE trace_id = $1 AND outcome NOT IN ('pending', 'waiting')`,
        [traceId],
      );
      return rows.length > 0 ? performance.now() : undefined;
    };
    return await until(`the call of trace ${traceId} is on record with its end`, find, GOES_ON_MS).catch(() => null);
  }

  /** What can be seen at once: nothing that may not be sent was sent, nothing was sent twice. */
  private look(point: number): void {
    const before = new Map(this.executions.byText);
    this.executions.take();
    for (const [text, times] of this.executions.byText) {
      if (times === before.get(text)) continue;
      const kind = text.split('-')[0] as CallKind;
      if (NEVER_SENT.has(kind)) this.breaches.push({ promise: 'decided', point, what: `${text} was executed` });
      if (times > 1) this.breaches.push({ promise: 'once', point, what: `${text} was executed ${times} times` });
    }
  }

  private others(victim: Victim): readonly string[] {
    const isVictim = (name: string): boolean => name === victim || victim === 'process';
    return this.cluster
      .processes()
      .filter(({ name }) => !isVictim(name))
      .map(({ name, pid }) => `${name} (${pid ?? 'gone'})`);
  }

  private async answer(): Promise<void> {
    while (!this.ending.signal.aborted) {
      this.cluster.upstream.release();
      await delay(ANSWERED_EVERY_MS);
    }
  }

  private async grant(): Promise<void> {
    while (!this.ending.signal.aborted) {
      // It may be what was killed.
      await this.grantPending(this.approvalUrl).catch(() => undefined);
      await delay(GRANTED_EVERY_MS);
    }
  }

  private async grantPending(base: string): Promise<void> {
    const { approvals } = ApprovalPage.parse(await readAsOffice(this.cluster, base, '/v1/approvals?status=pending&limit=200'));
    await Promise.all(
      approvals.map(({ approvalId }) =>
        this.cluster.fetchAs(OFFICE, `/v1/approvals/${approvalId}/grant`, { method: 'POST', body: {}, base }),
      ),
    );
  }
}
