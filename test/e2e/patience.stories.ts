import { type Cluster, until } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Agent, aTrace } from './agent.js';

/** Hanging up, deadlines, decisions that do not come, progress: everything about waiting. */
export const patience = (cluster: () => Cluster): void => {
  let agent: Agent;
  let letDecisionsGo: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    agent = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'triage' }));
  });
  afterEach(async () => {
    await letDecisionsGo();
    cluster().upstream.release();
  });
  afterAll(async () => {
    await agent?.close();
  });

  test('progress reaches the agent while the tool still works', async () => {
    const seen: number[] = [];
    const answer = await agent.call(
      'steps',
      {},
      {
        onProgress: (progress) => {
          seen.push(progress);
          // The tool ends only after the agent has heard of its step: held back, the step would never come.
          cluster().upstream.release();
        },
      },
    );
    expect(seen).toEqual([1]);
    expect(answer).toMatchObject({ isError: false, text: 'done' });
    const { events } = await cluster().record.callOfTrace(answer.traceId);
    expect(events.find((event) => event.type === 'ToolCallCompleted')?.data).toMatchObject({ interim: { count: 1 } });
  });

  test('when the agent hangs up while the tool works, the upstream is told and the record says so', async () => {
    const before = cluster().upstream.callsOf('wait').length;
    const { traceId } = aTrace();
    const hangUp = new AbortController();
    const call = agent.call('wait', {}, { signal: hangUp.signal, traceId });
    const received = await cluster().upstream.arrival('wait', before);
    hangUp.abort();
    await expect(call).rejects.toThrow();
    await until('the upstream sees that the caller hung up', () => received.wasAborted || undefined);
    const { call: recorded, events } = await cluster().record.callOfTrace(traceId);
    expect(recorded).toMatchObject({ decision: 'allow', outcome: 'cancelled' });
    expect(events.find((event) => event.type === 'ToolCallCancelled')?.data).toMatchObject({ stage: 'dispatched' });
  });

  test('when the agent hangs up while the decision is awaited, nothing is ever sent and the record says so', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    letDecisionsGo = await cluster().holdDecisions();
    const { traceId } = aTrace();
    const hangUp = new AbortController();
    const call = agent.call('echo', { text: 'never mind' }, { signal: hangUp.signal, traceId });
    await until('the request is on record', async () => (await cluster().record.calls({ traceId }))[0]);
    hangUp.abort();
    await expect(call).rejects.toThrow();
    const { call: recorded, events } = await cluster().record.callOfTrace(traceId);
    expect(recorded).toMatchObject({ outcome: 'cancelled' });
    expect(events.find((event) => event.type === 'ToolCallCancelled')?.data).toMatchObject({ stage: 'requested', reached: 'no' });
    await letDecisionsGo();
    await agent.call('echo', { text: 'after it' });
    expect(
      cluster()
        .upstream.callsOf('echo')
        .slice(before)
        .map((received) => received.arguments),
    ).toEqual([{ text: 'after it' }]);
  });

  test('a decision that does not come in time is a no, and one that comes late changes nothing', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    letDecisionsGo = await cluster().holdDecisions();
    const answer = await agent.call('echo', { text: 'too late' });
    expect(answer).toMatchObject({ isError: true, code: 'policy.unavailable' });
    expect(answer.waitedMs).toBeGreaterThan(2_500);
    expect(answer.waitedMs).toBeLessThan(8_000);
    await letDecisionsGo();
    const { call } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ outcome: 'refused', code: 'policy.unavailable' });
    const again = await agent.call('echo', { text: 'in time' });
    expect(again).toMatchObject({ isError: false, text: 'in time' });
    expect(
      cluster()
        .upstream.callsOf('echo')
        .slice(before)
        .map((received) => received.arguments),
    ).toEqual([{ text: 'in time' }]);
  });

  test('a call older than its time to live is refused before it is sent, however the decision turned out', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    const { traceId } = aTrace();
    letDecisionsGo = await cluster().holdDecisions();
    const call = agent.call('echo', { text: 'stale' }, { traceId });
    // The first decision comes when it is older than a second, so the edge asks again; the second comes when the call itself is too old.
    await until('the request is on record', async () => (await cluster().record.calls({ traceId }))[0]);
    const askedAtMs = performance.now();
    await until('more than a second has passed', () => (performance.now() - askedAtMs > 1_500 ? true : undefined));
    const holdAgain = cluster().holdDecisions();
    await until('the second hold stands in the queue', async () => {
      const waiting = await cluster().admin(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'sallyport-stories' AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0 ? true : undefined;
    });
    await letDecisionsGo();
    letDecisionsGo = await holdAgain;
    const answer = await call;
    expect(answer).toMatchObject({ isError: true, code: 'call.deadline-passed' });
    expect(answer.waitedMs).toBeLessThan(12_000);
    await letDecisionsGo();
    const { call: recorded, types } = await cluster().record.callOfTrace(traceId);
    expect(recorded).toMatchObject({ outcome: 'refused', code: 'call.deadline-passed' });
    expect(types).toContain('ToolCallReevaluationRequested');
    expect(cluster().upstream.callsOf('echo')).toHaveLength(before);
  });
};
