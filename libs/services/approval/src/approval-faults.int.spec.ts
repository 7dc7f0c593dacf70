import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ApprovalHarness, openApprovalHarness, RULE } from './testing/approval.harness.js';

let postgres: TestPostgres;
let harness: ApprovalHarness;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
afterEach(() => harness.close());

const dispatched = {
  ...{ server: 'fs', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: `sha256:${'a'.repeat(64)}`, decisionId: 'd', dryRun: false },
  redactions: [],
};

test('asks once, though replicas hear of the same binding at the same time in different partitions', async () => {
  harness = await openApprovalHarness(postgres);
  const replica = await harness.start([RULE], 'approval-1');
  await harness.start([RULE], 'approval-2');
  await harness.start([RULE], 'approval-3');
  const parked = await Promise.all(Array.from({ length: 48 }, (_, n) => harness.park({ chainId: `chain-${n}` })));
  const asked = await Promise.all(parked.map(({ callId }) => harness.heard('ApprovalRequested', callId ?? '')));
  expect(new Set(asked.map(({ data }) => data.approvalId)).size).toBe(1);
  const { body } = await replica.http('GET', `/${asked[0]?.data.approvalId}`);
  expect(body).toMatchObject({ status: 'pending', waitingCalls: 48 });
});

describe('while the log is away', () => {
  test('keeps an answer and says it when the log is back, once and in order', async () => {
    harness = await openApprovalHarness(postgres, { logElsewhere: true });
    const replica = await harness.start();
    const { callId } = await harness.park();
    const { data } = await harness.heard('ApprovalRequested', callId ?? '');
    harness.outage.isOn = true;
    expect((await replica.http('POST', `/${data.approvalId}/grant`)).body.status).toBe('granted');
    expect(harness.faults).toHaveLength(1);
    expect(harness.said(callId ?? '').map(({ type }) => type)).toEqual(['ApprovalRequested']);
    harness.outage.isOn = false;
    await harness.settled();
    expect(harness.said(callId ?? '').map(({ type }) => type)).toEqual(['ApprovalRequested', 'ApprovalGranted']);
  });

  test('says after a restart what it could not say before', async () => {
    harness = await openApprovalHarness(postgres, { logElsewhere: true });
    const replica = await harness.start();
    const { callId } = await harness.park();
    const { data } = await harness.heard('ApprovalRequested', callId ?? '');
    harness.outage.isOn = true;
    await replica.http('POST', `/${data.approvalId}/reject`, 'user:grace', { why: 'no' });
    await replica.close();
    harness.outage.isOn = false;
    await harness.start([RULE], 'approval-2');
    await harness.heard('ApprovalRejected', callId ?? '');
    const { rows } = await harness.database.query('SELECT count(*)::int AS left FROM outbox');
    expect(rows).toEqual([{ left: 0 }]);
  });
});

test('executes nothing without a grant by somebody else for exactly that, and nothing twice, whatever the order of things', async () => {
  harness = await openApprovalHarness(postgres);
  const replica = await harness.start([{ ...RULE, waitSeconds: 20, grantSeconds: 20 }]);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('park' as const), params: fc.integer({ min: 1, max: 3 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('grant' as const),
        by: fc.constantFrom('user:grace', 'user:olga', 'user:ada', 'user:triage'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reject' as const), by: fc.constantFrom('user:grace', 'user:ada') }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('dispatch' as const), pick: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('hang-up' as const), pick: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 15 }) }) },
  );
  let history = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      history += 1;
      const chainId = `history-${history}`;
      const waiting: { callId: string; params: number }[] = [];
      const grantedBy = new Map<string, { people: string[]; params: number }>();
      const paramsOf = new Map<string, number>();
      // The edge's claims: the first call with a grant wins it, and no other is dispatched by it.
      const claims = new Set<string>();
      const usable = () =>
        waiting.flatMap((call) =>
          harness.said(call.callId).flatMap((event) => {
            const isUsable = event.type === 'ApprovalGranted' && !claims.has(event.data.approvalId);
            return isUsable && Date.parse(event.data.expiresAt) > harness.clock.nowMs() ? [{ call, event }] : [];
          }),
        );
      for (const one of steps) {
        if (one.do === 'park') {
          const { callId } = await harness.park({ chainId, args: { history, params: one.params } });
          waiting.push({ callId: callId ?? '', params: one.params });
          await harness.settled(chainId);
          for (const event of harness.said(callId ?? ''))
            if (event.type === 'ApprovalRequested') paramsOf.set(event.data.approvalId, one.params);
        } else if (one.do === 'grant' || one.do === 'reject') {
          for (const [approvalId, params] of paramsOf) {
            const answer = await replica.http('POST', `/${approvalId}/${one.do}`, one.by, one.do === 'reject' ? { why: 'no' } : {});
            if (answer.status !== 200 || one.do === 'reject') continue;
            expect(['user:grace', 'user:olga']).toContain(one.by);
            expect(grantedBy.has(approvalId)).toBe(false);
            grantedBy.set(approvalId, { people: [one.by], params });
            break;
          }
        } else if (one.do === 'dispatch') {
          const options = usable();
          const chosen = options[one.pick % Math.max(options.length, 1)];
          if (chosen === undefined) continue;
          const { approvalId } = chosen.event.data;
          expect(grantedBy.get(approvalId)?.params).toBe(chosen.call.params);
          claims.add(approvalId);
          waiting.splice(waiting.indexOf(chosen.call), 1);
          await harness.say('ToolCallDispatched', dispatched, chosen.call.callId, { key: chainId, chainId });
          await harness.settled(chainId);
          expect((await replica.http('GET', `/${approvalId}`)).body.status).toBe('used');
        } else if (one.do === 'hang-up') {
          const [gone] = waiting.splice(one.pick % Math.max(waiting.length, 1), 1);
          if (gone !== undefined)
            await harness.say('ToolCallCancelled', { stage: 'parked', reached: 'no', totalMicros: 1 }, gone.callId, {
              key: chainId,
              chainId,
            });
        } else harness.clock.advance(one.seconds * 1_000);
      }
      for (const approvalId of claims) expect(grantedBy.has(approvalId)).toBe(true);
      const told = harness.said().filter(({ chainId: of }) => of === chainId);
      // After a grant was used, no later call is answered from it.
      const firstOf = new Map<string, number>();
      for (const [place, event] of told.entries()) {
        if (event.type === 'ApprovalRejected' || event.type === 'ApprovalExpired' || event.type === 'ApprovalWithdrawn')
          firstOf.set(event.data.approvalId, firstOf.get(event.data.approvalId) ?? place);
        if (event.type === 'ApprovalGranted') expect(firstOf.has(event.data.approvalId)).toBe(false);
      }
    }),
    { numRuns: 25, verbose: 1, endOnFailure: true },
  );
  expect(harness.faults).toEqual([]);
});
