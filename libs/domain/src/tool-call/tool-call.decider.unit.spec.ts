import type { EventData } from '@sallyport/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DECISION_AGE_MS_MAX,
  decideToolCall,
  evolveToolCall,
  initialToolCall,
  parkedToolCall,
  type RequiredAnswer,
  type ToolCallCommand,
  type ToolCallEvent,
  type ToolCallFact,
  type ToolCallState,
} from './tool-call.decider.js';

const HASH = 'h'.repeat(43);
const DIGEST = `sha256:${'a'.repeat(64)}`;
const EDGE = 'edge-1';

const facts: EventData<'ToolCallRefused'>['request'] & object = {
  principal: {
    subject: 'user:ada',
    actors: ['agent:triage'],
    tenantId: 'acme',
    issuer: 'https://issuer.example',
    scopes: ['tools:read'],
    mode: 'interactive',
    clientId: null,
    environment: 'test',
    tokenSource: 'dev',
    workflow: null,
  },
  transport: 'mcp',
  protocolVersion: '2026-07-28',
  method: 'tools/call',
  target: { kind: 'tool', server: 'fs', name: 'read_file' },
  tool: { id: 'fs/read_file', definitionDigest: DIGEST, version: '1', riskTier: 'read' },
  paramsMasked: {},
  paramsHash: HASH,
  labels: [],
  redactions: [],
  claimed: { model: null, prompt: null, intent: null, workflow: null, session: null, client: null },
  purpose: 'execute',
  edgeId: EDGE,
};
const question = { request: facts, sealedParams: 'sealed' };
const requested = (requires: RequiredAnswer[] = ['policy'], purpose: 'execute' | 'plan' = 'execute'): ToolCallFact => ({
  type: 'ToolCallRequested',
  data: { ...facts, purpose, sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: 8_000, requires },
});
const decision = (over: Partial<EventData<'PolicyDecided'>> = {}): EventData<'PolicyDecided'> => ({
  effect: 'allow',
  code: null,
  policyIds: ['readers'],
  policySetHash: DIGEST,
  engine: 'cedar',
  obligations: [],
  reasons: [],
  requiredScopes: [],
  visible: null,
  evaluation: 1,
  approvalId: null,
  epoch: 1,
  durationMicros: 1,
  ...over,
});
const decided = (over: Partial<EventData<'PolicyDecided'>> = {}): ToolCallFact => ({ type: 'PolicyDecided', data: decision(over) });
const reserved: ToolCallFact = { type: 'BudgetReserved', data: { amounts: [], currency: 'EUR', priceListVersion: '1' } };
const dispatchedData: EventData<'ToolCallDispatched'> = {
  server: 'fs',
  routeVersion: '1',
  attempt: 1,
  tokenId: 'jti',
  toolDigest: DIGEST,
  decisionId: 'd1',
  dryRun: false,
  redactions: [],
};
const dispatched: ToolCallFact = { type: 'ToolCallDispatched', data: dispatchedData };
const completedData: EventData<'ToolCallCompleted'> = {
  outcome: 'ok',
  upstreamCode: null,
  outputHash: HASH,
  outputMasked: {},
  outputBytes: 2,
  labels: [],
  redactions: [],
  interim: { count: 0, digest: null },
  upstreamMicros: 1,
  totalMicros: 2,
  reportedCostMicros: null,
};
const failedData: EventData<'ToolCallFailed'> = {
  code: 'upstream.timeout',
  reasons: [],
  reached: 'unknown',
  upstreamMicros: 1,
  totalMicros: 2,
};
const inputData = { requests: ['elicitation/create'], outputHash: HASH, labels: [], redactions: [], upstreamMicros: 1, totalMicros: 2 };
const dispatch = (decisionAgeMs: number | null = 5): ToolCallCommand => ({
  type: 'Dispatch',
  data: { decisionAgeMs, question, dispatched: dispatchedData },
});
const recall: ToolCallCommand = { type: 'RecallDispatch', data: { question } };
const record = (over: Partial<EventData<'PolicyDecided'>> = {}): ToolCallCommand => ({
  type: 'RecordPolicyDecision',
  data: { decision: decision(over), totalMicros: 9 },
});

const OTHER_DIGEST = `sha256:${'b'.repeat(64)}`;
const PEOPLE = { type: 'require-approval' as const, ruleIds: ['r'] };
const asking = decided({ effect: 'require-approval', obligations: [PEOPLE] });
const parkedData: EventData<'ToolCallParked'> = {
  approvalRuleIds: ['r'],
  paramsHash: HASH,
  toolDigest: DIGEST,
  expiresAt: '2026-11-21T12:00:00.000Z',
  request: facts,
  sealedParams: 'sealed',
  reasons: [],
};
const parked: ToolCallFact = { type: 'ToolCallParked', data: parkedData };
const park = (over: Partial<EventData<'ToolCallParked'>> = {}): ToolCallCommand => ({ type: 'Park', data: { ...parkedData, ...over } });
const resumedFact: ToolCallFact = { type: 'ToolCallResumed', data: { approvalId: 'a1', evaluation: 2, edgeId: EDGE } };
const resume = (grant: object = {}): ToolCallCommand => ({
  type: 'Resume',
  data: {
    grant: { paramsHash: HASH, toolDigest: DIGEST, remainingMs: 1_000, ...grant },
    resumed: { approvalId: 'a1', edgeId: EDGE, request: facts, sealedParams: 'sealed' },
    totalMicros: 1,
  },
});
const plannedData: EventData<'ToolCallPlanned'> = { decisionId: 'd1', quoteMicros: 5, redactions: [], dryRunHash: null, totalMicros: 1 };
const dryRun: ToolCallCommand = {
  type: 'Dispatch',
  data: { decisionAgeMs: 5, question, dispatched: { ...dispatchedData, dryRun: true } },
};

const fold = (history: readonly ToolCallFact[]): ToolCallState => history.reduce(evolveToolCall, initialToolCall);
const given = (...history: readonly ToolCallFact[]) => ({
  when: (command: ToolCallCommand) => ({
    thenHappens: (...expected: readonly object[]) => expect(decideToolCall(command, fold(history))).toMatchObject(expected),
    thenNothingHappens: () => expect(decideToolCall(command, fold(history))).toEqual([]),
  }),
});

test('dispatches a call that every required answer allows', () =>
  given(requested(), decided())
    .when(dispatch())
    .thenHappens({ type: 'ToolCallDispatched', data: { attempt: 1 } }));
test('dispatches nothing before the decision', () => given(requested()).when(dispatch()).thenNothingHappens());
test('dispatches nothing while the budget has not answered where it is required', () =>
  given(requested(['policy', 'budget']), decided())
    .when(dispatch())
    .thenNothingHappens());
test('dispatches with both answers, in either order', () => {
  given(requested(['policy', 'budget']), decided(), reserved)
    .when(dispatch())
    .thenHappens({ type: 'ToolCallDispatched' });
  given(requested(['policy', 'budget']), reserved, decided())
    .when(dispatch())
    .thenHappens({ type: 'ToolCallDispatched' });
});
test('dispatches nothing where no policy is among the required answers', () =>
  given(requested(['budget']), reserved)
    .when(dispatch())
    .thenNothingHappens());
test('dispatches no plan', () =>
  given(requested(['policy'], 'plan'), decided())
    .when(dispatch())
    .thenNothingHappens());
test('asks again when the question behind the decision is older than a second', () =>
  given(requested(), decided())
    .when(dispatch(DECISION_AGE_MS_MAX + 0.1))
    .thenHappens({
      type: 'ToolCallReevaluationRequested',
      data: { evaluation: 2, reason: 'decision-too-old', sealedParams: 'sealed', paramsHash: HASH, request: facts },
    }));
test('asks again when nobody knows how old the question is', () =>
  given(requested(), decided())
    .when(dispatch(null))
    .thenHappens({ type: 'ToolCallReevaluationRequested', data: { evaluation: 2 } }));
test('dispatches at exactly one second', () =>
  given(requested(), decided()).when(dispatch(DECISION_AGE_MS_MAX)).thenHappens({ type: 'ToolCallDispatched' }));
test('asks again for a dispatch of which nothing was sent, and dispatches the same attempt anew on the new answer alone', () => {
  const sent = [requested(['policy', 'budget']), decided(), reserved, dispatched] as const;
  given(...sent)
    .when(recall)
    .thenHappens({
      type: 'ToolCallReevaluationRequested',
      data: { evaluation: 2, reason: 'decision-too-old', sealedParams: 'sealed', paramsHash: HASH, request: facts },
    });
  const recalled = [...sent, ...decideToolCall(recall, fold(sent))];
  given(...recalled)
    .when(dispatch())
    .thenNothingHappens();
  given(...recalled, decided())
    .when(dispatch())
    .thenNothingHappens();
  given(...recalled, decided({ evaluation: 2 }))
    .when(dispatch())
    .thenHappens({ type: 'ToolCallDispatched', data: { attempt: 1 } });
  given(...recalled)
    .when(record({ effect: 'deny', evaluation: 2 }))
    .thenHappens({ type: 'ToolCallRefused', data: { stage: 'policy' } });
  given(...recalled)
    .when(failure())
    .thenNothingHappens();
});
test('asks again on the grant that the dispatch used up', () =>
  given(requested(), asking, parked, resumedFact, decided({ evaluation: 2, approvalId: 'a1' }), {
    type: 'ToolCallDispatched',
    data: { ...dispatchedData, approvalId: 'a1' },
  })
    .when(recall)
    .thenHappens({ type: 'ToolCallReevaluationRequested', data: { evaluation: 3, approvalId: 'a1' } }));
test('recalls nothing that was not dispatched, or has ended', () => {
  given(requested(), decided()).when(recall).thenNothingHappens();
  given(requested(), decided(), dispatched, { type: 'ToolCallInputRequired', data: { ...inputData, round: 1 } })
    .when(recall)
    .thenNothingHappens();
  given(requested(), decided(), dispatched, { type: 'ToolCallCompleted', data: completedData }).when(recall).thenNothingHappens();
});
test('does not take the answer to the first evaluation for the second', () => {
  const history = [
    requested(),
    decided(),
    ...decideToolCall(dispatch(2_000), fold([requested(), decided()])),
    decided(),
  ] satisfies ToolCallFact[];
  given(...history)
    .when(dispatch())
    .thenNothingHappens();
  given(...history, decided({ evaluation: 2 }))
    .when(dispatch())
    .thenHappens({ type: 'ToolCallDispatched' });
});
test('refuses what policy denies, with the reasons and the code of the decision', () =>
  given(requested())
    .when(record({ effect: 'deny', code: 'scope.insufficient', reasons: ['scope.user-ceiling'] }))
    .thenHappens({
      type: 'ToolCallRefused',
      data: { stage: 'policy', code: 'scope.insufficient', reasons: ['scope.user-ceiling'], request: null },
    }));
test('parks what people must agree to, and dispatches none of it', () => {
  for (const asks of [{ effect: 'require-approval' as const, obligations: [PEOPLE] }, { obligations: [PEOPLE] }]) {
    given(requested()).when(record(asks)).thenNothingHappens();
    given(requested(), decided(asks)).when(dispatch()).thenNothingHappens();
    given(requested(), decided(asks))
      .when(park())
      .thenHappens({ type: 'ToolCallParked', data: { paramsHash: HASH } });
  }
});
test('parks nothing that policy did not ask people about, and nothing else than what was asked', () => {
  given(requested()).when(park()).thenNothingHappens();
  given(requested(), decided()).when(park()).thenNothingHappens();
  given(requested(), asking)
    .when(park({ paramsHash: 'g'.repeat(43) }))
    .thenNothingHappens();
  given(requested(), asking)
    .when(park({ toolDigest: OTHER_DIGEST }))
    .thenNothingHappens();
  given(requested(['policy'], 'plan'), asking)
    .when(park())
    .thenNothingHappens();
});
test('resumes on a grant for exactly this call, and asks everybody again', () => {
  given(requested(), asking, parked)
    .when(resume())
    .thenHappens({ type: 'ToolCallResumed', data: { evaluation: 2, approvalId: 'a1' } });
  const resumed = [requested(['policy', 'budget']), asking, reserved, parked, resumedFact] as const;
  given(...resumed)
    .when(dispatch())
    .thenNothingHappens();
  given(...resumed, decided({ evaluation: 2, approvalId: 'a1' }))
    .when(dispatch())
    .thenNothingHappens();
  given(...resumed, decided({ evaluation: 2, approvalId: 'a1' }), reserved)
    .when(dispatch())
    .thenHappens({ type: 'ToolCallDispatched', data: { approvalId: 'a1' } });
});
test('does not resume on a grant for other parameters, another definition, or one that has lapsed', () => {
  const onGrant = (grant: object) => given(requested(), asking, parked).when(resume(grant));
  onGrant({ paramsHash: 'g'.repeat(43) }).thenHappens({ type: 'ToolCallRefused', data: { stage: 'approval', code: 'approval.mismatch' } });
  onGrant({ toolDigest: OTHER_DIGEST }).thenHappens({ type: 'ToolCallRefused', data: { code: 'approval.mismatch' } });
  onGrant({ remainingMs: 0 }).thenHappens({ type: 'ToolCallRefused', data: { code: 'approval.expired' } });
  given(requested(), asking).when(resume()).thenNothingHappens();
});
test('parks again when its grant was used by another call, and when its client comes back', () => {
  given(requested(), asking, parked, resumedFact, decided({ evaluation: 2, approvalId: 'a1' }))
    .when(park())
    .thenHappens({ type: 'ToolCallParked' });
  given(requested(), asking, parked)
    .when(park({ approvalId: 'a1' }))
    .thenHappens({ type: 'ToolCallParked', data: { approvalId: 'a1' } });
  expect(
    decideToolCall(
      park(),
      parkedToolCall({ evaluation: 1, paramsHash: HASH, toolDigest: DIGEST, labels: [], requires: ['policy'], mayHaveEffect: true }),
    ),
  ).toMatchObject([{ type: 'ToolCallParked' }]);
});
test('ends what waits for people by their no, their silence, or when nobody can be asked', () => {
  for (const how of ['rejected', 'expired', 'withdrawn', 'unavailable'] as const)
    given(requested(), asking, parked)
      .when({ type: 'RecordApprovalEnd', data: { how, reasons: ['why'], totalMicros: 1 } })
      .thenHappens({ type: 'ToolCallRefused', data: { stage: 'approval', code: `approval.${how}`, reasons: ['why'] } });
  given(requested(), asking, parked)
    .when({ type: 'AwaitResend' })
    .thenHappens({ type: 'ToolCallAbandoned', data: { stage: 'parked' } });
  given(requested(), asking, parked)
    .when({ type: 'Cancel', data: { reached: 'unknown', totalMicros: 1 } })
    .thenHappens({ type: 'ToolCallCancelled', data: { stage: 'parked', reached: 'no' } });
});
test('tells a recorded answer again without asking people twice, and nothing that policy denies by now', () => {
  const replay: ToolCallCommand = { type: 'AnswerLocally', data: { decisionAgeMs: 1, question, completed: completedData, isReplay: true } };
  given(requested(), asking).when(replay).thenHappens({ type: 'ToolCallCompleted' });
  given(requested(), decided({ effect: 'deny' }))
    .when(replay)
    .thenNothingHappens();
});
test('plans: tells what would be decided, whatever it is, and sends nothing but a dry run', () => {
  const plan: ToolCallCommand = { type: 'RecordPlan', data: plannedData };
  const asked = requested(['policy', 'budget'], 'plan');
  const quoted: ToolCallFact = { type: 'BudgetQuoted', data: { amounts: [], currency: 'EUR', priceListVersion: '1', affordable: true } };
  given(asked)
    .when(record({ effect: 'deny', code: 'policy.denied' }))
    .thenNothingHappens();
  given(asked, decided({ effect: 'deny' }))
    .when(plan)
    .thenNothingHappens();
  given(asked, decided({ effect: 'deny' }), quoted)
    .when(plan)
    .thenHappens({ type: 'ToolCallPlanned' });
  given(asked, decided(), quoted).when(dispatch()).thenNothingHappens();
  given(asked, decided(), quoted)
    .when(dryRun)
    .thenHappens({ type: 'ToolCallDispatched', data: { dryRun: true } });
  given(asked, asking, quoted).when(dryRun).thenNothingHappens();
  const tried: ToolCallFact = { type: 'ToolCallDispatched', data: { ...dispatchedData, dryRun: true } };
  given(asked, decided(), quoted, tried).when(plan).thenHappens({ type: 'ToolCallPlanned' });
  given(asked, decided(), quoted, tried).when({ type: 'RecordAnswer', data: completedData }).thenNothingHappens();
  given(requested(), decided()).when(plan).thenNothingHappens();
  given(requested(), decided()).when(dryRun).thenNothingHappens();
});
test('tells no plan for a tool that the principal may not know of', () =>
  given(requested(['policy', 'budget'], 'plan'))
    .when(record({ effect: 'deny', code: 'tool.unknown' }))
    .thenHappens({ type: 'ToolCallRefused', data: { code: 'tool.unknown' } }));
test('refuses an allow whose obligation it cannot fulfil', () => {
  given(requested())
    .when(record({ obligations: [{ type: 'dry-run' }] }))
    .thenHappens({ type: 'ToolCallRefused', data: { code: 'policy.denied', reasons: ['obligation.unfulfilled.dry-run'] } });
  given(requested(), decided({ obligations: [{ type: 'dry-run' }] }))
    .when(dispatch())
    .thenNothingHappens();
});
test('does nothing about a second or late decision', () => {
  given(requested(), decided())
    .when(record({ effect: 'deny' }))
    .thenNothingHappens();
  given(requested())
    .when(record({ effect: 'deny', evaluation: 2 }))
    .thenNothingHappens();
  given(requested(), decided(), dispatched)
    .when(record({ effect: 'deny' }))
    .thenNothingHappens();
});
test('refuses when the wait for the decision is over, naming what was missing', () =>
  given(requested())
    .when({ type: 'PassDeadline', data: { deadline: 'answers', totalMicros: 8 } })
    .thenHappens({ type: 'ToolCallRefused', data: { stage: 'policy', code: 'policy.unavailable', reasons: ['missing.policy'] } }));
test('refuses when the call is worth nothing any more', () =>
  given(requested(), decided())
    .when({ type: 'PassDeadline', data: { deadline: 'ttl', totalMicros: 8 } })
    .thenHappens({ type: 'ToolCallRefused', data: { stage: 'edge', code: 'call.deadline-passed' } }));
test('lets a deadline pass once bytes went out', () =>
  given(requested(), decided(), dispatched)
    .when({ type: 'PassDeadline', data: { deadline: 'ttl', totalMicros: 8 } })
    .thenNothingHappens());
test('tells the whole story in one event when it refuses by itself', () =>
  given()
    .when({ type: 'RefuseAtEdge', data: { code: 'call.tenant-saturated', reasons: [], totalMicros: 1, request: facts } })
    .thenHappens({ type: 'ToolCallRefused', data: { stage: 'edge', request: facts } }));
test('records the answer of a dispatched call once', () => {
  given(requested(), decided(), dispatched).when({ type: 'RecordAnswer', data: completedData }).thenHappens({ type: 'ToolCallCompleted' });
  given(requested(), decided(), dispatched, { type: 'ToolCallCompleted', data: completedData })
    .when({ type: 'RecordAnswer', data: completedData })
    .thenNothingHappens();
});
test('answers by itself only when cleared and fresh', () => {
  const answer = (decisionAgeMs: number): ToolCallCommand => ({
    type: 'AnswerLocally',
    data: { decisionAgeMs, question, completed: completedData },
  });
  given(requested()).when(answer(1)).thenNothingHappens();
  given(requested(), decided()).when(answer(1)).thenHappens({ type: 'ToolCallCompleted' });
  given(requested(), decided()).when(answer(1_500)).thenHappens({ type: 'ToolCallReevaluationRequested' });
});
const write = { ...facts, tool: { id: 'fs/write_file', definitionDigest: DIGEST, version: '1', riskTier: 'write-low' as const } };
const writeRequested = (purpose: 'execute' | 'plan' = 'execute'): ToolCallFact => ({
  type: 'ToolCallRequested',
  data: { ...write, purpose, sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: 8_000, requires: ['policy'] },
});
const failure = (over: Partial<EventData<'ToolCallFailed'>> & { isRefused?: boolean } = {}): ToolCallCommand => {
  const { isRefused = false, ...data } = over;
  return { type: 'RecordFailure', data: { ...failedData, ...data }, isRefused };
};
test('leaves a write in doubt that was sent and not answered, whoever lives', () => {
  for (const reached of ['yes', 'unknown'] as const)
    given(writeRequested(), decided(), dispatched)
      .when(failure({ reached }))
      .thenHappens({ type: 'ToolCallInDoubt', data: { attempt: 1, reason: `upstream.timeout reached:${reached}` } });
  for (const reached of ['yes', 'unknown'] as const)
    given(writeRequested(), decided(), dispatched)
      .when({ type: 'Cancel', data: { reached, totalMicros: 1 } })
      .thenHappens({ type: 'ToolCallInDoubt', data: { attempt: 1, reason: `client-gone reached:${reached}` } });
});
test('leaves nothing in doubt that was not sent, that its server refused, that only reads, or that was a dry run', () => {
  const failed = { type: 'ToolCallFailed', data: { code: 'upstream.timeout' } };
  given(writeRequested(), decided(), dispatched)
    .when(failure({ reached: 'no' }))
    .thenHappens(failed);
  given(writeRequested(), decided(), dispatched)
    .when(failure({ reached: 'yes', isRefused: true }))
    .thenHappens(failed);
  given(requested(), decided(), dispatched).when(failure()).thenHappens(failed);
  const tried: ToolCallFact = { type: 'ToolCallDispatched', data: { ...dispatchedData, dryRun: true } };
  given(writeRequested('plan'), decided(), tried).when(failure()).thenHappens(failed);
  given(writeRequested('plan'), decided(), tried)
    .when({ type: 'Cancel', data: { reached: 'yes', totalMicros: 1 } })
    .thenHappens({ type: 'ToolCallCancelled' });
  given(writeRequested(), decided(), dispatched)
    .when({ type: 'Cancel', data: { reached: 'no', totalMicros: 1 } })
    .thenHappens({ type: 'ToolCallCancelled', data: { stage: 'dispatched', reached: 'no' } });
});
test('says nothing more of a call in doubt', () => {
  const doubted = [writeRequested(), decided(), dispatched, { type: 'ToolCallInDoubt', data: { attempt: 1, reason: 'r' } }] as const;
  for (const command of [failure(), recall, dispatch(), { type: 'RecordAnswer', data: completedData } as const])
    given(...doubted)
      .when(command)
      .thenNothingHappens();
});
test('counts the rounds of a call that asks back', () =>
  given(requested(), decided(), dispatched)
    .when({ type: 'RequireInput', data: inputData })
    .thenHappens({ type: 'ToolCallInputRequired', data: { round: 1 } }));
test('says how far a call had come when its client hung up', () => {
  const hangUp: ToolCallCommand = { type: 'Cancel', data: { reached: 'unknown', totalMicros: 3 } };
  given(requested())
    .when(hangUp)
    .thenHappens({ type: 'ToolCallCancelled', data: { stage: 'requested', reached: 'no' } });
  given(requested(), decided(), dispatched)
    .when(hangUp)
    .thenHappens({ type: 'ToolCallCancelled', data: { stage: 'dispatched', reached: 'unknown' } });
  given().when(hangUp).thenNothingHappens();
});

const requiresArbitrary = fc.constantFrom<RequiredAnswer[]>(['policy'], ['budget'], ['policy', 'budget']);
const evaluationArbitrary = fc.integer({ min: 1, max: 3 });
const policyArbitrary = fc.record({
  effect: fc.constantFrom('allow', 'deny', 'require-approval'),
  evaluation: evaluationArbitrary,
  obligations: fc.constantFrom<EventData<'PolicyDecided'>['obligations']>(
    [],
    [{ type: 'mask-result', labels: [] }],
    [{ type: 'dry-run' }],
    [PEOPLE],
  ),
  approvalId: fc.constantFrom(null, 'a1'),
});
const commandArbitrary: fc.Arbitrary<ToolCallCommand> = fc.oneof(
  fc.tuple(requiresArbitrary, fc.constantFrom('execute', 'plan'), fc.constantFrom(facts, write)).map(([requires, purpose, { tool }]) => {
    const event = requested(requires, purpose);
    if (event.type !== 'ToolCallRequested') throw new TypeError('not a request');
    return { type: 'RequestCall' as const, data: { ...event.data, tool } };
  }),
  fc.constant<ToolCallCommand>({ type: 'RefuseAtEdge', data: { code: 'c', reasons: [], totalMicros: 1, request: facts } }),
  policyArbitrary.map((over) => record(over)),
  fc.constantFrom<ToolCallCommand>(
    { type: 'RecordBudgetAnswer', data: { answer: { type: 'reserved' }, totalMicros: 1 } },
    { type: 'RecordBudgetAnswer', data: { answer: { type: 'refused', reason: 'exhausted' }, totalMicros: 1 } },
    { type: 'RefuseBeforeDispatch', data: { stage: 'dispatch', code: 'c', reasons: [], totalMicros: 1 } },
    { type: 'PassDeadline', data: { deadline: 'answers', totalMicros: 1 } },
    { type: 'PassDeadline', data: { deadline: 'ttl', totalMicros: 1 } },
    { type: 'RecordAnswer', data: completedData },
    failure(),
    failure({ reached: 'no' }),
    { type: 'RequireInput', data: inputData },
    { type: 'Cancel', data: { reached: 'yes', totalMicros: 1 } },
    { type: 'AnswerLocally', data: { decisionAgeMs: 1, question, completed: completedData } },
    { type: 'AnswerLocally', data: { decisionAgeMs: 3_000, question, completed: completedData } },
    park(),
    resume(),
    resume({ remainingMs: 0 }),
    { type: 'RecordApprovalEnd', data: { how: 'rejected', reasons: [], totalMicros: 1 } },
    { type: 'AwaitResend' },
    dryRun,
    recall,
    { type: 'RecordPlan', data: plannedData },
  ),
  fc.constantFrom(0, 999, 1_001, null).map((age) => dispatch(age)),
);

/** What the edge folds for a command: the answer the command carries, if any, then what was decided. */
const answerOf = (command: ToolCallCommand): readonly ToolCallFact[] => {
  if (command.type === 'RecordPolicyDecision') return [{ type: 'PolicyDecided', data: command.data.decision }];
  if (command.type === 'RecordBudgetAnswer')
    return command.data.answer.type === 'reserved'
      ? [reserved]
      : [
          {
            type: 'BudgetReservationRefused',
            data: { account: null, reason: 'exhausted', remainingMicros: null, currency: null, resetsAt: null },
          },
        ];
  return [];
};

test('keeps every promise on random orders: closed stays closed, nothing goes out without every answer, allow never follows deny', () => {
  fc.assert(
    fc.property(fc.array(commandArbitrary, { maxLength: 40 }), (commands) => {
      let state = initialToolCall;
      const written: ToolCallEvent[] = [];
      const firstEffect = new Map<number, string>();
      let paid: 'reserved' | 'quoted' | 'refused' | null = null;
      let requires: readonly RequiredAnswer[] = [];
      let recalls = 0;
      let isWrite = false;
      for (const command of commands) {
        const before = state;
        const events = decideToolCall(command, before);
        if (before.status === 'closed') expect(events).toEqual([]);
        if (before.status === 'none' && command.type === 'RequestCall')
          isWrite = command.data.tool?.riskTier === 'write-low' && command.data.purpose === 'execute';
        if (before.status === 'requested') {
          requires = before.requires;
          if (
            command.type === 'RecordPolicyDecision' &&
            command.data.decision.evaluation === before.evaluation &&
            !firstEffect.has(before.evaluation)
          )
            firstEffect.set(before.evaluation, command.data.decision.effect);
          if (command.type === 'RecordBudgetAnswer') paid ??= command.data.answer.type;
        }
        for (const event of events) {
          if (before.status === 'dispatched' && event.type === 'ToolCallReevaluationRequested') recalls += 1;
          if (event.type === 'ToolCallParked') paid = null;
          if (event.type === 'ToolCallDispatched' || (event.type === 'ToolCallCompleted' && before.status === 'requested')) {
            if (before.status !== 'requested') throw new Error('acted without having asked');
            expect(firstEffect.get(before.evaluation)).toBe('allow');
            expect(requires).toContain('policy');
            if (requires.includes('budget')) expect(paid).toBe('reserved');
          }
        }
        state = [...answerOf(command), ...events].reduce(evolveToolCall, state);
        if (before.status === 'closed') expect(state).toEqual(before);
        written.push(...events);
      }
      const closing = written.filter((event) =>
        ['ToolCallRefused', 'ToolCallCompleted', 'ToolCallFailed', 'ToolCallCancelled', 'ToolCallInDoubt'].includes(event.type),
      );
      expect(closing.length).toBeLessThanOrEqual(1);
      const last = written.at(-1);
      if (last?.type === 'ToolCallFailed' && isWrite) expect(last.data.reached).toBe('no');
      // Whoever recalls a dispatch says that nothing of it was sent: so one of them all may have been, and it rests on an answer of its own.
      const dispatches = written.filter((event) => event.type === 'ToolCallDispatched');
      expect(dispatches.length).toBeLessThanOrEqual(recalls + 1);
      expect(new Set(dispatches.map(({ data }) => data.attempt)).size).toBeLessThanOrEqual(1);
    }),
    { numRuns: 3_000 },
  );
});
