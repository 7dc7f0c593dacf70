import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ApprovalDetail, ApprovalPage, CallsInDoubt, HoldsInDoubt, type StoredEvent } from '@sallyport/contracts';
import { type Cluster, until } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { describeSizes } from '../e2e/sizes.js';
import { markedTrace, stepsIn } from './fault-trace.ts';
import {
  aWrite,
  executions,
  executionsOf,
  grantEverything,
  readAsOffice,
  send,
  sendPatiently,
  startFaultyCluster,
  type Write,
} from './write-calls.ts';

/** Everything here waits for processes; a machine that is busy takes its time. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

const SIZES = {
  'postgres-separate': 'on the PostgreSQL log',
  'kafka-separate': 'on Kafka',
} as const;
const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url));
/** A frozen gateway is woken within the second that a decision is good for, or the call would end by that. */
const TRIES_MAX = 5;

interface HungUp {
  readonly write: Write;
  readonly callId: string;
  readonly types: readonly string[];
  readonly cancelled: unknown;
}

/** What is on record, and what becomes of hold, claim and approval, when the client of a write hangs up. */
describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  let undo: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    cluster = await startFaultyCluster({ size });
  });
  afterEach(async () => {
    await undo();
    undo = async () => undefined;
  });
  afterAll(async () => await cluster?.close());

  const aTrace = (): string => randomBytes(16).toString('hex');
  const url = (): string => cluster.gatewayUrl;
  const dataOf = (events: readonly StoredEvent[], type: string): unknown => events.find((event) => event.type === type)?.data;
  /** The call of a client that hung up, once the record has its end. */
  const endOf = async (write: Write, traceId: string): Promise<HungUp> =>
    until(`the end of ${write.text} is on record`, async () => {
      const { call, types, events } = await cluster.record.callOfTrace(traceId);
      if (call.outcome === 'waiting') return undefined;
      return { write, callId: call.callId, types, cancelled: dataOf(events, 'ToolCallCancelled') };
    });
  const holdOf = async (callId: string): Promise<string | undefined> => {
    const [row] = await cluster.admin<{ status: string }>('SELECT status FROM budget_accountant.call WHERE call_id = $1', [callId]);
    return row?.status;
  };
  /** Resolves when the hold of a call has ended, with how: given back, or spent. */
  const holdEnded = (callId: string): Promise<string> =>
    until('the hold has ended', async () => {
      const status = await holdOf(callId);
      return status === 'held' ? undefined : (status ?? 'none');
    });
  const claimOf = async (callId: string): Promise<{ has_key: boolean; has_grant: boolean } | null> => {
    const find = () =>
      cluster.admin<{ has_key: boolean; has_grant: boolean; is_settled: boolean }>(
        `SELECT idempotency_scope IS NOT NULL AS has_key, approval_id IS NOT NULL AS has_grant, settled_at IS NOT NULL AS is_settled
           FROM edge_gateway.dispatch_claims WHERE call_id = $1`,
        [callId],
      );
    return until('the claim is settled', async () => {
      const [row] = await find();
      if (row === undefined) return null;
      return row.is_settled ? { has_key: row.has_key, has_grant: row.has_grant } : undefined;
    });
  };
  const approvalOf = async (text: string): Promise<ApprovalDetail | undefined> => {
    const { url: base } = cluster.service('approval');
    const { approvals } = ApprovalPage.parse(await readAsOffice(cluster, base, '/v1/approvals?limit=200'));
    const details = await Promise.all(
      approvals.map(async ({ approvalId }) => ApprovalDetail.parse(await readAsOffice(cluster, base, `/v1/approvals/${approvalId}`))),
    );
    return details.find(({ paramsMasked }) => JSON.stringify(paramsMasked).includes(text));
  };
  /**
   * Freezes the gateway at a step of a write, hangs up, and lets it go on: it finds the client gone at the next thing it waits for. Sent anew
   * where the gateway slept so long that its decision grew too old.
   */
  const hangUpAt = async (flow: Write['flow'], step: string): Promise<HungUp> => {
    const edge = cluster.service('edge-gateway');
    for (let n = 0; n < TRIES_MAX; n++) {
      const write = aWrite(flow);
      const traceId = markedTrace('freeze', step);
      const client = new AbortController();
      const reply = send(cluster, url(), write, traceId, client.signal);
      const isThere = await Promise.race([
        until(`the gateway is frozen ${step}`, () => stepsIn(edge.lines, traceId)[0]),
        reply.then(() => null),
      ]);
      client.abort();
      await reply;
      edge.resume();
      if (isThere === null) continue;
      const hungUp = await endOf(write, traceId);
      if (hungUp.types.includes('ToolCallCancelled')) return hungUp;
    }
    throw new Error(`no ${flow} write was hung up ${step}`);
  };

  test('while the decision is awaited: cancelled before it was sent, nothing held, nothing claimed, the key free', async () => {
    const write = aWrite('keyed');
    const traceId = aTrace();
    const client = new AbortController();
    undo = await cluster.holdDecisions();
    const reply = send(cluster, url(), write, traceId, client.signal);
    const callId = await until('the request is on record', async () => (await cluster.record.calls({ traceId }))[0]?.callId);
    await until('its price is held', async () => ((await holdOf(callId)) === 'held' ? true : undefined));
    client.abort();
    expect(await reply).toBeNull();
    expect((await endOf(write, traceId)).cancelled).toMatchObject({ stage: 'requested', reached: 'no' });
    expect(await holdEnded(callId)).not.toBe('held');
    expect(await claimOf(callId)).toBeNull();
    await undo();
    expect(await sendPatiently(cluster, url(), write)).toMatchObject({ status: 200, code: null });
    expect(executionsOf(cluster, traceId)).toBe(0);
    expect(executions(cluster, write)).toBe(1);
  });

  test('while people are asked: cancelled as parked, nothing held or claimed, the question taken back, and a grant too late starts nothing', async () => {
    const write = aWrite('asked');
    const traceId = aTrace();
    const client = new AbortController();
    const reply = send(cluster, url(), write, traceId, client.signal);
    await until('people are asked', () => approvalOf(write.text));
    client.abort();
    expect(await reply).toBeNull();
    const { callId, cancelled, types } = await endOf(write, traceId);
    expect(cancelled).toMatchObject({ stage: 'parked', reached: 'no' });
    expect(types).not.toContain('ToolCallDispatched');
    expect(await holdEnded(callId)).toBe('released');
    expect(await claimOf(callId)).toBeNull();
    const withdrawn = await until('the question is taken back', async () => {
      const approval = await approvalOf(write.text);
      return approval?.status === 'pending' ? undefined : approval;
    });
    expect(withdrawn).toMatchObject({ status: 'withdrawn', waitingCalls: 0 });
    const base = cluster.service('approval').url;
    const late = await cluster.fetchAs({ subject: 'grace', scopes: ['sallyport:approve'] }, `/v1/approvals/${withdrawn.approvalId}/grant`, {
      method: 'POST',
      body: {},
      base,
    });
    expect(late.status).toBe(409);
    // Asked again, people are asked again, and only then is it run.
    const stop = grantEverything(cluster);
    undo = stop;
    expect(await sendPatiently(cluster, url(), write)).toMatchObject({ status: 200, code: null });
    expect(executionsOf(cluster, traceId)).toBe(0);
    expect(executions(cluster, write)).toBe(1);
  });

  test('dispatched, before the first byte: cancelled as not sent, the price given back, and the key free', async () => {
    const { write, callId, cancelled } = await hangUpAt('keyed', 'before ToolCallDispatched is appended');
    expect(cancelled).toMatchObject({ stage: 'dispatched', reached: 'no' });
    expect(executions(cluster, write)).toBe(0);
    expect(await holdEnded(callId)).toBe('released');
    expect(await claimOf(callId)).toMatchObject({ has_key: false });
    expect(await sendPatiently(cluster, url(), write)).toMatchObject({ status: 200, code: null });
    expect(executions(cluster, write)).toBe(1);
  });

  test('dispatched with a grant, before the first byte: the grant is used up all the same, and people are asked again', async () => {
    undo = grantEverything(cluster);
    const { write, callId, cancelled } = await hangUpAt('asked', 'before ToolCallDispatched is appended');
    expect(cancelled).toMatchObject({ stage: 'dispatched', reached: 'no' });
    expect(executions(cluster, write)).toBe(0);
    expect(await claimOf(callId)).toMatchObject({ has_key: false, has_grant: true });
    const used = await approvalOf(write.text);
    expect(used?.status).toBe('used');
    expect(await sendPatiently(cluster, url(), write)).toMatchObject({ status: 200, code: null });
    expect((await approvalOf(write.text))?.approvalId).not.toBe(used?.approvalId);
    expect(executions(cluster, write)).toBe(1);
  });

  /** Calls in doubt that are listed, and those of them that a price is held for. */
  const listed = async (): Promise<readonly string[]> =>
    CallsInDoubt.parse(await readAsOffice(cluster, url(), '/v1/calls/in-doubt?limit=200')).calls.map(({ callId }) => callId);
  const listedHolds = async (): Promise<readonly string[]> => {
    const base = cluster.service('budget-accountant').url;
    return HoldsInDoubt.parse(await readAsOffice(cluster, base, '/v1/budgets/in-doubt')).holds.map(({ callId }) => callId);
  };
  const cli = async (...args: string[]): Promise<string> => {
    const token = await cluster.token({ subject: 'grace', scopes: ['sallyport:operate'] });
    const env = { PATH: process.env.PATH ?? '', SALLYPORT_URL: url(), SALLYPORT_TOKEN: token };
    return (await run(process.execPath, [PROGRAM, 'call', ...args], { env })).stdout;
  };
  /** Sends a write whose tool works until the fault happens; resolves with its call once that is in doubt. */
  const loseAfterBytes = async (write: Write, fault: (client: AbortController) => Promise<void> | void) => {
    const { upstream } = cluster;
    const traceId = aTrace();
    const client = new AbortController();
    const before = upstream.callsOf('write').length;
    upstream.held.add('write');
    const reply = send(cluster, url(), write, traceId, client.signal);
    await upstream.arrival('write', before);
    await fault(client);
    const told = await reply;
    // Not before the gateway has heard of it: until then the tool's answer would be the call's end.
    const { call } = await cluster.record.callOfTrace(traceId);
    upstream.held.delete('write');
    upstream.release();
    expect(call).toMatchObject({ outcome: 'in-doubt', code: 'call.in-doubt' });
    await until('it is listed with its hold', async () =>
      (await listed()).includes(call.callId) && (await listedHolds()).includes(call.callId) ? true : undefined,
    );
    expect(await sendPatiently(cluster, url(), write)).toMatchObject({ code: 'call.in-doubt' });
    expect(executions(cluster, write)).toBe(1);
    return { callId: call.callId, told };
  };

  test('after the bytes: in doubt, listed with its hold, and never run twice; executed, says a person, and the price is spent', async () => {
    const write = aWrite('keyed');
    const { callId, told } = await loseAfterBytes(write, (client) => client.abort());
    expect(told).toBeNull();
    expect(await cli('list', '--in-doubt')).toContain(callId);
    await cli('resolve', callId, '--executed', '--note', 'it is there');
    expect(await holdEnded(callId)).toBe('closed');
    expect(await claimOf(callId)).toMatchObject({ has_key: true });
    expect(await sendPatiently(cluster, url(), write)).toMatchObject({ code: 'result.not-retained' });
    expect(executions(cluster, write)).toBe(1);
    expect(await listed()).not.toContain(callId);
  });

  test('and where the upstream is lost after the bytes, its client waiting: not executed, says a person, and it may run', async () => {
    const write = aWrite('keyed');
    const { callId, told } = await loseAfterBytes(write, async () => {
      await cluster.upstream.leave();
      await cluster.upstream.return();
    });
    expect(told).toMatchObject({ code: 'upstream.failed' });
    expect(await cli('list', '--in-doubt')).toContain(callId);
    await cli('resolve', callId, '--not-executed', '--note', 'it is not there');
    expect(await holdEnded(callId)).toBe('released');
    expect(await sendPatiently(cluster, url(), write)).toMatchObject({ status: 200, code: null });
    expect(executions(cluster, write)).toBe(2);
    expect(await listed()).not.toContain(callId);
  });

  test('the record of all of it holds', async () => {
    expect(await cluster.record.verify()).toMatchObject({ ok: true, faults: [] });
  });
});
