import { type AnyEnvelope, AWAITING_RESEND, type EventData } from '@sallyport/contracts';
import { anEvent, requestFacts, startTestPostgres, type TestPostgres, toolCallCompleted, toolCallRefused } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AccountantHarness, declared, of, openAccountantHarness, requested } from './testing/accountant.harness.js';

let postgres: TestPostgres;
let harness: AccountantHarness;
let stop: () => Promise<void>;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  harness = await openAccountantHarness(postgres);
  const accountant = await harness.start({
    declared: declared({
      'user:ada': { day: { maxMicros: 150, currency: 'USD' } },
      'user:poor': { day: { maxMicros: 0, currency: 'USD' } },
    }),
  });
  stop = accountant.stop;
  await harness.price({ 'crm/search': 150, 'crm/mystery': null });
});
afterEach(async () => {
  await stop();
  await harness.close();
});

const parked = (callId: string, id: string) =>
  anEvent(
    'ToolCallParked',
    { approvalRuleIds: ['r'], paramsHash: 'h'.repeat(43), toolDigest: `sha256:${'a'.repeat(64)}`, expiresAt: '2026-12-01T00:00:00.000Z' },
    { ...of(callId), id },
  );
const request = requestFacts({
  principal: { ...requestFacts().principal, subject: 'user:ada', actors: ['agent:triage'] },
  target: { kind: 'tool', server: 'crm', name: 'search' },
});
const resumed = (callId: string, id: string, edgeId: string, stands = true): AnyEnvelope =>
  anEvent('ToolCallResumed', { approvalId: 'a-1', evaluation: 2, edgeId, ...(stands ? { request } : {}) }, { ...of(callId), id, edgeId });
const dispatched = (callId: string, over: Partial<EventData<'ToolCallDispatched'>> = {}) =>
  anEvent(
    'ToolCallDispatched',
    {
      ...{ server: 'crm', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: null, decisionId: 'd', dryRun: false, redactions: [] },
      ...over,
    },
    { ...of(callId), id: `${callId}-out` },
  );
const completed = (callId: string) => ({ ...toolCallCompleted(), ...of(callId), id: `${callId}-end` });
const told = (events: readonly AnyEnvelope[]) => events.map(({ type, edgeId, causationId }) => [type, edgeId, causationId]);
const heldByAda = async (): Promise<number> => {
  const [row] = await postgres.admin<{ usage: string }>(
    `SELECT usage FROM budget_accountant.account WHERE account = 'user:ada'`,
    harness.database.url,
  );
  return JSON.parse(row?.usage ?? '{}').day.money.USD.held;
};

test('a call that comes back to another replica is held for the resumption that people agreed to, whatever came before', async () => {
  await harness.append(
    requested('back'),
    parked('back', 'p-1'),
    anEvent('ToolCallAbandoned', { stage: 'parked', reason: AWAITING_RESEND }, { ...of('back'), id: 'away' }),
    parked('back', 'p-2'),
    resumed('back', 'r-1', 'edge-2'),
  );
  const said = await harness.saidOf('back', (types) => types.length === 3);
  expect(told(said)).toEqual([
    ['BudgetReserved', 'edge-1', 'back-requested'],
    ['BudgetReleased', null, 'p-1'],
    ['BudgetReserved', 'edge-2', 'r-1'],
  ]);
  expect(await heldByAda()).toBe(150);
});

test('a resumption that reaches an accountant which never heard of the call is answered from what it says itself', async () => {
  await harness.append(resumed('unheard-of', 'r-1', 'edge-2'), resumed('says-nothing', 'r-2', 'edge-2', false));
  expect((await harness.saidOf('unheard-of', (types) => types.length > 0))[0]).toMatchObject({
    type: 'BudgetReserved',
    edgeId: 'edge-2',
    causationId: 'r-1',
    data: { amounts: ['tenant:acme', 'user:ada', 'agent:triage', 'tool:crm/search'].map((account) => ({ account, amountMicros: 150 })) },
  });
  expect((await harness.saidOf('says-nothing', (types) => types.length > 0))[0]).toMatchObject({
    type: 'BudgetReservationRefused',
    edgeId: 'edge-2',
    data: { reason: 'unattributable' },
  });
});

test('resumed by two replicas, both hear an answer, one hold is kept, and who lost the grant ends nothing of the other', async () => {
  await harness.append(
    requested('twice'),
    parked('twice', 'p-1'),
    resumed('twice', 'r-1', 'edge-1'),
    resumed('twice', 'r-2', 'edge-2'),
    dispatched('twice'),
    parked('twice', 'p-2'),
    { ...toolCallRefused({ stage: 'approval', code: 'approval.rejected' }), ...of('twice'), id: 'loser' },
    completed('twice'),
  );
  const said = await harness.saidOf('twice', (types) => types.includes('BudgetSettled'));
  expect(told(said)).toEqual([
    ['BudgetReserved', 'edge-1', 'twice-requested'],
    ['BudgetReleased', null, 'p-1'],
    ['BudgetReserved', 'edge-1', 'r-1'],
    ['BudgetReserved', 'edge-2', 'r-2'],
    ['BudgetSettled', null, 'twice-end'],
  ]);
  expect(said[3]?.data).toMatchObject({ amounts: [] });
});

test('an upstream that asks back is owed nothing for the round, and the retry reserves for itself', async () => {
  await harness.append(
    requested('round'),
    dispatched('round'),
    anEvent(
      'ToolCallInputRequired',
      {
        ...{ round: 1, requests: ['confirm'], outputHash: 'h'.repeat(43), labels: [], redactions: [] },
        ...{ upstreamMicros: 0, totalMicros: 0 },
      },
      { ...of('round'), id: 'asked-back' },
    ),
    requested('retry'),
  );
  expect((await harness.saidOf('round', (types) => types.length === 2))[1]).toMatchObject({
    type: 'BudgetReleased',
    causationId: 'asked-back',
    data: { reason: 'input-required' },
  });
  // There is money for one of them only.
  expect((await harness.saidOf('retry', (types) => types.length > 0))[0]?.type).toBe('BudgetReserved');
});

test('a plan is always answered, also where nobody can pay or nobody could be charged, and its dry run moves no money', async () => {
  const plan = { purpose: 'plan' as const };
  await harness.append(
    requested('fits', { facts: plan }),
    requested('too-dear', { subject: 'user:poor', facts: { ...plan, principal: { ...request.principal, subject: 'user:poor' } } }),
    requested('no-price', { tool: 'crm/mystery', facts: plan }),
    dispatched('fits', { dryRun: true }),
    anEvent(
      'ToolCallPlanned',
      { decisionId: 'd', quoteMicros: 150, redactions: [], dryRunHash: null, totalMicros: 0 },
      { ...of('fits'), id: 'planned' },
    ),
    requested('mark'),
  );
  const answers = await Promise.all(['fits', 'too-dear', 'no-price'].map((callId) => harness.saidOf(callId, (types) => types.length > 0)));
  expect(answers.flat()).toMatchObject([
    {
      type: 'BudgetQuoted',
      edgeId: 'edge-1',
      causationId: 'fits-requested',
      data: { affordable: true, amounts: [{ amountMicros: 150 }, {}, {}, {}] },
    },
    { type: 'BudgetQuoted', edgeId: 'edge-1', causationId: 'too-dear-requested', data: { affordable: false } },
    { type: 'BudgetReservationRefused', edgeId: 'edge-1', causationId: 'no-price-requested', data: { reason: 'unattributable' } },
  ]);
  await harness.saidOf('mark', (types) => types.length > 0);
  expect(await heldByAda()).toBe(150);
  expect(harness.said.filter(({ callId }) => callId === 'fits')).toHaveLength(1);
});

test('a call in doubt keeps its hold against everybody but the person who settles it', async () => {
  await harness.append(
    requested('lost'),
    dispatched('lost'),
    anEvent('ToolCallInDoubt', { attempt: 1, reason: 'the edge died' }, { ...of('lost'), id: 'doubt' }),
    anEvent('ToolCallAbandoned', { stage: 'requested', reason: 'lost' }, { ...of('lost'), id: 'given-up' }),
    requested('meanwhile'),
  );
  expect((await harness.saidOf('meanwhile', (types) => types.length > 0))[0]?.type).toBe('BudgetReservationRefused');
  await harness.append(
    anEvent('ToolCallResolved', { resolution: 'not-executed', resolvedBy: 'user:grace', note: '' }, { ...of('lost'), id: 'settled' }),
    requested('after'),
  );
  expect((await harness.saidOf('lost', (types) => types.length === 2))[1]).toMatchObject({
    type: 'BudgetReleased',
    causationId: 'settled',
  });
  expect((await harness.saidOf('after', (types) => types.length > 0))[0]?.type).toBe('BudgetReserved');
});
