import { randomBytes } from 'node:crypto';
import type { CallRecord } from '@sallyport/contracts';
import { type Cluster, type ServiceProcess, until } from '@sallyport/testing';
import { markedTrace, stepsIn } from './fault-trace.ts';
import { aWrite, FLOWS, type Flow, type Reply, send, sendPatiently, type Write } from './write-calls.ts';

/** A gateway that dies at a step of a write. */
export interface PlannedDeath {
  readonly flow: Flow;
  readonly step: string;
}

/** A write whose gateway died. */
export interface KilledWrite extends PlannedDeath {
  readonly write: Write;
  readonly traceId: string;
  readonly edge: string;
  /** Whether the gateway was started again, as the same instance; else another one must take over. */
  readonly isRestarted: boolean;
  /** What a retry with the same key was told as soon as the gateway was back; `null` where none was sent. */
  readonly retriedAtOnce: Reply | null;
}

const TRIES_MAX = 4;
const DEATH_DEADLINE_MS = 8_000;
const ENDED: ReadonlySet<string> = new Set(['completed', 'tool-error', 'failed', 'refused', 'cancelled', 'abandoned', 'in-doubt']);
/** What a write passes last; a claim that nobody waits for is settled beside the answer. */
const LAST_STEPS: Readonly<Record<Flow, readonly string[]>> = {
  plain: ['after the answer is released', 'after the claim is settled'],
  keyed: ['after the answer is released'],
  asked: ['after the answer is released'],
};

const aTrace = (): string => randomBytes(16).toString('hex');

/** Edges of a cluster, the first one first. */
export const edgesOf = (cluster: Cluster): readonly ServiceProcess[] =>
  cluster.processes().filter(({ name }) => name.startsWith('edge-gateway'));

/** The steps of a write that nothing comes in the way of, as a gateway that lives tells them. */
export const stepsOf = async (cluster: Cluster, edge: ServiceProcess, flow: Flow): Promise<readonly string[]> => {
  let reply: Reply | null = null;
  for (let n = 0; n < TRIES_MAX; n++) {
    const traceId = markedTrace('tell');
    reply = await send(cluster, edge.url, aWrite(flow), traceId);
    const isDone = reply?.status === 200 && reply.code === null;
    const steps = await until(`every step of a ${flow} write is told`, () => {
      const told = stepsIn(edge.lines, traceId);
      return !isDone || LAST_STEPS[flow].every((step) => told.includes(step)) ? told : undefined;
    });
    // A decision that came late is asked for again.
    if (isDone && !steps.some((step) => step.includes('Reevaluation'))) return steps;
  }
  throw new Error(`no ${flow} write went its way: ${JSON.stringify(reply)}`);
};

/** Every step of every flow, in order. */
export const allDeaths = async (cluster: Cluster, edge: ServiceProcess): Promise<readonly PlannedDeath[]> => {
  const deaths: PlannedDeath[] = [];
  for (const flow of FLOWS) for (const step of await stepsOf(cluster, edge, flow)) deaths.push({ flow, step });
  return deaths;
};

/**
 * Sends a write that kills its gateway at a step. A write that did not come to the step (a decision that came late took another way) is sent
 * anew. The gateway is dead when it resolves.
 */
const kill = async (cluster: Cluster, edge: ServiceProcess, { flow, step }: PlannedDeath): Promise<{ write: Write; traceId: string }> => {
  let isDead = false;
  void edge.dies().then(() => {
    isDead = true;
  });
  for (let n = 0; n < TRIES_MAX; n++) {
    const write = aWrite(flow);
    const traceId = markedTrace('die', step);
    await send(cluster, edge.url, write, traceId);
    await until('the gateway is dead', () => isDead || undefined, DEATH_DEADLINE_MS).catch(() => undefined);
    if (isDead) return { write, traceId };
  }
  throw new Error(`${edge.name} did not come to "${step}" of a ${flow} write in ${TRIES_MAX} of them`);
};

/** Kills a gateway for good. */
export const killForGood = async (cluster: Cluster, edge: ServiceProcess, planned: PlannedDeath): Promise<KilledWrite> => ({
  ...planned,
  ...(await kill(cluster, edge, planned)),
  ...{ edge: edge.name, isRestarted: false, retriedAtOnce: null },
});

/** Kills a gateway once for each planned death and starts it again, several side by side; a keyed write is sent again at once. */
export const killAndRestart = async (
  cluster: Cluster,
  edges: readonly ServiceProcess[],
  planned: readonly PlannedDeath[],
): Promise<readonly KilledWrite[]> => {
  const left = [...planned];
  const killed: KilledWrite[] = [];
  const work = async (edge: ServiceProcess): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { write, traceId } = await kill(cluster, edge, next);
      edge.start();
      await edge.ready();
      const retriedAtOnce = next.flow === 'keyed' ? await send(cluster, edge.url, write, aTrace()) : null;
      killed.push({ ...next, write, traceId, edge: edge.name, isRestarted: true, retriedAtOnce });
    }
  };
  await Promise.all(edges.map(work));
  return killed;
};

/** The record of a killed write once it has an end; `null` where the gateway died before it told anybody. */
export const endOf = async (cluster: Cluster, { step, traceId, flow }: KilledWrite, deadlineMs: number): Promise<CallRecord | null> => {
  const find = async () => (await cluster.record.calls({ traceId }))[0];
  if (step === 'before ToolCallRequested is appended') return (await find()) ?? null;
  return until(
    `a ${flow} write whose gateway died ${step} has an end on record`,
    async () => {
      const found = await find();
      return found !== undefined && ENDED.has(found.outcome) ? found : undefined;
    },
    deadlineMs,
  );
};

/** Sends the same write again, with the same key. */
export const sendAgain = (cluster: Cluster, edge: ServiceProcess, { write }: KilledWrite): Promise<Reply | null> =>
  sendPatiently(cluster, edge.url, write);
