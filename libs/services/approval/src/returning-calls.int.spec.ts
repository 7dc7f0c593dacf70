import { AWAITING_RESEND } from '@sallyport/contracts';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { acrossTenants } from './tenant-scope.js';
import { type ApprovalHarness, openApprovalHarness, type ParkedCall, type Replica, RULE } from './testing/approval.harness.js';
import { EndInSilence } from './waiting/end-in-silence.js';

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

const DAY_MS = 86_400_000;
const dispatched = {
  ...{ server: 'fs', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: `sha256:${'a'.repeat(64)}`, decisionId: 'd', dryRun: false },
  redactions: [],
};

/** Parks a call, waits until people are asked, and lets its client be told to come again. */
const told = async (call: ParkedCall = {}): Promise<{ callId: string; approvalId: string }> => {
  const { callId } = await harness.park(call);
  const event = await harness.heard('ApprovalRequested', callId ?? '');
  await harness.say('ToolCallAbandoned', { stage: 'parked', reason: AWAITING_RESEND }, callId ?? '');
  await harness.settled();
  return { callId: callId ?? '', approvalId: event.data.approvalId };
};
/** The same call comes back by another edge; resolves to what it is told. */
const back = async (callId: string, approvalId: string, call: ParkedCall = {}) => {
  const before = harness.said(callId).length;
  const parked = await harness.park({ callId, edgeId: 'edge-2', ...call, data: { approvalId, ...call.data } });
  await harness.settled();
  const events = harness.said(callId).slice(before);
  for (const { edgeId, causationId } of events) expect({ edgeId, causationId }).toEqual({ edgeId: 'edge-2', causationId: parked.id });
  return events;
};
const answer = (approvalId: string, verb: 'grant' | 'reject') =>
  replica.http('POST', `/${approvalId}/${verb}`, 'user:grace', verb === 'reject' ? { why: 'not today' } : {});

describe('a call that comes back', () => {
  test('waits on where nobody answered yet, and hears the answer where it waits now', async () => {
    const { callId, approvalId } = await told();
    expect(await back(callId, approvalId)).toMatchObject([{ type: 'ApprovalRequested', data: { approvalId } }]);
    await answer(approvalId, 'grant');
    expect(await harness.heard('ApprovalGranted', callId)).toMatchObject({ edgeId: 'edge-2', data: { approvalId } });
    expect((await replica.http('GET', '')).body.approvals).toHaveLength(1);
  });

  test('is told again that a person said no, by whom and why, and nobody is asked anew', async () => {
    const { callId, approvalId } = await told();
    await answer(approvalId, 'reject');
    const no = { type: 'ApprovalRejected', data: { approvalId, rejectedBy: 'user:grace', why: 'not today' } };
    expect(await back(callId, approvalId)).toMatchObject([no]);
    expect(await back(callId, approvalId)).toMatchObject([no]);
    expect((await replica.http('GET', '')).body.approvals).toHaveLength(1);
  });

  test('is told once that nobody answered, whether the time ended before it came or is seen to be over by it', async () => {
    const before = await told();
    harness.clock.advance(60_000);
    await replica.endDue();
    const end = (approvalId: string) => [{ type: 'ApprovalExpired', data: { approvalId } }];
    expect(await back(before.callId, before.approvalId)).toMatchObject(end(before.approvalId));
    const asker = await told({ args: { id: 8 } });
    const joined = await told({ args: { id: 8 } });
    expect(joined.approvalId).toBe(asker.approvalId);
    harness.clock.advance(60_000);
    expect(await back(joined.callId, joined.approvalId, { args: { id: 8 } })).toMatchObject(end(joined.approvalId));
    expect(await back(asker.callId, asker.approvalId, { args: { id: 8 } })).toMatchObject(end(asker.approvalId));
  });

  test('is told that its question was withdrawn when the rules changed meanwhile', async () => {
    const { callId, approvalId } = await told();
    await replica.close();
    replica = await harness.start([{ ...RULE, approvers: ['user:olga'] }]);
    expect(await back(callId, approvalId)).toMatchObject([{ type: 'ApprovalWithdrawn', data: { approvalId, reason: 'rules-changed' } }]);
  });

  test('is handed the grant that nobody used', async () => {
    const { callId, approvalId } = await told();
    await answer(approvalId, 'grant');
    expect(await back(callId, approvalId)).toMatchObject([{ type: 'ApprovalGranted', data: { approvalId } }]);
    await harness.say('ToolCallDispatched', { ...dispatched, approvalId }, callId);
    await harness.settled();
    expect((await replica.http('GET', `/${approvalId}`)).body.status).toBe('used');
  });

  test.each([
    [
      'was used by another call',
      async (approvalId: string) => {
        const { callId } = await harness.park();
        await harness.heard('ApprovalGranted', callId ?? '');
        await harness.say('ToolCallDispatched', { ...dispatched, approvalId }, callId ?? '');
        await harness.settled();
      },
    ],
    ['has run out', async () => harness.clock.advance(30_000)],
  ])('asks people anew when the grant it waited for %s', async (_what, happen) => {
    const { callId, approvalId } = await told();
    await answer(approvalId, 'grant');
    await happen(approvalId);
    const events = await back(callId, approvalId);
    expect(events).toMatchObject([{ type: 'ApprovalRequested' }]);
    expect(events[0]?.data).not.toMatchObject({ approvalId });
  });

  test('is asked about anew when it names what it never waited for, or comes back as something else', async () => {
    const other = await told();
    await answer(other.approvalId, 'reject');
    const { callId } = await harness.park({ data: { approvalId: other.approvalId } });
    expect((await harness.heard('ApprovalRequested', callId ?? '')).data.approvalId).not.toBe(other.approvalId);
    for (const change of [{ args: { id: 9 } }, { principal: { subject: 'user:eve' } }]) {
      const events = await back(other.callId, other.approvalId, change);
      expect(events).toMatchObject([{ type: 'ApprovalRequested' }]);
    }
  });

  test('changes nothing when its event comes again', async () => {
    const { callId, approvalId } = await told();
    await answer(approvalId, 'reject');
    const parked = await harness.park({ callId, data: { approvalId } });
    await harness.append(parked);
    await harness.settled();
    expect(harness.said(callId).filter(({ type }) => type === 'ApprovalRejected')).toHaveLength(2);
  });
});

describe('what is over', () => {
  const count = (table: string): Promise<number> =>
    acrossTenants(harness.database, async (tx) =>
      Number((await tx.query<{ count: string }>(`SELECT count(*) FROM ${table} WHERE tenant_id = 'acme'`)).rows[0]?.count),
    );
  const dropOld = () => replica.app.get(EndInSilence).dropOld();

  test('cannot be unmasked any more: its parameters went with its end', async () => {
    const { approvalId } = await told();
    expect((await replica.http('POST', `/${approvalId}/unmask`)).status).toBe(200);
    await answer(approvalId, 'reject');
    const sealed = await acrossTenants(harness.database, (tx) =>
      tx.query<{ sealed_params: string | null }>('SELECT sealed_params FROM approval_request'),
    );
    expect(sealed.rows).toEqual([{ sealed_params: null }]);
  });

  test('is dropped after 90 days with its votes and waits, however it ended, and nothing else is', async () => {
    await replica.close();
    replica = await harness.start([{ ...RULE, waitSeconds: 30 * 86_400 }]);
    const rejected = await told();
    await answer(rejected.approvalId, 'reject');
    const used = await told({ args: { id: 1 } });
    await answer(used.approvalId, 'grant');
    await back(used.callId, used.approvalId, { args: { id: 1 } });
    await harness.say('ToolCallDispatched', { ...dispatched, approvalId: used.approvalId }, used.callId);
    await harness.settled();
    const lapsed = await told({ args: { id: 2 } });
    await answer(lapsed.approvalId, 'grant');
    const { callId: undeclared } = await harness.park({ request: null });
    await harness.heard('ApprovalRejected', undeclared ?? '');
    harness.clock.advance(70 * DAY_MS);
    const pending = await told({ args: { id: 3 } });
    const recent = await told({ args: { id: 4 } });
    await answer(recent.approvalId, 'reject');
    await dropOld();
    expect(await count('approval_request')).toBe(5);
    harness.clock.advance(20 * DAY_MS + 60_000);
    await dropOld();
    for (const { approvalId } of [rejected, used, lapsed]) expect((await replica.http('GET', `/${approvalId}`)).status).toBe(404);
    expect((await replica.http('GET', `/${recent.approvalId}`)).body.status).toBe('rejected');
    expect((await replica.http('GET', `/${pending.approvalId}`)).body.status).toBe('pending');
    expect(await count('approval_call')).toBe(2);
    const events = await back(rejected.callId, rejected.approvalId);
    expect(events).toMatchObject([{ type: 'ApprovalRequested' }]);
  });
});
