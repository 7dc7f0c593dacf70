import { type CallRecord, CallsInDoubt, HoldsInDoubt } from '@sallyport/contracts';
import { type Cluster, until } from '@sallyport/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeSizes } from '../e2e/sizes.js';
import { markedTrace, stepsIn } from './fault-trace.ts';
import { allDeaths, edgesOf, endOf, type KilledWrite, killAndRestart, killForGood, type PlannedDeath, sendAgain } from './killed-writes.ts';
import {
  aWrite,
  executions,
  executionsOf,
  grantEverything,
  type Reply,
  readAsOffice,
  send,
  sendPatiently,
  startFaultyCluster,
} from './write-calls.ts';

/** Everything here waits for processes; a machine that is busy takes its time. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 900_000 });

const SIZES = {
  'postgres-separate': 'the gateway dies at every step, on the PostgreSQL log',
  'kafka-separate': 'the gateway dies at some of the steps, on Kafka',
} as const;

/** Gateways that are killed and started again, side by side. */
const LANES = 2;
/** Gateways that are killed for good, and at which steps: others must find out by their silence. */
const FOR_GOOD: readonly PlannedDeath[] = [
  { flow: 'keyed', step: 'after ToolCallRequested is appended' },
  { flow: 'keyed', step: 'after ToolCallDispatched is appended' },
];
/** Where a gateway that is frozen has its dispatch on record, and nothing sent. */
const STANDS_STILL = 'after ToolCallDispatched is appended';
/** The second of a decision, as `libs/domain` has it. */
const DECISION_AGE_MS_MAX = 1_000;
/** Steps tried on Kafka beside those for good. */
const SAMPLE = 9;
/** A gateway is given up 15 to 30 s after its last sign of life, and looked for every few seconds. */
const RECOVERED_MS = 90_000;

const seedOf = (): number => Number(process.env.SALLYPORT_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

const sampleOf = (deaths: readonly PlannedDeath[], seed: number): readonly PlannedDeath[] => {
  const some = fc.shuffledSubarray([...deaths], { minLength: SAMPLE, maxLength: SAMPLE });
  const [chosen = []] = fc.sample(some, { seed, numRuns: 1 });
  return chosen;
};

interface Ended extends KilledWrite {
  readonly call: CallRecord | null;
  /** How often the upstream ran the call whose gateway died. */
  readonly executed: number;
  /** What a retry with the same key was told at last; `null` without a key. */
  readonly retried: Reply | null;
}

describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  let stopGranting: (() => Promise<void>) | undefined;
  let ended: readonly Ended[] = [];
  let planned: readonly PlannedDeath[] = [];

  beforeAll(async () => {
    const startedMs = performance.now();
    cluster = await startFaultyCluster({ size, edges: LANES + FOR_GOOD.length });
    stopGranting = grantEverything(cluster);
    const edges = edgesOf(cluster);
    const lanes = edges.slice(0, LANES);
    const [first] = lanes;
    if (first === undefined) throw new Error('there is no gateway');
    const seed = seedOf();
    const every = await allDeaths(cluster, first);
    planned = size === 'kafka-separate' ? sampleOf(every, seed) : every;
    const readyMs = performance.now();
    const forGood = await Promise.all(
      edges.slice(LANES).flatMap((edge, n) => {
        const death = FOR_GOOD[n];
        return death === undefined ? [] : [killForGood(cluster, edge, death)];
      }),
    );
    const killed = [...forGood, ...(await killAndRestart(cluster, lanes, planned))];
    const killedMs = performance.now();
    ended = await Promise.all(
      killed.map(async (write) => {
        const call = await endOf(cluster, write, RECOVERED_MS);
        return { ...write, call, executed: executionsOf(cluster, write.traceId), retried: null };
      }),
    );
    const endedMs = performance.now();
    const retried: Ended[] = [];
    for (const write of ended) retried.push({ ...write, retried: write.flow === 'plain' ? null : await sendAgain(cluster, first, write) });
    ended = retried;
    const seconds = (fromMs: number, toMs: number): number => Math.round((toMs - fromMs) / 100) / 10;
    console.info(
      [
        `${size}, seed ${seed}: ${killed.length} gateways killed at ${new Set(killed.map(({ flow, step }) => `${flow} ${step}`)).size} of ${every.length} steps`,
        `start ${seconds(startedMs, readyMs)} s, kills and restarts ${seconds(readyMs, killedMs)} s, recovery ${seconds(killedMs, endedMs)} s, retries ${seconds(endedMs, performance.now())} s`,
        ...ended.map(
          ({ flow, step, isRestarted, call, executed, retried }) =>
            `  ${flow}, ${step}${isRestarted ? '' : ', never started again'}: ${call?.outcome ?? 'not on record'}, executed ${executed}, retry ${retried === null ? '-' : (retried.code ?? retried.status)}`,
        ),
      ].join('\n'),
    );
  });
  afterAll(async () => {
    await stopGranting?.();
    await cluster?.close();
  });

  const inDoubt = (): readonly Ended[] => ended.filter(({ call }) => call?.outcome === 'in-doubt');
  const idsOf = (writes: readonly Ended[]): readonly string[] => writes.flatMap(({ call }) => (call === null ? [] : [call.callId])).sort();
  const tell = ({ flow, step, call, executed }: Ended): string =>
    `${flow}, ${step}: ${call?.outcome ?? 'not on record'}, executed ${executed}`;
  const but = (isWrong: (write: Ended) => boolean): readonly string[] => ended.filter(isWrong).map(tell);

  test('the gateway died between any two steps that were planned, before and after each thing that lasts', () => {
    expect(ended).toHaveLength(planned.length + FOR_GOOD.length);
    if (size === 'kafka-separate') return;
    const steps = new Set(planned.map(({ step }) => step));
    for (const what of ['ToolCallRequested', 'ToolCallParked', 'ToolCallResumed', 'ToolCallDispatched', 'ToolCallCompleted'])
      for (const when of ['before', 'after']) expect(steps).toContain(`${when} ${what} is appended`);
    for (const what of ['the claim is won', 'the claim is settled', 'the answer is kept in the claim', 'the answer is released'])
      for (const when of ['before', 'after']) expect(steps).toContain(`${when} ${what}`);
    for (const when of ['before the request is written', "after the request's bytes are written", "after the answer's body"])
      expect(steps).toContain(when);
  });

  test('no write was executed twice, whatever became of its gateway and however often it was sent with its key', () => {
    expect(but(({ executed }) => executed > 1)).toEqual([]);
    expect(but(({ write }) => executions(cluster, write) > 1)).toEqual([]);
  });

  test('what is on record says whether it was executed: completed once, given up never, and in doubt where nobody can know', () => {
    expect(but(({ call, executed }) => call?.outcome === 'completed' && executed !== 1)).toEqual([]);
    expect(but(({ call, executed }) => call?.outcome === 'abandoned' && executed !== 0)).toEqual([]);
    expect(but(({ call, executed }) => call === null && executed !== 0)).toEqual([]);
    expect(but(({ call }) => call !== null && !['completed', 'abandoned', 'in-doubt'].includes(call.outcome))).toEqual([]);
  });

  test('a call that never went out is not left in doubt, and one that may have gone out is never given up', async () => {
    for (const write of ended) {
      if (write.call === null) continue;
      const { types } = await cluster.record.call(write.call.callId);
      expect(types.includes('ToolCallDispatched'), tell(write)).toBe(write.call.outcome !== 'abandoned');
    }
  });

  test('a retry with the same key gets the answer or is told that it is gone, or runs what never ran, or is told that it is in doubt', () => {
    for (const write of ended.filter(({ flow }) => flow !== 'plain')) {
      const { call, retried } = write;
      const isDone = retried?.status === 200 && retried.code === null;
      const isTold = retried?.code === 'call.in-doubt' || retried?.code === 'result.not-retained';
      if (call?.outcome === 'in-doubt') expect(retried?.code, tell(write)).toBe('call.in-doubt');
      else if (call?.outcome === 'completed') expect(isDone || isTold, `${tell(write)}: ${retried?.text}`).toBe(true);
      else expect(isDone && executions(cluster, write.write) === 1, `${tell(write)}: ${retried?.text}`).toBe(true);
    }
  });

  test('every call in doubt is listed with its hold, and no other hold is left', async () => {
    const [edge] = edgesOf(cluster);
    const calls = CallsInDoubt.parse(await readAsOffice(cluster, edge?.url ?? '', '/v1/calls/in-doubt?limit=200'));
    expect(calls.calls.map(({ callId }) => callId).sort()).toEqual(idsOf(inDoubt()));
    const held = await until('only what is in doubt is held', async () => {
      const rows = await cluster.admin<{ call_id: string }>(`SELECT call_id FROM budget_accountant.call WHERE status = 'held' ORDER BY 1`);
      return rows.length === inDoubt().length ? rows.map(({ call_id }) => call_id) : undefined;
    });
    expect(held).toEqual(idsOf(inDoubt()));
    const holds = HoldsInDoubt.parse(await readAsOffice(cluster, cluster.service('budget-accountant').url, '/v1/budgets/in-doubt'));
    expect(holds.holds.map(({ callId }) => callId).sort()).toEqual(idsOf(inDoubt()));
  });

  test('a gateway that stands still behind its dispatch asks again, sends once under the new decision, and is paid once', async () => {
    const [edge] = edgesOf(cluster);
    if (edge === undefined) throw new Error('there is no gateway');
    const write = aWrite('keyed');
    const traceId = markedTrace('freeze', STANDS_STILL);
    const reply = send(cluster, edge.url, write, traceId);
    await until('the gateway stands still', () => stepsIn(edge.lines, traceId)[0]);
    const sinceMs = performance.now();
    await until('its decision is too old', () => performance.now() - sinceMs > DECISION_AGE_MS_MAX || undefined);
    edge.resume();
    expect(await reply).toMatchObject({ status: 200, code: null });
    expect(executions(cluster, write)).toBe(1);
    const { call, types } = await cluster.record.callOfTrace(traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'completed' });
    const own = types.filter((type) => type.startsWith('ToolCall'));
    expect(own.slice(0, 3)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallReevaluationRequested']);
    expect(own.slice(-2)).toEqual(['ToolCallDispatched', 'ToolCallCompleted']);
    const hold = await until('its price is booked', async () => {
      const [row] = await cluster.admin<{ status: string }>('SELECT status FROM budget_accountant.call WHERE call_id = $1', [call.callId]);
      return row?.status === 'held' ? undefined : row?.status;
    });
    expect(hold).toBe('closed');
  });

  test('the service goes on: every gateway that was started again runs a fresh write, and the record holds', async () => {
    for (const edge of edgesOf(cluster).slice(0, LANES)) {
      const write = aWrite('keyed');
      expect(await sendPatiently(cluster, edge.url, write)).toMatchObject({ status: 200, code: null });
      expect(executions(cluster, write)).toBe(1);
    }
    expect(await cluster.record.verify()).toMatchObject({ ok: true, faults: [] });
  });
});
