import type { Cluster } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Agent, type Answer } from './agent.js';

/** How long an agent may wait at most for an upstream that is not there, on a machine that is busy. */
const FAST_MS = 2_500;

/** What an agent gets, and what is on record, when an upstream is down, slow or breaks off. */
export const upstreamFaults = (cluster: () => Cluster): void => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'triage' }));
  });
  afterEach(async () => {
    cluster().upstream.release();
  });
  afterAll(async () => {
    await agent?.close();
  });

  test('a call of an upstream that is down is refused fast, on record as not sent, and works again once it is back', async () => {
    await cluster().upstream.leave();
    let refused: Answer;
    try {
      refused = await agent.call('echo', { text: 'anybody there?' });
    } finally {
      await cluster().upstream.return();
    }
    expect(refused).toMatchObject({ isError: true, code: 'upstream.unreachable' });
    expect(refused.waitedMs).toBeLessThan(FAST_MS);
    const { call, events } = await cluster().record.callOfTrace(refused.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'failed', code: 'upstream.unreachable' });
    expect(events.find((event) => event.type === 'ToolCallFailed')?.data).toMatchObject({ reached: 'no' });

    const answer = await agent.call('echo', { text: 'there you are' });
    expect(answer).toMatchObject({ isError: false, text: 'there you are' });
  });

  test('one dead upstream hides no other: tools that do not need it stay on the menu', async () => {
    await cluster().upstream.leave();
    try {
      const { status } = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/tools');
      expect(status).toBe(200);
    } finally {
      await cluster().upstream.return();
    }
  });

  test('an upstream that does not answer in time ends in a timeout that says it may have taken effect', async () => {
    const before = cluster().upstream.callsOf('wait').length;
    const answer = await agent.call('wait');
    expect(answer).toMatchObject({ isError: true, code: 'upstream.timeout' });
    expect(answer.waitedMs).toBeGreaterThan(2_500);
    expect(answer.waitedMs).toBeLessThan(10_000);
    expect(answer.text).toContain('may have taken effect');
    expect(cluster().upstream.callsOf('wait')).toHaveLength(before + 1);
    const { call, events } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'failed', code: 'upstream.timeout' });
    expect(events.find((event) => event.type === 'ToolCallFailed')?.data).toMatchObject({ reached: 'yes' });
  });

  test('an answer that breaks off is withheld whole, and is on record as sent', async () => {
    const answer = await agent.call('half');
    expect(answer.isError).toBe(true);
    expect(['upstream.failed', 'upstream.answer-invalid']).toContain(answer.code);
    expect(answer.raw).not.toContain('half of');
    const { call, events } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'failed', code: answer.code });
    expect(events.find((event) => event.type === 'ToolCallFailed')?.data).toMatchObject({ reached: 'yes' });
  });

  test('REST tells the same faults with their status and a body of the one form', async () => {
    await cluster().upstream.leave();
    try {
      const { status, text } = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/invoke', {
        method: 'POST',
        body: { tool: 'story/echo', arguments: { text: 'x' } },
      });
      expect(status).toBe(503);
      const body = JSON.parse(text) as { callId: string };
      expect(body).toMatchObject({ code: 'upstream.unreachable', retryable: true });
      const { call } = await cluster().record.call(body.callId);
      expect(call).toMatchObject({ outcome: 'failed', code: 'upstream.unreachable' });
    } finally {
      await cluster().upstream.return();
    }
  });
};
