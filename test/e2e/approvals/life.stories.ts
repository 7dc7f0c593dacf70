import { until } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { aTrace } from '../agent.js';
import { askByRest, carriedOut } from './asking.js';
import { PATIENCE_MS } from './desk.js';
import { anAccount, type Surroundings } from './surroundings.js';

/** A client that hangs up as soon as people are asked; `undefined` where the machine was so slow that it was no longer held by then. */
const hangingUp = async (surroundings: Surroundings) => {
  const args = { to: anAccount(), amount: 10 };
  const agent = await surroundings.legacy();
  const waiting = agent.call('transfer', args);
  const lost = waiting.then(
    () => false,
    () => true,
  );
  const { approvalId, callId } = await surroundings.desk.asked(args.to);
  await agent.close();
  if (!(await lost)) return undefined;
  const { call } = await surroundings.cluster.record.call(callId);
  const ended = call.outcome === 'waiting' ? await surroundings.ended(callId) : call;
  return ended.outcome === 'cancelled' ? { args, approvalId, callId } : undefined;
};

/** The plain life of a call that people are asked about, by each way that a client can wait. */
export const life = (surroundings: () => Surroundings): void => {
  test.concurrent('a client of before is told to come again; sent again after the grant its call is made once, and asked about anew after that', async () => {
    const { desk } = surroundings();
    const agent = await surroundings().legacy();
    const args = { to: anAccount(), amount: 5 };
    const told = await agent.call('transfer', args);
    expect(told).toMatchObject({ isError: true, structured: { status: 'approval_required' } });
    const { approvalId, callId } = await desk.asked(args.to);
    expect(told.structured).toMatchObject({ approvalId });
    expect(told.text).toContain('send exactly the same call again');
    const { types: asked } = await surroundings().recorded(callId, 'abandoned');
    expect(asked).toContain('BudgetReleased');
    expect(asked).not.toContain('ToolCallDispatched');
    expect(surroundings().paid(args.to)).toBe(0);

    await desk.grant(approvalId);
    expect(await agent.call('transfer', args)).toMatchObject({ isError: false, text: 'did transfer' });
    expect(surroundings().paid(args.to)).toBe(1);
    await desk.becomes(approvalId, 'used');

    const again = await agent.call('transfer', args);
    expect(again).toMatchObject({ isError: true, structured: { status: 'approval_required' } });
    expect(again.structured).not.toMatchObject({ approvalId });
    expect(surroundings().paid(args.to)).toBe(1);
    await agent.close();
  });

  test.concurrent('over REST a call is pending with where to look, is made once when sent again after the grant, and is asked about anew then', async () => {
    const { desk } = surroundings();
    const args = { to: anAccount(), amount: 6 };
    const told = await askByRest(surroundings(), args);
    expect(told).toMatchObject({ status: 403, code: 'approval.required' });
    expect(told.text).toContain(`/console/approvals/${told.approvalId}`);
    await desk.grant(told.approvalId ?? '');
    const done = await carriedOut(surroundings(), () => askByRest(surroundings(), args));
    expect(done).toMatchObject({ status: 200, code: 'done' });
    const { call } = await surroundings().recorded(done.callId, 'completed');
    expect(call.approval).toMatchObject({ approvalId: told.approvalId, status: 'used', answeredBy: ['user:grace'], channel: 'http' });
    const again = await askByRest(surroundings(), args);
    expect(again).toMatchObject({ code: 'approval.required' });
    expect(again.approvalId).not.toBe(told.approvalId);
    expect(surroundings().paid(args.to)).toBe(1);
  });

  test.concurrent('a client of today is held, and its call goes on with the grant within the same request', async () => {
    const { desk } = surroundings();
    const agent = await surroundings().modern();
    const args = { to: anAccount(), amount: 7 };
    const waiting = agent.call('transfer', args);
    const { approvalId, callId } = await desk.asked(args.to);
    await desk.grant(approvalId);
    expect(await waiting).toMatchObject({ isError: false, text: 'did transfer' });
    await agent.close();
    expect(surroundings().paid(args.to)).toBe(1);
    const { call, types } = await surroundings().recorded(callId, 'completed');
    expect(call).toMatchObject({ decision: 'allow', approval: { approvalId, status: 'used' } });
    expect(types.filter((type) => type === 'ToolCallDispatched')).toHaveLength(1);
    expect(types).toEqual(
      expect.arrayContaining(['ToolCallParked', 'ApprovalRequested', 'ApprovalGranted', 'ToolCallResumed', 'ToolCallCompleted']),
    );
  });

  test.concurrent('a client of today comes back by itself as long as nobody answers, and its one call is made once', async () => {
    const { desk, cluster } = surroundings();
    const agent = await surroundings().modern();
    const { traceId } = aTrace();
    const args = { to: anAccount(), amount: 8 };
    const waiting = agent.call('transfer', args, { traceId });
    const { approvalId, callId } = await desk.asked(args.to);
    await surroundings().heard(callId, 'ToolCallParked', 2);
    expect(await desk.show(approvalId)).toMatchObject({ status: 'pending', waitingCalls: 1 });
    await desk.grant(approvalId);
    expect(await waiting).toMatchObject({ isError: false, text: 'did transfer' });
    await agent.close();
    expect(surroundings().paid(args.to)).toBe(1);
    const { types } = await surroundings().recorded(callId, 'completed');
    expect(types.filter((type) => type === 'ToolCallDispatched')).toHaveLength(1);
    expect(types.filter((type) => type === 'ApprovalRequested').length).toBeGreaterThanOrEqual(1);
    expect(await cluster.record.calls({ traceId })).toHaveLength(1);
  });

  test.concurrent('a no reaches the agent with its reason, whichever way it waited, and nothing is sent', async () => {
    const { desk } = surroundings();
    const agent = await surroundings().modern();
    const args = { to: anAccount(), amount: 9 };
    const waiting = agent.call('transfer', args);
    const { approvalId, callId } = await desk.asked(args.to);
    await desk.reject(approvalId, 'not to them');
    const told = await waiting;
    await agent.close();
    expect(told).toMatchObject({ isError: true, code: 'approval.rejected' });
    expect(told.raw).toContain('not to them');
    await surroundings().heard(callId, 'ApprovalRejected', 1);
    const { call } = await surroundings().recorded(callId, 'refused');
    expect(call).toMatchObject({
      code: 'approval.rejected',
      approval: { status: 'rejected', answeredBy: ['user:grace'], why: 'not to them' },
    });
    // A no is for what was asked: the same call sent again is a new question.
    const again = await askByRest(surroundings(), args);
    expect(again).toMatchObject({ code: 'approval.required' });
    expect(again.approvalId).not.toBe(approvalId);
    expect(surroundings().paid(args.to)).toBe(0);
  });

  test.concurrent('silence is a no: the call ends expired, a late answer does not count, and sent again it is a new question', async () => {
    const { desk, cluster } = surroundings();
    const agent = await surroundings().modern();
    const text = anAccount();
    const published = () => cluster.upstream.callsOf('publish').filter((call) => call.arguments.text === text);
    const waiting = agent.call('publish', { text });
    const { approvalId, callId } = await desk.asked(text);
    expect(await waiting).toMatchObject({ isError: true, code: 'approval.expired' });
    await agent.close();
    expect(await desk.fetch('grace', `/${approvalId}/grant`, {})).toMatchObject({
      status: 403,
      text: expect.stringContaining('approval.expired'),
    });
    await surroundings().heard(callId, 'ApprovalExpired', 1);
    const { call } = await surroundings().recorded(callId, 'refused');
    expect(call).toMatchObject({ code: 'approval.expired', approval: { status: 'expired' } });
    const again = await askByRest(surroundings(), { text }, { tool: 'publish' });
    expect(again).toMatchObject({ code: 'approval.required' });
    expect(again.approvalId).not.toBe(approvalId);
    expect(published()).toHaveLength(0);
  });

  test.concurrent('a grant that nobody used in time is worth nothing', async () => {
    const { desk, cluster } = surroundings();
    const text = anAccount();
    const told = await askByRest(surroundings(), { text }, { tool: 'publish' });
    await desk.grant(told.approvalId ?? '');
    await desk.becomes(told.approvalId ?? '', 'lapsed');
    const late = await askByRest(surroundings(), { text }, { tool: 'publish' });
    expect(late).toMatchObject({ code: 'approval.required' });
    expect(late.approvalId).not.toBe(told.approvalId);
    expect(cluster.upstream.callsOf('publish').filter((call) => call.arguments.text === text)).toHaveLength(0);
  });

  test.concurrent('a client that hangs up takes its question back: a later yes does not count, and nothing is sent', async () => {
    const { desk } = surroundings();
    const { args, approvalId, callId } = await until('a client hangs up while it is held', () => hangingUp(surroundings()), PATIENCE_MS);
    await desk.becomes(approvalId, 'withdrawn');
    const late = await desk.fetch('grace', `/${approvalId}/grant`, {});
    expect(late).toMatchObject({ status: 409, text: expect.stringContaining('approval.already-answered') });
    // Two topics tell it, and the record may have read one of them yet.
    await surroundings().heard(callId, 'ApprovalWithdrawn', 1);
    const { call, events } = await surroundings().recorded(callId, 'cancelled');
    expect(call.approval).toMatchObject({ status: 'withdrawn' });
    expect(events.find(({ type }) => type === 'ToolCallCancelled')?.data).toMatchObject({ stage: 'parked', reached: 'no' });
    const again = await askByRest(surroundings(), args);
    expect(again.approvalId).not.toBe(approvalId);
    expect(surroundings().paid(args.to)).toBe(0);
  });

  test.concurrent('holds no money while people are asked, and charges once', async () => {
    const { desk } = surroundings();
    const mia = { subject: 'mia', agent: 'writer' };
    const args = { to: anAccount(), amount: 11 };
    const told = await askByRest(surroundings(), args, { asker: mia });
    expect(told).toMatchObject({ code: 'approval.required' });
    const parked = await surroundings().recorded(told.callId, 'abandoned');
    expect(parked.types.filter((type) => type === 'BudgetReserved')).toHaveLength(1);
    expect(await surroundings().moneyOf(mia)).toEqual({ held: 0, spent: 0 });
    await desk.grant(told.approvalId ?? '');
    const done = await carriedOut(surroundings(), () => askByRest(surroundings(), args, { asker: mia }));
    expect(done).toMatchObject({ code: 'done' });
    await surroundings().heard(done.callId, 'BudgetSettled', 1);
    expect(await surroundings().moneyOf(mia)).toEqual({ held: 0, spent: 250 });
    const { call, types } = await surroundings().recorded(done.callId, 'completed');
    expect(call.priceMicros).toBe(250);
    expect(types.filter((type) => type === 'BudgetSettled')).toHaveLength(1);
  });
};
