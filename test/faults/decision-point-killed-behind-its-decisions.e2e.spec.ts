import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CallDetail, type EventData } from '@sallyport/contracts';
import { DECISION_AGE_MS_MAX } from '@sallyport/domain';
import { type Cluster, type RecordedCall, startCluster, until } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeSizes } from '../e2e/sizes.js';
import { markedTrace, stepsIn } from './fault-trace.ts';
import { aWrite, ENDS_AT_STEP, executions, type Reply, readAsOffice, send, sendPatiently, type Write } from './write-calls.ts';

/** Everything here waits for processes; a machine that is busy takes its time. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

const SIZES = {
  'postgres-separate': 'the decision point dies behind its decisions, on the PostgreSQL log',
  'kafka-separate': 'the decision point dies behind its decisions, on Kafka',
} as const;

/** Its position moves 100 ms after what it handled. */
const PUBLISHED = 'after PolicyDecided is appended';
const NO_WRITES = '@id("no-writes")\nforbid (principal, action == Action::"call", resource == Tool::"story/write");\n';
/** Calls wait for a decision point that is started again, on a broker that lets go of the dead early. */
const PATIENCE = { decisionTimeoutMs: 40_000, callTtlMs: 50_000 };
const SHORT_SESSIONS = { 'group.min.session.timeout.ms': 1_000 };
const SESSION_TIMEOUT_MS = 3_000;

describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      size,
      kafka: { properties: SHORT_SESSIONS },
      configuration: {
        gateway: PATIENCE,
        ...(size === 'kafka-separate' ? { log: { kafka: { sessionTimeoutMs: SESSION_TIMEOUT_MS } } } : {}),
      },
      bundled: ['edge-gateway', 'budget-accountant', 'approval', 'audit-projector'],
      env: { NODE_OPTIONS: ENDS_AT_STEP },
    });
  });
  afterAll(() => cluster?.close());

  const decisionPoint = () => cluster.service('policy-decision');
  const url = (): string => cluster.service('edge-gateway').url;

  /** Sends a write at whose decision the decision point dies, and starts it again with another policy. */
  const dieBehind = async (write: Write, declare: (file: string) => void): Promise<{ traceId: string; reply: Promise<Reply | null> }> => {
    const traceId = markedTrace('die', PUBLISHED);
    const dead = decisionPoint().dies();
    const reply = send(cluster, url(), write, traceId);
    await dead;
    // What it said last may be read after it has ended.
    expect(await until('it says where it ended', () => stepsIn(decisionPoint().lines, traceId)[0])).toBe(PUBLISHED);
    declare(join(cluster.folder, 'policies', 'no-writes.cedar'));
    decisionPoint().start();
    await decisionPoint().ready();
    return { traceId, reply };
  };

  /** What was published of the first evaluation of a call, in the order of the log, once it came again. */
  const publishedOf = async (traceId: string): Promise<readonly { readonly id: string; readonly effect: string }[]> =>
    until('what was decided is decided again', async () => {
      const [call] = await cluster.record.calls({ traceId });
      const { events } = call === undefined ? { events: [] } : await detailOf(call.callId);
      const published = events
        .toSorted((left, right) => Number(left.position) - Number(right.position))
        .flatMap(({ id, type, data }) => (type === 'PolicyDecided' ? [{ id, ...(data as EventData<'PolicyDecided'>) }] : []))
        .filter(({ evaluation }) => evaluation === 1);
      return published.length > 1 ? published.map(({ id, effect }) => ({ id, effect })) : undefined;
    });
  const detailOf = async (callId: string): Promise<CallDetail> =>
    CallDetail.parse(await readAsOffice(cluster, cluster.auditUrl, `/v1/audit/calls/${callId}`));
  const decisionsOf = async ({ call }: RecordedCall) =>
    (await detailOf(call.callId)).decisions.map(({ eventId, evaluation, effect }) => ({ eventId, evaluation, effect }));

  test('a call that it allowed stays allowed, under the one id, though it says no when it decides it again; no byte goes out by the old policy', async () => {
    const accountant = cluster.service('budget-accountant');
    const write = aWrite('keyed');
    // Until it answers the gateway waits with the decision in its hands.
    accountant.pause();
    const askedMs = performance.now();
    const { traceId, reply } = await dieBehind(write, (file) => writeFileSync(file, NO_WRITES));
    const published = await publishedOf(traceId);
    // In the same chain: whoever has this answer has read past the decision that came again.
    expect(await send(cluster, url(), aWrite('keyed'), markedTrace('tell'))).toMatchObject({ code: 'policy.denied' });
    // As long as it is fresh the first decision counts, whatever was declared since.
    await until('the decision is too old', () => (performance.now() - askedMs > DECISION_AGE_MS_MAX ? true : undefined));
    accountant.resume();
    expect(await reply).toMatchObject({ code: 'policy.denied' });
    expect(executions(cluster, write)).toBe(0);

    const id = published[0]?.id ?? '';
    expect(published).toEqual([
      { id, effect: 'allow' },
      { id, effect: 'deny' },
    ]);
    // The call's end and the decision that led to it are of two topics, and the record may have read one of them yet.
    const recorded = await until('both evaluations are on record', async () => {
      const found = await cluster.record.callOfTrace(traceId);
      return (await decisionsOf(found)).length > 1 ? found : undefined;
    });
    expect(recorded.call).toMatchObject({ outcome: 'refused', code: 'policy.denied', policyIds: ['no-writes'] });
    expect(recorded.types).toContain('ToolCallReevaluationRequested');
    expect(await decisionsOf(recorded)).toEqual([
      { eventId: id, evaluation: 1, effect: 'allow' },
      { eventId: expect.not.stringMatching(id), evaluation: 2, effect: 'deny' },
    ]);
  });

  test('a call that it denied stays denied, under the one id, though it says yes when it decides it again', async () => {
    const write = aWrite('keyed');
    const { traceId, reply } = await dieBehind(write, (file) => rmSync(file));
    expect(await reply).toMatchObject({ code: 'policy.denied' });
    const published = await publishedOf(traceId);
    const id = published[0]?.id ?? '';
    expect(published).toEqual([
      { id, effect: 'deny' },
      { id, effect: 'allow' },
    ]);
    // In the same chain, and after what came again.
    const next = aWrite('keyed');
    expect(await sendPatiently(cluster, url(), next)).toMatchObject({ status: 200, code: null });
    expect(executions(cluster, next)).toBe(1);
    expect(executions(cluster, write)).toBe(0);
    const recorded = await cluster.record.callOfTrace(traceId);
    expect(recorded.call).toMatchObject({ decision: 'deny', outcome: 'refused', code: 'policy.denied' });
    expect(await decisionsOf(recorded)).toEqual([{ eventId: id, evaluation: 1, effect: 'deny' }]);
  });

  test('the record of both holds, with every decision that was published', async () => {
    expect(await cluster.record.verify()).toMatchObject({ ok: true, faults: [] });
  });
});
