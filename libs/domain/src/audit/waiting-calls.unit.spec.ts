import { type AnyEnvelope, AWAITING_RESEND, type EventData } from '@sallyport/contracts';
import { anEvent, CALL_ID, policyDecided, requestFacts, toolCallCompleted, toolCallDispatched, toolCallRefused } from '@sallyport/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCallDetail } from './call-detail.js';
import { type CallState, initialCallState, isWhole, storedCallState, toCallRecord } from './call-state.js';
import { evolveCall } from './evolve-call.js';
import { toOcsfApiActivity } from './ocsf.js';
import { formatRecordLine } from './record-line.js';

const HASH = 'h'.repeat(43);
const DIGEST = `sha256:${'a'.repeat(64)}`;
const LATER = '2026-11-21T13:00:00.000Z';
const ANSWERED_AT = '2026-11-21T12:00:20.000Z';

const fold = (...events: readonly AnyEnvelope[]): CallState => events.reduce(evolveCall, initialCallState(CALL_ID, 'acme'));
const record = (...events: readonly AnyEnvelope[]) => {
  const made = toCallRecord(fold(...events));
  if (made === null) throw new TypeError('no record');
  return made;
};
const line = (...events: readonly AnyEnvelope[]): string => formatRecordLine(record(...events));

const charged = anEvent('ToolCallRequested', {
  ...{ ...requestFacts(), sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: 8_000, requires: ['policy', 'budget'] },
});
const planned = anEvent('ToolCallRequested', {
  ...{
    ...requestFacts({ purpose: 'plan' }),
    sealedParams: 'sealed',
    idempotencyKeyHash: null,
    ttlMs: 8_000,
    requires: ['policy', 'budget'],
  },
});
const demands = policyDecided({ effect: 'require-approval', policyIds: ['ask'] });
const parked = anEvent('ToolCallParked', { approvalRuleIds: ['money'], paramsHash: HASH, toolDigest: DIGEST, expiresAt: LATER });
const asked = (approvalId = 'a-1') =>
  anEvent('ApprovalRequested', {
    ...{ approvalId, paramsHash: HASH, toolDigest: DIGEST, principal: requestFacts().principal, tool: 'fs/write_file' },
    ...{ paramsMasked: {}, ruleIds: ['money'], approvers: ['user:grace'], quorum: 1, expiresAt: LATER },
  });
const granted = (approvalId = 'a-1') =>
  anEvent(
    'ApprovalGranted',
    {
      ...{
        approvalId,
        paramsHash: HASH,
        toolDigest: DIGEST,
        grantedBy: ['user:grace'],
        channel: 'console',
        expiresAt: LATER,
        ruleIds: ['money'],
      },
      votes: [{ by: 'user:grace', at: ANSWERED_AT, channel: 'console' }],
    },
    { occurredAt: ANSWERED_AT },
  );
const rejected = anEvent(
  'ApprovalRejected',
  { approvalId: 'a-1', rejectedBy: 'user:grace', channel: 'console', why: 'not on a Friday' },
  { occurredAt: ANSWERED_AT },
);
const expired = anEvent('ApprovalExpired', { approvalId: 'a-1' });
const withdrawn = anEvent('ApprovalWithdrawn', { approvalId: 'a-1', reason: 'the rules changed' });
const resumed = anEvent('ToolCallResumed', { approvalId: 'a-1', evaluation: 2, edgeId: 'edge-1' });
const allowedAnew = policyDecided({ evaluation: 2, approvalId: 'a-1' }, 'decided-2');
const sent = (approvalId: string | null = 'a-1') => toolCallDispatched({ decisionId: 'decided-2', approvalId });
const money = (amountMicros: number) => ({ amounts: [{ account: 'user:ada', amountMicros, calls: 1 }], currency: 'USD' });
const held = () => anEvent('BudgetReserved', { ...money(1_500), priceListVersion: '1' });
const back = (reason: string) => anEvent('BudgetReleased', { ...money(1_500), reason });
const settled = anEvent('BudgetSettled', money(1_500));
const refusedBy = (code: string) => toolCallRefused({ stage: 'approval', code, reasons: [] });
const abandoned = (reason: string) => anEvent('ToolCallAbandoned', { stage: 'parked', reason });
const lost = anEvent('ToolCallInDoubt', { attempt: 1, reason: 'the edge died' });
const resolved = (resolution: 'executed' | 'not-executed') =>
  anEvent('ToolCallResolved', { resolution, resolvedBy: 'user:grace', note: 'asked the bank' });
const planEnd = (over: Partial<EventData<'ToolCallPlanned'>> = {}) =>
  anEvent('ToolCallPlanned', {
    decisionId: 'decided-1',
    quoteMicros: 1_500,
    redactions: [],
    dryRunHash: null,
    totalMicros: 3_000,
    ...over,
  });
const quoted = anEvent('BudgetQuoted', { ...money(1_500), priceListVersion: '1', affordable: true });

describe('a call that waits for people', () => {
  test('says that it waits, by which rules and until when, and under which id people know it', () => {
    const waiting = record(charged, demands, parked, asked());
    expect(waiting).toMatchObject({
      outcome: 'waiting',
      decision: 'require-approval',
      endedAt: null,
      approval: { approvalId: 'a-1', status: 'waiting', ruleIds: ['money'], expiresAt: LATER, answeredBy: [] },
    });
    expect(formatRecordLine(waiting)).toBe(
      'user:ada via agent:triage called fs/write_file policy:ask require-approval waiting approval a-1 trace 4bf9…',
    );
    expect(record(charged, demands, parked)).toMatchObject({ outcome: 'waiting', approval: null });
  });

  test('was sent with its grant, whatever the approval service said of that before it heard so', () => {
    const used = { approvalId: 'a-1', status: 'used', answeredBy: ['user:grace'], answeredAt: ANSWERED_AT, why: null };
    const asIs = [charged, demands, parked, asked(), granted(), resumed, allowedAnew];
    expect(record(...asIs, sent(), withdrawn, toolCallCompleted())).toMatchObject({ outcome: 'completed', approval: used });
    expect(record(...asIs, withdrawn, sent(), toolCallCompleted())).toMatchObject({ outcome: 'completed', approval: used });
    expect(record(...asIs, withdrawn)).toMatchObject({ approval: { status: 'withdrawn', why: 'the rules changed' } });
  });

  test('is decided by its last evaluation, and says who agreed, when, by which channel and that this was used', () => {
    const whole = [charged, demands, parked, asked(), granted(), resumed, allowedAnew, sent(), toolCallCompleted()];
    expect(record(...whole)).toMatchObject({
      outcome: 'completed',
      decision: 'allow',
      approval: {
        ...{ approvalId: 'a-1', status: 'used', answeredBy: ['user:grace'], answeredAt: ANSWERED_AT, channel: 'console' },
        votes: [{ by: 'user:grace', at: ANSWERED_AT, channel: 'console' }],
      },
    });
    expect(line(...whole)).toBe(
      'user:ada via agent:triage called fs/write_file policy:writers-low allow approved by user:grace 7 ms trace 4bf9…',
    );
    expect(toOcsfApiActivity(fold(...whole))).toMatchObject({
      disposition_id: 8,
      unmapped: { approval_id: 'a-1', approval: { status: 'used', answered_by: ['user:grace'], channel: 'console', rules: ['money'] } },
    });
    const shown = formatCallDetail(record(...whole), []);
    expect(shown).toContain('approval    used a-1, asked by money at 2026-11-21T12:00:00.000Z');
    expect(shown).toContain(`answered    by user:grace at ${ANSWERED_AT} over console`);
  });

  test('tells of a grant that another call asked for and this one was handed', () => {
    expect(record(charged, demands, parked, granted(), resumed, allowedAnew, sent(), toolCallCompleted()).approval).toMatchObject({
      status: 'used',
      ruleIds: ['money'],
      askedAt: null,
      answeredBy: ['user:grace'],
    });
  });

  test('of several questions shows the one it was sent with, and while it waits the last', () => {
    const twice = [charged, demands, parked, asked(), granted(), resumed, { ...parked, id: 'again' }, asked('a-2')];
    expect(record(...twice)).toMatchObject({ outcome: 'waiting', approval: { approvalId: 'a-2', status: 'waiting' } });
    const used = { ...resumed, id: 'resumed-2', data: { approvalId: 'a-2', evaluation: 3, edgeId: 'edge-1' } } as AnyEnvelope;
    expect(record(...twice, granted('a-2'), used, sent('a-2'), toolCallCompleted()).approval).toMatchObject({
      approvalId: 'a-2',
      status: 'used',
    });
  });

  test.each([
    ['approval.rejected', rejected, { status: 'rejected', answeredBy: ['user:grace'], why: 'not on a Friday' }],
    ['approval.expired', expired, { status: 'expired', answeredBy: [] }],
    ['approval.withdrawn', withdrawn, { status: 'withdrawn', why: 'the rules changed' }],
  ])('refused with %s, waits for that answer to be on record and shows it', (code, answer, approval) => {
    const ended = [charged, demands, parked, asked(), refusedBy(code)];
    expect(isWhole(fold(...ended))).toBe(false);
    expect(isWhole(fold(...ended, answer))).toBe(true);
    expect(record(...ended, answer)).toMatchObject({ outcome: 'refused', code, decision: 'require-approval', priceMicros: null, approval });
    expect(toOcsfApiActivity(fold(...ended, answer))).toMatchObject({ disposition_id: 25, status_code: code });
  });

  test('rejected, names who said no on its line', () =>
    expect(line(charged, demands, parked, asked(), rejected, refusedBy('approval.rejected'))).toContain(
      ' require-approval refused approval.rejected by user:grace ',
    ));

  test('refused because nobody could be asked, or for another call than was granted, waits for no answer', () => {
    for (const code of ['approval.unavailable', 'approval.mismatch'])
      expect(isWhole(fold(charged, demands, parked, refusedBy(code)))).toBe(true);
  });

  test('whose grant had lapsed when it came to use it, is whole with that grant', () =>
    expect(isWhole(fold(charged, demands, parked, asked(), granted(), refusedBy('approval.expired')))).toBe(true));

  test('denied after people agreed, waits for that decision and not for the first', () => {
    const ended = [charged, demands, parked, asked(), granted(), resumed, toolCallRefused({ code: 'control.killed' })];
    expect(isWhole(fold(...ended))).toBe(false);
    const denied = policyDecided({ evaluation: 2, effect: 'deny', code: 'control.killed', policyIds: [] }, 'decided-2');
    expect(isWhole(fold(...ended, denied))).toBe(true);
    expect(record(...ended, denied)).toMatchObject({ decision: 'deny', outcome: 'refused', approval: { status: 'granted' } });
  });

  test('told to come again, is abandoned with the question still open, and goes on under its id when the client does', () => {
    const told = [charged, demands, parked, abandoned(AWAITING_RESEND)];
    expect(isWhole(fold(...told))).toBe(false);
    expect(isWhole(fold(...told, asked()))).toBe(true);
    expect(toOcsfApiActivity(fold(...told, asked()))).toMatchObject({ disposition_id: 14, action_id: 2 });
    expect(line(...told, asked())).toContain(' require-approval abandoned approval a-1 ');
    const back = [...told, asked(), { ...parked, id: 'parked-2', edgeId: 'edge-2' }];
    expect(record(...back)).toMatchObject({ outcome: 'waiting', endedAt: null });
    expect(record(...back, granted(), resumed, allowedAnew, sent(), toolCallCompleted())).toMatchObject({
      outcome: 'completed',
      approval: { status: 'used' },
    });
  });

  test('whose client never came back, is whole without any answer', () =>
    expect(isWhole(fold(charged, demands, parked, asked(), abandoned('client-gone')))).toBe(true));

  test('taken from a log that begins where it came back, is known all the same', () => {
    const request = requestFacts();
    const stands = { ...resumed, data: { ...resumed.data, request } } as AnyEnvelope;
    expect(record(stands, allowedAnew, sent(), toolCallCompleted())).toMatchObject({ target: 'fs/write_file', outcome: 'completed' });
  });

  test('is passed on with the grant it was sent with and its price, not with what was given back while it waited', () => {
    const edge = [charged, parked, resumed, sent(), toolCallCompleted()];
    const people = [asked(), granted()];
    const decisions = [demands, allowedAnew];
    expect(isWhole(fold(...edge, ...people, ...decisions, held(), back('parked')))).toBe(false);
    expect(isWhole(fold(...edge, ...people, ...decisions, held(), back('parked'), held()))).toBe(false);
    expect(isWhole(fold(...edge, ...decisions, held(), back('parked'), held(), settled))).toBe(false);
    expect(isWhole(fold(...edge, ...people, demands, held(), back('parked'), held(), settled))).toBe(false);
    const whole = fold(...edge, ...people, ...decisions, held(), back('parked'), held(), settled);
    expect(isWhole(whole)).toBe(true);
    expect(toCallRecord(whole)).toMatchObject({ priceMicros: 1_500 });
  });
});

describe('a call on two replicas', () => {
  const loser = { ...parked, id: 'parked-by-the-loser', edgeId: 'edge-2' };
  test('is what became of it at its tool, whatever the one that gave it up says, and in whichever order', () => {
    const start = [charged, demands, parked, asked(), granted(), resumed, allowedAnew];
    for (const events of [
      [sent(), refusedBy('approval.rejected'), toolCallCompleted()],
      [sent(), abandoned('client-gone'), toolCallCompleted()],
      [loser, sent(), toolCallCompleted()],
      [sent(), loser, toolCallCompleted()],
      [sent(), toolCallCompleted(), loser, abandoned('client-gone')],
    ])
      expect(record(...start, ...events)).toMatchObject({ outcome: 'completed', approval: { status: 'used' } });
  });

  test('costs what its one hold does, although the other replica was told that nothing more is held', () => {
    const nothingMore = anEvent('BudgetReserved', { amounts: [], currency: 'USD', priceListVersion: '1' });
    expect(record(charged, held(), nothingMore).priceMicros).toBe(1_500);
  });
});

describe('a call in doubt', () => {
  const start = [charged, policyDecided(), held(), toolCallDispatched(), lost];
  test('is passed on at once, and again when somebody settled it, with who did and its price', () => {
    expect(isWhole(fold(...start))).toBe(true);
    const charge = [...start, resolved('executed')];
    expect(isWhole(fold(...charge))).toBe(false);
    expect(isWhole(fold(...charge, settled))).toBe(true);
    expect(record(...charge, settled)).toMatchObject({
      outcome: 'completed',
      reasons: ['resolved:executed', 'by:user:grace'],
      priceMicros: 1_500,
    });
    const free = [...start, resolved('not-executed'), back('not-executed')];
    expect(isWhole(fold(...free))).toBe(true);
    expect(record(...free)).toMatchObject({ outcome: 'failed', reasons: ['resolved:not-executed', 'by:user:grace'], priceMicros: 0 });
    expect(toOcsfApiActivity(fold(...free))?.metadata).toMatchObject({ correlation_uid: CALL_ID, event_code: 'failed' });
  });
});

describe('a plan', () => {
  test('says that it was one, what was decided and what it would cost', () => {
    expect(line(planned, policyDecided(), quoted, planEnd())).toBe(
      'user:ada via agent:triage planned fs/write_file policy:writers-low allow 3 ms $0.0015 trace 4bf9…',
    );
    const denied = policyDecided({ effect: 'deny', code: 'policy.denied', policyIds: [], reasons: ['no-policy'] });
    expect(line(planned, denied, quoted, planEnd())).toBe(
      'user:ada via agent:triage planned fs/write_file policy:none deny policy.denied 3 ms $0.0015 trace 4bf9…',
    );
    expect(record(planned, denied, quoted, planEnd())).toMatchObject({ purpose: 'plan', outcome: 'planned', reasons: ['no-policy'] });
  });

  test('keeps the digest of what its dry run said, is never charged for it, and waits for no charge', () => {
    const tried = [planned, policyDecided(), toolCallDispatched({ dryRun: true }), planEnd({ dryRunHash: HASH })];
    expect(isWhole(fold(...tried))).toBe(false);
    expect(isWhole(fold(...tried, quoted))).toBe(true);
    expect(record(...tried, quoted)).toMatchObject({ dryRunHash: HASH, priceMicros: 1_500 });
    expect(formatCallDetail(record(...tried, quoted), [])).toContain(`dry run     ${HASH}`);
    expect(toOcsfApiActivity(fold(...tried, quoted))).toMatchObject({
      disposition_id: 17,
      unmapped: { purpose: 'plan', dry_run_hash: HASH },
    });
  });

  test('without a quote is whole without one', () =>
    expect(isWhole(fold(planned, policyDecided(), planEnd({ quoteMicros: null })))).toBe(true));
});

test('a call as an earlier version stored it can be read and folded on', () => {
  const { approvals: _approvals, turns: _turns, evaluation: _evaluation, holds: _holds, ...old } = fold(charged, demands);
  const read = storedCallState(JSON.parse(JSON.stringify(old)));
  expect([parked, asked()].reduce(evolveCall, read)).toEqual(fold(charged, demands, parked, asked()));
});

test('the life of a call that waits is the same whatever order the topics are read in, and however often an event is read', () => {
  const topics = [
    [charged, parked, abandoned(AWAITING_RESEND), { ...parked, id: 'parked-2' }, resumed, sent(), lost, resolved('executed')],
    [demands, allowedAnew],
    [held(), back('parked'), held(), settled],
    [asked(), granted()],
  ];
  const expected = fold(...topics.flat());
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 60 }), fc.array(fc.nat(30), { maxLength: 10 }), (turns, replays) => {
      const queues = topics.map((events) => [...events]);
      const read = [...turns, ...topics.flatMap((events, topic) => events.map(() => topic))].flatMap((turn) => queues[turn]?.shift() ?? []);
      // After all of it, any of it once more.
      const again = replays.flatMap((index) => read[index] ?? []);
      expect(fold(...read, ...again)).toEqual(expected);
    }),
  );
});
