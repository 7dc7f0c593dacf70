import { decodeEvent } from '@sallyport/contracts';
import { openSealer, rootKeyOf, systemClock } from '@sallyport/platform';
import { expect, test } from 'vitest';
import { aCall, anUpstream, aWrite, openRunner, principal } from '../testing/call-runner.harness.js';
import type { Answering, People } from '../testing/decisions.harness.js';
import { openRequestState, sealRequestState } from './request-state.js';

const PEOPLE = { type: 'require-approval' as const, ruleIds: ['high-risk'] };
/** Policy that honours the grant a question rests on. */
const asking: Answering = (asked) =>
  'approvalId' in asked.data && asked.data.approvalId
    ? { approvalId: asked.data.approvalId }
    : { effect: 'require-approval', obligations: [PEOPLE] };
const deciding: Answering = () => ({});
const granting: People = () => ['granted'];
const sealer = openSealer({ rootKey: rootKeyOf([{ kid: 'k1', bytes: Buffer.alloc(32, 7) }], 'test'), clock: systemClock });

test('parks a call, and dispatches it once people agreed, decided and reserved anew', async () => {
  const edge = await openRunner(asking, {}, undefined, granting);
  const upstream = anUpstream();
  const call = aWrite();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'answered' });
  expect(edge.types(call.callId)).toEqual([
    ...['ToolCallRequested', 'ToolCallParked', 'ToolCallResumed', 'ToolCallDispatched', 'ToolCallCompleted'],
  ]);
  expect(edge.events()).toMatchObject([
    {},
    { type: 'ToolCallParked', data: { approvalRuleIds: ['high-risk'], approvalId: null } },
    { type: 'ToolCallResumed', data: { evaluation: 2, approvalId: `approval-of-${call.callId}` } },
    { type: 'ToolCallDispatched', data: { approvalId: `approval-of-${call.callId}` } },
    {},
  ]);
  expect(edge.claims.won).toMatchObject([{ approvalId: `approval-of-${call.callId}` }]);
  expect(upstream.sent).toHaveLength(1);
});

test('claims the grant also for a call that only reads', async () => {
  const edge = await openRunner(asking, {}, undefined, granting);
  await edge.runner.run(aCall(), anUpstream());
  expect(edge.claims.won).toMatchObject([{ approvalId: expect.any(String) }]);
});

test.each([
  [[{ rejected: 'not today' }], 'approval.rejected', ['not today']],
  [['expired'], 'approval.expired', []],
  [['withdrawn'], 'approval.withdrawn', []],
  [[{ granted: { paramsHash: 'x'.repeat(43) } }], 'approval.mismatch', []],
  [[{ granted: { toolDigest: `sha256:${'b'.repeat(64)}` } }], 'approval.mismatch', []],
  [[{ granted: { expiresAt: '2020-01-01T00:00:00.000Z' } }], 'approval.expired', []],
] as const)('refuses on %j with %s, and sends nothing', async (said, code, reasons) => {
  const edge = await openRunner(asking, {}, undefined, () => said);
  const upstream = anUpstream();
  const call = aWrite();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'refused', code });
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallParked', 'ToolCallRefused']);
  expect(edge.events().at(-1)).toMatchObject({ data: { stage: 'approval', code, reasons } });
  expect(upstream.sent).toEqual([]);
});

test('refuses when nobody takes the question', async () => {
  const edge = await openRunner(asking, { decisionTimeoutMs: 50 });
  const call = aWrite();
  expect(await edge.runner.run(call, anUpstream())).toMatchObject({ kind: 'refused', code: 'approval.unavailable' });
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallParked', 'ToolCallRefused']);
});

test('asks nobody about a call that cannot be paid for', async () => {
  const refused = { account: 'user:ada', reason: 'exhausted' as const, remainingMicros: 0, currency: 'EUR', resetsAt: null };
  const edge = await openRunner(asking, {}, () => ({ refused }), granting);
  const call = aWrite();
  expect(await edge.runner.run(call, anUpstream())).toMatchObject({ kind: 'refused', code: 'budget.exhausted' });
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallRefused']);
});

test('asks again when another call used the grant first', async () => {
  const edge = await openRunner(asking, {}, undefined, granting);
  const call = aWrite();
  edge.claims.used.add(`approval-of-${call.callId}`);
  const upstream = anUpstream();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'answered' });
  expect(edge.types(call.callId).filter((type) => type === 'ToolCallParked')).toHaveLength(2);
  expect(upstream.sent).toHaveLength(1);
});

test('sends a client away that cannot come back by itself, and leaves the question open for the call sent again', async () => {
  const edge = await openRunner(asking, { approvalHoldMs: 20 }, undefined, () => []);
  const call = aWrite();
  expect(await edge.runner.run(call, anUpstream())).toMatchObject({
    kind: 'waiting',
    requestState: null,
    approval: { approvalId: `approval-of-${call.callId}`, approvalUrl: expect.stringContaining('http://gateway.test/') },
  });
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallAbandoned', data: { stage: 'parked', reason: 'awaiting-resend' } });
});

test('withdraws when the client hangs up while people are asked', async () => {
  const hangUp = new AbortController();
  const edge = await openRunner(asking, {}, undefined, () => {
    setImmediate(() => hangUp.abort());
    return [];
  });
  const call = aWrite({ signal: hangUp.signal });
  expect(await edge.runner.run(call, anUpstream())).toMatchObject({ kind: 'cancelled' });
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallCancelled', data: { stage: 'parked', reached: 'no' } });
});

test('holds nobody for people when the process ends', async () => {
  const edge = await openRunner(asking, {}, undefined, () => {
    setImmediate(() => edge.closing.abort());
    return [];
  });
  expect(await edge.runner.run(aWrite({ comesBack: true }), anUpstream())).toMatchObject({
    kind: 'waiting',
    requestState: expect.any(String),
  });
});

const awayAndBack = async (people: People, back: (state: string) => Parameters<typeof aWrite>[0] = () => ({})) => {
  const replies: ReturnType<People>[] = [[]];
  const edge = await openRunner(asking, { approvalHoldMs: 20 }, undefined, (parked) => replies.shift() ?? people(parked));
  const call = aWrite({ comesBack: true });
  const upstream = anUpstream();
  const away = await edge.runner.run(call, upstream);
  if (away.kind !== 'waiting' || away.requestState === null) throw new Error(`not waiting: ${JSON.stringify(away)}`);
  const returned = openRequestState(away.requestState, principal, 0, sealer);
  const outcome = await edge.runner.run(
    aWrite({ callId: returned.callId, comesBack: true, returned, ...back(away.requestState) }),
    upstream,
  );
  return { edge, call, upstream, outcome, returned };
};

test('goes on with a call whose client came back, under its id', async () => {
  const { edge, call, upstream, outcome } = await awayAndBack(granting);
  expect(outcome).toMatchObject({ kind: 'answered', callId: call.callId });
  expect(edge.types(call.callId)).toEqual([
    ...['ToolCallRequested', 'ToolCallParked', 'ToolCallParked', 'ToolCallResumed', 'ToolCallDispatched', 'ToolCallCompleted'],
  ]);
  const [, first, second] = edge.log.recordsOf('tool-call.events.v1').map((record) => decodeEvent(record));
  expect(first).toMatchObject({ data: { approvalId: null } });
  expect(second).toMatchObject({ data: { approvalId: `approval-of-${call.callId}`, approvalRuleIds: ['high-risk'] } });
  expect(upstream.sent).toHaveLength(1);
});

test('does not go on with other parameters, and leaves the call as it is', async () => {
  const { edge, call, upstream, outcome } = await awayAndBack(granting, () => ({ params: { name: 'write', arguments: { text: 'y' } } }));
  expect(outcome).toMatchObject({ kind: 'refused', code: 'approval.mismatch' });
  expect(outcome.callId).not.toBe(call.callId);
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallParked']);
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallRefused', callId: outcome.callId, data: { code: 'approval.mismatch' } });
  expect(upstream.sent).toEqual([]);
});

test('does not go on with a call that has ended', async () => {
  const { edge, call, upstream, returned } = await awayAndBack(granting);
  expect(await edge.runner.run(aWrite({ callId: returned.callId, returned }), upstream)).toMatchObject({
    kind: 'refused',
    code: 'call.ended',
  });
  expect(edge.types(call.callId).at(-1)).toBe('ToolCallCompleted');
  expect(upstream.sent).toHaveLength(1);
});

test('goes on once with what a client sends twice at the same time, and the call ends once', async () => {
  const replies: ReturnType<People>[] = [[]];
  const edge = await openRunner(asking, { approvalHoldMs: 20 }, undefined, (parked) => replies.shift() ?? granting(parked));
  const upstream = anUpstream();
  const away = await edge.runner.run(aWrite({ comesBack: true }), upstream);
  if (away.kind !== 'waiting' || away.requestState === null) throw new Error(`not waiting: ${JSON.stringify(away)}`);
  const returned = openRequestState(away.requestState, principal, 0, sealer);
  const { callId } = returned;
  const outcomes = await Promise.all([1, 2, 3].map(() => edge.runner.run(aWrite({ callId, returned }), upstream)));
  expect(outcomes.map((outcome) => ('code' in outcome ? outcome.code : outcome.kind)).sort()).toEqual([
    'answered',
    'call.ended',
    'call.ended',
  ]);
  expect(edge.types(callId)).toEqual([
    ...['ToolCallRequested', 'ToolCallParked', 'ToolCallParked', 'ToolCallResumed', 'ToolCallDispatched', 'ToolCallCompleted'],
  ]);
  expect(upstream.sent).toHaveLength(1);
});

test('writes nothing more into a call that another replica claimed, and says so under an id of its own', async () => {
  const edge = await openRunner(asking, {}, undefined, granting);
  edge.claims.winning = false;
  const call = aWrite();
  const upstream = anUpstream();
  const outcome = await edge.runner.run(call, upstream);
  expect(outcome).toMatchObject({ kind: 'refused', code: 'call.ended' });
  expect(outcome.callId).not.toBe(call.callId);
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallParked', 'ToolCallResumed']);
  expect(edge.types(outcome.callId)).toEqual(['ToolCallRefused']);
  expect(upstream.sent).toEqual([]);
});

test('is not sent with a grant that its claim does not name', async () => {
  const edge = await openRunner(
    (asked, evaluation) => {
      if (evaluation > 1) return asking(asked, evaluation);
      // Claimed as allowed, and too old then: when asked again, policy demands people.
      edge.clock.advance(1_500);
      return {};
    },
    {},
    undefined,
    granting,
  );
  const upstream = anUpstream();
  const call = aWrite();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'refused', code: 'approval.withdrawn' });
  expect(edge.types(call.callId).slice(-3)).toEqual(['ToolCallParked', 'ToolCallResumed', 'ToolCallRefused']);
  expect(edge.claims.won).toMatchObject([{ approvalId: null }]);
  expect(edge.claims.released).toEqual([{ callId: call.callId, isGrantUnused: true }]);
  expect(upstream.sent).toEqual([]);
});

test('sends only what people agreed to: what a client says beside the parameters stays here', async () => {
  const upstream = anUpstream();
  const edge = await openRunner(asking, {}, undefined, granting);
  await edge.runner.run(aWrite({ meta: { 'example.org/amount': 1_000_000 } }), upstream);
  expect(upstream.sent).toMatchObject([{ meta: {}, isMasked: true }]);
  const plain = await openRunner(deciding);
  await plain.runner.run(aWrite({ meta: { 'example.org/amount': 7 } }), upstream);
  expect(upstream.sent[1]).toMatchObject({ meta: { 'example.org/amount': 7 }, isMasked: false });
});

test('opens what a client came back with for that client alone, in time and unchanged', () => {
  const returned = {
    ...{ callId: 'c', approvalId: 'a', evaluation: 1, round: 1, paramsHash: 'h'.repeat(43) },
    ...{ toolDigest: `sha256:${'a'.repeat(64)}`, ruleIds: ['r'] },
  };
  const state = sealRequestState(returned, principal, 1_000, sealer);
  expect(openRequestState(state, principal, 999, sealer)).toEqual(returned);
  const refused = (...[text, who, nowMs]: [string, typeof principal, number]) =>
    expect(() => openRequestState(text, who, nowMs, sealer)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  refused(state, principal, 1_000);
  refused(state, { ...principal, subject: 'user:eve' }, 0);
  refused(state, { ...principal, actors: [] }, 0);
  refused(state, { ...principal, tenantId: 'globex' }, 0);
  refused(`${state.slice(0, -2)}AA`, principal, 0);
  refused('sallyport.', principal, 0);
});

const plan = (over: Parameters<typeof aWrite>[0] = {}) => aWrite({ isPlan: true, ...over });
const told = (upstream: ReturnType<typeof anUpstream>) => upstream.released[0]?.result;

test('plans a call: tells decision, price and masks, sends nothing and asks nobody', async () => {
  const edge = await openRunner(
    asking,
    {},
    () => ({ reservedMicros: 1_500 }),
    () => {
      throw new Error('somebody was asked');
    },
  );
  const upstream = anUpstream();
  const call = plan({ idempotencyKey: 'k' });
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'answered' });
  expect(told(upstream)).toMatchObject({
    isError: true,
    structuredContent: {
      plan: {
        effect: 'require-approval',
        code: null,
        approvalRuleIds: ['high-risk'],
        quote: { amountMicros: 1_500, currency: 'EUR' },
        dryRun: null,
      },
    },
  });
  expect([upstream.sent, edge.claims.won]).toEqual([[], []]);
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallPlanned']);
  expect(edge.events().at(-1)).toMatchObject({ data: { quoteMicros: 1_500, dryRunHash: null } });
});

test('plans what policy would deny, with the code it would be refused with', async () => {
  const edge = await openRunner(() => ({ effect: 'deny', code: 'policy.denied', reasons: ['No.'] }));
  const upstream = anUpstream();
  await edge.runner.run(plan(), upstream);
  expect(told(upstream)).toMatchObject({ structuredContent: { plan: { effect: 'deny', code: 'policy.denied', reasons: ['No.'] } } });
});

test('plans what nobody could pay for', async () => {
  const refused = { account: null, reason: 'unattributable' as const, remainingMicros: null, currency: null, resetsAt: null };
  const edge = await openRunner(deciding, {}, () => ({ refused }));
  const upstream = anUpstream();
  await edge.runner.run(plan(), upstream);
  expect(told(upstream)).toMatchObject({ structuredContent: { plan: { effect: 'allow', code: 'budget.unattributable', quote: null } } });
});

test('tries nothing out that could not be paid for', async () => {
  const edge = await openRunner(deciding, {}, () => ({ reservedMicros: 7, affordable: false }));
  const upstream = anUpstream();
  await edge.runner.run(plan({ target: { kind: 'tool', server: 'fs', name: 'sync' }, params: { name: 'sync', arguments: {} } }), upstream);
  expect(upstream.sent).toEqual([]);
  expect(told(upstream)).toMatchObject({ structuredContent: { plan: { code: 'budget.exhausted', quote: { affordable: false } } } });
});

test('tries out what the catalog calls a dry run, claimed and marked, and tells what the tool said', async () => {
  const edge = await openRunner(deciding, {}, () => ({ reservedMicros: 7 }));
  const upstream = anUpstream(() => ({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'would write x' }] } }));
  const call = plan({ target: { kind: 'tool', server: 'fs', name: 'sync' }, params: { name: 'sync', arguments: { text: 'x' } } });
  await edge.runner.run(call, upstream);
  expect(upstream.sent).toMatchObject([{ params: { arguments: { text: 'x', dryRun: true } } }]);
  expect(edge.claims.won).toMatchObject([{ callId: call.callId }]);
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallPlanned']);
  expect(edge.events()).toMatchObject([{}, { data: { dryRun: true } }, { data: { quoteMicros: 7, dryRunHash: expect.any(String) } }]);
  expect(told(upstream)).toMatchObject({
    isError: true,
    structuredContent: { plan: { effect: 'allow', dryRun: { content: [{ type: 'text', text: 'would write x' }] } } },
  });
});

test('tries nothing out that people would have to agree to, and makes no plan of anything but a tool', async () => {
  const edge = await openRunner(asking);
  const upstream = anUpstream();
  await edge.runner.run(plan({ target: { kind: 'tool', server: 'fs', name: 'sync' }, params: { name: 'sync', arguments: {} } }), upstream);
  expect(upstream.sent).toEqual([]);
  const prompt = aCall({ isPlan: true, method: 'prompts/get', target: { kind: 'prompt', server: 'fs', name: 'p' }, params: { name: 'p' } });
  expect(await edge.runner.run(prompt, upstream)).toMatchObject({ kind: 'refused', code: 'plan.unsupported' });
});
