import { AWAITING_RESEND } from '@sallyport/contracts';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApprovalHarness, openApprovalHarness, type ParkedCall, type Replica, RULE } from './testing/approval.harness.js';

let postgres: TestPostgres;
let harness: ApprovalHarness;
let replica: Replica;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  harness = await openApprovalHarness(postgres);
  replica = await harness.start();
});
afterEach(async () => {
  await harness.close();
  expect(harness.faults).toEqual([]);
});

/** Parks a call and waits until people are asked. */
const asked = async (call: ParkedCall = {}): Promise<{ callId: string; approvalId: string }> => {
  const { callId } = await harness.park(call);
  const event = await harness.heard('ApprovalRequested', callId ?? '');
  return { callId: callId ?? '', approvalId: event.data.approvalId };
};
const typesOf = (callId: string): string[] => harness.said(callId).map(({ type }) => type);
const dispatched = {
  ...{ server: 'fs', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: `sha256:${'a'.repeat(64)}`, decisionId: 'd', dryRun: false },
  redactions: [],
};
const hungUp = { stage: 'parked' as const, reached: 'no' as const, totalMicros: 1 };

describe('asking', () => {
  test('says who is asked for exactly what, once, in the trace of the call and for its edge', async () => {
    const event = await harness.park({ edgeId: 'edge-7' });
    const requested = await harness.heard('ApprovalRequested', event.callId ?? '');
    expect(requested).toMatchObject({
      ...{ edgeId: 'edge-7', chainId: 'chain-1', key: 'chain-1', tenantId: 'acme', causationId: event.id },
      data: { tool: 'fs/write_file', ruleIds: ['people'], approvers: ['*'], quorum: 1, expiresAt: '2026-11-21T12:01:00.000Z' },
    });
    expect(requested.traceparent.slice(0, 35)).toBe(event.traceparent.slice(0, 35));
    expect(JSON.stringify(requested.data)).not.toContain('sealed');
  });

  test('asks for nothing but a parked call', async () => {
    await harness.say('ToolCallDispatched', dispatched, 'call-x');
    await harness.say('ToolCallCancelled', hungUp, 'call-x');
    await harness.settled();
    expect(typesOf('call-x')).toEqual([]);
    expect((await replica.http('GET', '')).body).toEqual({ approvals: [], nextCursor: null });
  });

  test('changes nothing when an event comes again, in the same batch or another', async () => {
    const event = await harness.park();
    await harness.append(event, event);
    await harness.settled();
    await harness.append(event);
    await harness.settled();
    expect(typesOf(event.callId ?? '')).toEqual(['ApprovalRequested']);
    expect((await replica.http('GET', '')).body.approvals).toHaveLength(1);
  });

  test('asks once for one binding, in whatever chain, session or transport it comes', async () => {
    const first = await asked();
    const others = await Promise.all(
      ['chain-2', 'chain-3', 'chain-4'].map((chainId) =>
        asked({ chainId, request: { transport: 'rest' }, principal: { clientId: chainId } }),
      ),
    );
    expect(new Set([first, ...others].map(({ approvalId }) => approvalId)).size).toBe(1);
    expect((await replica.http('GET', '')).body.approvals).toHaveLength(1);
  });

  test.each<[string, ParkedCall]>([
    ['a changed byte of the parameters', { args: { id: 8 } }],
    ['another person', { principal: { subject: 'user:eve' } }],
    ['the same name of another issuer', { principal: { issuer: 'https://other.example' } }],
    ['another agent', { principal: { actors: ['agent:other'] } }],
    ['an agent in between', { principal: { actors: ['agent:triage', 'agent:planner'] } }],
    [
      'an edited definition',
      {
        request: { tool: { id: 'fs/write_file', definitionDigest: `sha256:${'b'.repeat(64)}`, version: '1', riskTier: 'write-low' } },
        data: { toolDigest: `sha256:${'b'.repeat(64)}` },
      },
    ],
    ['another tenant', { tenantId: 'globex' }],
  ])('never answers %s from a grant for something else', async (_what, call) => {
    const { approvalId } = await asked();
    expect((await replica.http('POST', `/${approvalId}/grant`)).status).toBe(200);
    const other = await asked({ ...call, chainId: 'chain-2' });
    expect(other.approvalId).not.toBe(approvalId);
    expect(typesOf(other.callId)).toEqual(['ApprovalRequested']);
  });

  test('is a no where what would be shown is not what would be sent, or nobody is declared to ask', async () => {
    const { callId: naked } = await harness.park({ request: null });
    const { callId: differs } = await harness.park({ request: { paramsHash: 'x'.repeat(43) } });
    const { callId: edited } = await harness.park({ data: { toolDigest: `sha256:${'b'.repeat(64)}` } });
    const { callId: foreign } = await harness.park({ principal: { tenantId: 'globex' } });
    for (const callId of [naked, differs, edited, foreign])
      expect((await harness.heard('ApprovalRejected', callId ?? '')).data).toMatchObject({
        rejectedBy: 'system:approval',
        channel: 'none',
      });
    await replica.close();
    replica = await harness.start([{ ...RULE, id: 'finance' }]);
    const { callId: undeclared } = await harness.park({ ruleIds: ['people'] });
    expect((await harness.heard('ApprovalRejected', undeclared ?? '')).data.why).toContain('people');
  });
});

describe('answering', () => {
  test('grants to every call that waits, once, and to one that comes later', async () => {
    const first = await asked({ edgeId: 'edge-1' });
    const second = await asked({ chainId: 'chain-2', edgeId: 'edge-2' });
    const { status, body } = await replica.http('POST', `/${first.approvalId}/grant`);
    expect([status, body.status, body.waitingCalls]).toEqual([200, 'granted', 2]);
    for (const [callId, edgeId] of [
      [first.callId, 'edge-1'],
      [second.callId, 'edge-2'],
    ] as const) {
      expect(await harness.heard('ApprovalGranted', callId)).toMatchObject({
        edgeId,
        data: { approvalId: first.approvalId, grantedBy: ['user:grace'], ruleIds: ['people'], expiresAt: '2026-11-21T12:00:30.000Z' },
      });
    }
    const { callId } = await harness.park({ chainId: 'chain-3' });
    expect((await harness.heard('ApprovalGranted', callId ?? '')).data.approvalId).toBe(first.approvalId);
    expect(typesOf(callId ?? '')).toEqual(['ApprovalGranted']);
  });

  test('uses a grant with the first dispatch: the next call asks again', async () => {
    const { approvalId, callId } = await asked();
    await replica.http('POST', `/${approvalId}/grant`);
    await harness.heard('ApprovalGranted', callId);
    await harness.say('ToolCallDispatched', dispatched, callId);
    const next = await asked();
    expect(next.approvalId).not.toBe(approvalId);
    expect((await replica.http('GET', `/${approvalId}`)).body).toMatchObject({ status: 'used', outcome: { by: ['user:grace'] } });
    expect((await replica.http('GET', `/${next.approvalId}`)).body).toMatchObject({ history: { used: 1, rejected: 0 } });
  });

  test('answers the same call again when it is parked again with the grant in hand', async () => {
    const { approvalId, callId } = await asked();
    await replica.http('POST', `/${approvalId}/grant`);
    await harness.heard('ApprovalGranted', callId);
    await harness.park({ callId });
    await harness.settled();
    expect(typesOf(callId)).toEqual(['ApprovalRequested', 'ApprovalGranted', 'ApprovalGranted']);
  });

  test('forgets a grant that was not used in time', async () => {
    const { approvalId } = await asked();
    await replica.http('POST', `/${approvalId}/grant`);
    harness.clock.advance(30_000);
    expect((await replica.http('GET', `/${approvalId}`)).body.status).toBe('lapsed');
    expect((await asked()).approvalId).not.toBe(approvalId);
  });

  test('lets the first of many answers stand, and tells the others what was decided', async () => {
    const other = await harness.start([RULE], 'approval-2');
    const { approvalId, callId } = await asked();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => {
        const on = n % 2 === 0 ? replica : other;
        return n % 3 === 0
          ? on.http('POST', `/${approvalId}/reject`, `user:person-${n}`, { why: 'no' })
          : on.http('POST', `/${approvalId}/grant`, `user:person-${n}`, {});
      }),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const { status, body } of answers.filter((answer) => answer !== won[0]))
      expect({ status, body }).toMatchObject({
        status: 409,
        body: { code: 'approval.already-answered', detail: { status: won[0]?.body.status, by: [expect.stringMatching(/^user:person-/)] } },
      });
    await harness.settled();
    expect(typesOf(callId)).toEqual(['ApprovalRequested', won[0]?.body.status === 'granted' ? 'ApprovalGranted' : 'ApprovalRejected']);
  });

  test('needs as many different people as the rule says', async () => {
    await replica.close();
    replica = await harness.start([{ ...RULE, approvers: ['user:grace', 'user:olga', 'user:ada'], quorum: 2 }]);
    const { approvalId, callId } = await asked();
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:mia')).body.code).toBe('identity.forbidden');
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:grace')).body).toMatchObject({
      status: 'pending',
      demands: [{ quorum: 2, answeredBy: ['user:grace'] }],
    });
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:grace')).body.code).toBe('approval.already-answered');
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:ada')).body.code).toBe('approval.self-approval');
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:olga')).body.status).toBe('granted');
    expect((await harness.heard('ApprovalGranted', callId)).data).toMatchObject({
      grantedBy: ['user:grace', 'user:olga'],
      votes: [
        { by: 'user:grace', at: '2026-11-21T12:00:00.000Z', channel: 'http' },
        { by: 'user:olga', at: '2026-11-21T12:00:00.000Z', channel: 'http' },
      ],
    });
    const other = await asked({ args: { id: 2 } });
    await replica.http('POST', `/${other.approvalId}/grant`, 'user:grace');
    await replica.http('POST', `/${other.approvalId}/reject`, 'user:olga', { why: 'no' });
    expect((await harness.heard('ApprovalRejected', other.callId)).data).toMatchObject({
      votes: [{ by: 'user:grace' }],
      rejectedBy: 'user:olga',
    });
  });

  test('refuses the person and the agents of the call, programs, and people without the scope', async () => {
    const { approvalId, callId } = await asked();
    for (const self of ['user:ada', 'user:triage', 'service:ada', 'user:grace+agent:triage'])
      for (const what of ['grant', 'reject'])
        expect(await replica.http('POST', `/${approvalId}/${what}`, self, what === 'reject' ? { why: 'x' } : {}), self).toMatchObject({
          ...{ status: 403, body: { code: 'approval.self-approval' } },
        });
    for (const program of ['service:batch', 'user:grace+agent:helper', 'user:grace!'])
      expect(await replica.http('POST', `/${approvalId}/grant`, program), program).toMatchObject({
        ...{ status: 403, body: { code: 'identity.forbidden' } },
      });
    expect((await replica.http('POST', `/${approvalId}/grant`, null)).body.code).toBe('identity.token-missing');
    expect((await replica.http('POST', `/${approvalId}/unmask`, 'user:ada')).body.code).toBe('approval.self-approval');
    await harness.settled();
    expect(typesOf(callId)).toEqual(['ApprovalRequested']);
  });

  test('refuses an answer to something else than what was looked at', async () => {
    const { approvalId } = await asked();
    const { body } = await replica.http('GET', `/${approvalId}`);
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:grace', { paramsHash: 'x'.repeat(43) })).body.code).toBe(
      'approval.mismatch',
    );
    const seen = { paramsHash: body.paramsHash, toolDigest: `sha256:${'a'.repeat(64)}` };
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:grace', seen)).status).toBe(200);
  });

  test('refuses an answer by somebody who did not see that another agreed meanwhile, and says who did', async () => {
    await replica.close();
    replica = await harness.start([{ ...RULE, quorum: 2 }]);
    const { approvalId } = await asked();
    const { body } = await replica.http('GET', `/${approvalId}`, 'user:olga');
    expect(body).toMatchObject({ votes: [], refusal: null });
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:grace', { answers: 0 })).status).toBe(200);
    for (const what of ['grant', 'reject'])
      expect(
        await replica.http('POST', `/${approvalId}/${what}`, 'user:olga', { answers: 0, ...(what === 'reject' ? { why: 'no' } : {}) }),
      ).toMatchObject({ status: 409, body: { code: 'approval.changed', detail: { status: 'pending', by: ['user:grace'] } } });
    const now = (await replica.http('GET', `/${approvalId}`, 'user:olga')).body;
    expect(now).toMatchObject({ status: 'pending', votes: [{ by: 'user:grace', channel: 'http' }], refusal: null });
    expect((await replica.http('GET', `/${approvalId}`)).body).toMatchObject({ refusal: 'approval.already-answered', mayAnswer: false });
    expect((await replica.http('POST', `/${approvalId}/grant`, 'user:olga', { answers: 1 })).body.status).toBe('granted');
  });

  test('tells the waiting call why a person said no', async () => {
    const { approvalId, callId } = await asked();
    expect((await replica.http('POST', `/${approvalId}/reject`, 'user:grace', {})).body.code).toBe('request.invalid');
    await replica.http('POST', `/${approvalId}/reject`, 'user:grace', { why: 'wrong customer' });
    expect((await harness.heard('ApprovalRejected', callId)).data).toMatchObject({ rejectedBy: 'user:grace', why: 'wrong customer' });
    expect((await replica.http('GET', `/${approvalId}/status`, 'user:ada+agent:triage')).body).toMatchObject({
      ...{ status: 'rejected', why: 'wrong customer', answers: 0, quorum: 1 },
    });
  });
});

describe('ending', () => {
  test('takes silence for a no, also where the service was not there when the time came', async () => {
    const { approvalId, callId } = await asked();
    await replica.close();
    harness.clock.advance(60_000);
    replica = await harness.start([RULE], 'approval-2');
    expect((await harness.heard('ApprovalExpired', callId)).data).toEqual({ approvalId, votes: [] });
    expect((await replica.http('GET', `/${approvalId}`)).body).toMatchObject({ status: 'expired', mayAnswer: false });
  });

  test('refuses a late answer whether or not anything noticed the time, and ends the request by it', async () => {
    const { approvalId, callId } = await asked();
    harness.clock.advance(60_000);
    expect(await replica.http('POST', `/${approvalId}/grant`)).toMatchObject({ status: 403, body: { code: 'approval.expired' } });
    await harness.heard('ApprovalExpired', callId);
    expect(await replica.http('POST', `/${approvalId}/grant`)).toMatchObject({ status: 403, body: { code: 'approval.expired' } });
    await harness.settled();
    expect(typesOf(callId)).toEqual(['ApprovalRequested', 'ApprovalExpired']);
  });

  test('ends each request once, however many replicas look', async () => {
    const other = await harness.start([RULE], 'approval-2');
    const waiting = await Promise.all(Array.from({ length: 20 }, (_, id) => asked({ args: { id }, chainId: `chain-${id}` })));
    harness.clock.advance(60_000);
    await Promise.all([replica.endDue(), other.endDue(), replica.endDue(), other.endDue()]);
    for (const { callId } of waiting) await harness.heard('ApprovalExpired', callId);
    await harness.settled();
    for (const { callId } of waiting) expect(typesOf(callId)).toEqual(['ApprovalRequested', 'ApprovalExpired']);
  });

  test('is withdrawn when the last client hangs up, and a later answer is too late', async () => {
    const { approvalId, callId } = await asked();
    const second = await asked();
    await harness.say('ToolCallCancelled', hungUp, callId);
    await harness.settled();
    expect((await replica.http('GET', `/${approvalId}`)).body).toMatchObject({ status: 'pending', waitingCalls: 1 });
    await harness.say('ToolCallAbandoned', { stage: 'parked', reason: 'recovered' }, second.callId);
    expect((await harness.heard('ApprovalWithdrawn', second.callId)).data).toMatchObject({ approvalId, reason: 'client-gone' });
    expect((await replica.http('POST', `/${approvalId}/grant`)).body.code).toBe('approval.already-answered');
  });

  test('stays for a client that was told to come again, and for rules that outlive the client', async () => {
    const { approvalId, callId } = await asked();
    await harness.say('ToolCallAbandoned', { stage: 'parked', reason: AWAITING_RESEND }, callId);
    await harness.settled();
    await replica.http('POST', `/${approvalId}/grant`);
    const { callId: again } = await harness.park();
    expect((await harness.heard('ApprovalGranted', again ?? '')).data.approvalId).toBe(approvalId);
    await replica.close();
    replica = await harness.start([{ ...RULE, detach: true }]);
    const detached = await asked({ args: { id: 99 } });
    await harness.say('ToolCallCancelled', hungUp, detached.callId);
    await harness.settled();
    expect((await replica.http('POST', `/${detached.approvalId}/grant`)).body).toMatchObject({ status: 'granted', waitingCalls: 0 });
  });

  test('withdraws what was asked or granted under rules that are no more, and records the change', async () => {
    const pending = await asked();
    const granted = await asked({ args: { id: 2 } });
    await replica.http('POST', `/${granted.approvalId}/grant`);
    await replica.close();
    replica = await harness.start([RULE]);
    await harness.settled();
    expect(typesOf(pending.callId)).toEqual(['ApprovalRequested']);
    await replica.close();
    replica = await harness.start([{ ...RULE, quorum: 2 }]);
    for (const { callId } of [pending, granted])
      expect((await harness.heard('ApprovalWithdrawn', callId)).data.reason).toBe('rules-changed');
    expect((await replica.http('POST', `/${pending.approvalId}/grant`)).body.code).toBe('approval.already-answered');
    const changes = harness
      .said()
      .flatMap((event) => (event.type === 'ApprovalRuleChanged' && event.tenantId === 'acme' ? [event.data] : []));
    expect(changes).toMatchObject([
      { ruleId: '*', before: null, after: { quorum: 1 }, changedBy: 'system:declared-files' },
      { ruleId: '*', before: { quorum: 1 }, after: { quorum: 2 } },
    ]);
    expect((await asked()).approvalId).not.toBe(pending.approvalId);
  });

  test('does not answer a call that policy asks other rules for', async () => {
    const { approvalId } = await asked({ ruleIds: ['people'] });
    await replica.http('POST', `/${approvalId}/grant`);
    const stricter = await asked({ ruleIds: ['people', 'finance'] });
    expect(stricter.approvalId).not.toBe(approvalId);
    expect((await replica.http('GET', `/${approvalId}`)).body.status).toBe('withdrawn');
  });

  test('tells a call whose grant is of too few who is asked now, before it says that the grant is no more', async () => {
    const { approvalId, callId } = await asked({ ruleIds: ['people'] });
    await replica.http('POST', `/${approvalId}/grant`);
    const parked = await harness.park({ callId, ruleIds: ['people', 'finance'], args: { id: 7 } });
    await harness.heard('ApprovalWithdrawn', callId);
    const caused = harness.said(callId).filter(({ causationId }) => causationId === parked.id);
    expect(caused).toMatchObject([
      { type: 'ApprovalRequested', data: { ruleIds: ['finance', 'people'] } },
      { type: 'ApprovalWithdrawn', data: { approvalId, reason: 'rules-changed' } },
    ]);
  });
});

describe('seeing', () => {
  test('shows an approver what is asked, masked, with what the agent claims called claimed', async () => {
    const { approvalId } = await asked();
    expect((await replica.http('GET', `/${approvalId}`)).body).toMatchObject({
      ...{ status: 'pending', subject: 'user:ada', actors: ['agent:triage'], mayAnswer: true, waitingCalls: 1 },
      ...{ paramsMasked: { path: '/sandbox/a' }, redactions: [{ path: '/content' }], claimed: { model: 'model-1' } },
      ...{ reasons: ['Writes ask a person.'], outcome: null, demands: [{ ruleId: 'people', approvers: ['*'], quorum: 1, answeredBy: [] }] },
      history: { used: 0, granted: 0, rejected: 0, expired: 0, withdrawn: 0 },
      ...{ price: null, policyIds: [], votes: [], alike: [] },
    });
    expect((await replica.http('GET', `/${approvalId}`, 'user:ada')).body).toMatchObject({
      ...{ mayAnswer: false, refusal: 'approval.self-approval' },
    });
  });

  test('shows what the call will cost, against which budgets, and the policies that asked', async () => {
    const price = { amountMicros: 4_000, currency: 'USD', accounts: ['tenant:acme', 'user:ada'], priceListVersion: '7' };
    const { approvalId } = await asked({ data: { price, policyIds: ['high-risk-asks'] } });
    expect((await replica.http('GET', `/${approvalId}`)).body).toMatchObject({ price, policyIds: ['high-risk-asks'] });
  });

  test('shows what became of requests alike, those for exactly this apart, and the call that used a grant', async () => {
    const used = await asked();
    await replica.http('POST', `/${used.approvalId}/grant`);
    await harness.heard('ApprovalGranted', used.callId);
    await harness.say('ToolCallDispatched', dispatched, used.callId);
    await harness.settled();
    const rejected = await asked({ args: { id: 8 } });
    await replica.http('POST', `/${rejected.approvalId}/reject`, 'user:grace', { why: 'no' });
    await asked({ principal: { subject: 'user:mia' } });
    const { approvalId } = await asked();
    expect((await replica.http('GET', `/${approvalId}`)).body).toMatchObject({
      history: { used: 1, granted: 0, rejected: 1, expired: 0, withdrawn: 0 },
      historyOfSame: { used: 1, granted: 0, rejected: 0, expired: 0, withdrawn: 0 },
      alike: [
        { approvalId: rejected.approvalId, status: 'rejected', isSameCall: false },
        { approvalId: used.approvalId, status: 'used', isSameCall: true },
      ],
    });
    expect((await replica.http('GET', `/${used.approvalId}`)).body.outcome).toMatchObject({ by: ['user:grace'], callId: used.callId });
  });

  test('gives out true parameters only when the look is on record, and only while it waits', async () => {
    const { approvalId, callId } = await asked({ args: { card: '4111 1111 1111 1111' } });
    expect(await replica.http('POST', `/${approvalId}/unmask`)).toMatchObject({
      status: 200,
      body: { params: { name: 'write_file', arguments: { card: '4111 1111 1111 1111' } }, paths: ['/content'] },
    });
    expect((await harness.heard('ApprovalParamsUnmasked', callId)).data).toEqual({
      approvalId,
      unmaskedBy: 'user:grace',
      paths: ['/content'],
    });
    await replica.http('POST', `/${approvalId}/grant`);
    expect((await replica.http('POST', `/${approvalId}/unmask`)).body.code).toBe('approval.already-answered');
    const { rows } = await harness.database.query(
      `SELECT count(*)::int AS kept FROM (SELECT set_config('sallyport.tenant', '*', false)) s, approval_request WHERE sealed_params IS NOT NULL`,
    );
    expect(rows).toEqual([{ kept: 0 }]);
  });

  test('shows one tenant nothing of another, by any way of asking', async () => {
    const { approvalId } = await asked();
    const stranger = 'user:grace@globex';
    expect((await replica.http('GET', '', stranger)).body.approvals).toEqual([]);
    for (const [method, path] of [
      ['GET', `/${approvalId}`],
      ['GET', `/${approvalId}/status`],
      ['POST', `/${approvalId}/grant`],
      ['POST', `/${approvalId}/unmask`],
    ] as const)
      expect(await replica.http(method, path, stranger), path).toMatchObject({ status: 404, body: { code: 'request.not-found' } });
    expect((await replica.http('POST', `/${approvalId}/reject`, stranger, { why: 'x' })).status).toBe(404);
    expect((await replica.http('GET', '', '*@*')).body.approvals).toEqual([]);
    expect((await replica.http('GET', `/${approvalId}`)).body.status).toBe('pending');
  });

  test('tells the principal that asked how far it is, and nobody else', async () => {
    const { approvalId } = await asked();
    expect((await replica.http('GET', `/${approvalId}/status`, 'user:ada+agent:triage!')).body).toMatchObject({
      status: 'pending',
      answers: 0,
    });
    for (const other of ['user:ada!', 'user:eve+agent:triage!', 'user:ada+agent:other!', 'user:grace'])
      expect((await replica.http('GET', `/${approvalId}/status`, other)).status, other).toBe(404);
    for (const wrong of ['/not-an-id/status', '/not-an-id', '/019ab000-0000-7000-8000-000000000001'])
      expect((await replica.http('GET', wrong, 'user:grace')).status).toBe(404);
  });

  test('lists newest first, by status, in pages that neither skip nor repeat', async () => {
    const ids: string[] = [];
    for (let id = 0; id < 7; id += 1) ids.unshift((await asked({ args: { id } })).approvalId);
    await replica.http('POST', `/${ids[0]}/reject`, 'user:grace', { why: 'no' });
    const seen: string[] = [];
    let cursor: unknown = null;
    do {
      const { body } = await replica.http('GET', `?limit=3${cursor === null ? '' : `&cursor=${String(cursor)}`}`);
      const { approvals } = body as { approvals: { approvalId: string }[] };
      seen.push(...approvals.map(({ approvalId }) => approvalId));
      cursor = body.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(ids);
    const count = async (status: string) => ((await replica.http('GET', `?status=${status}`)).body.approvals as unknown[]).length;
    expect([await count('pending'), await count('rejected'), await count('granted'), await count('used')]).toEqual([6, 1, 0, 0]);
    harness.clock.advance(60_000);
    expect([await count('pending'), await count('expired')]).toEqual([0, 6]);
    expect((await replica.http('GET', '?status=other')).body.code).toBe('request.invalid');
  });

  test('finds them by person, agent, tool and several statuses, the oldest first where that is asked for', async () => {
    const first = await asked();
    const second = await asked({ args: { id: 8 } });
    const mine = await asked({ principal: { subject: 'user:mia', actors: ['agent:writer', 'agent:triage'] } });
    await replica.http('POST', `/${second.approvalId}/reject`, 'user:grace', { why: 'no' });
    const found = async (query: string): Promise<string[]> =>
      ((await replica.http('GET', query)).body as { approvals: { approvalId: string }[] }).approvals.map(({ approvalId }) => approvalId);
    expect(await found('?order=oldest')).toEqual([first.approvalId, second.approvalId, mine.approvalId]);
    expect(await found(`?order=oldest&cursor=${first.approvalId}&limit=1`)).toEqual([second.approvalId]);
    expect(await found('?status=rejected&status=used')).toEqual([second.approvalId]);
    expect(await found('?status=pending&subject=ada')).toEqual([first.approvalId]);
    expect(await found('?subject=user:mia')).toEqual([mine.approvalId]);
    expect(await found('?agent=writer')).toEqual([mine.approvalId]);
    expect(await found('?agent=agent:planner')).toEqual([]);
    expect(await found('?tool=fs/write_file&status=rejected')).toEqual([second.approvalId]);
    expect(await found('?tool=fs/other')).toEqual([]);
    expect((await replica.http('GET', '?subject=%00')).body.code).toBe('request.invalid');
  });
});
