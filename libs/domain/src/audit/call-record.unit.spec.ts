import type { AnyEnvelope } from '@sallyport/contracts';
import {
  anEvent,
  CALL_ID,
  policyDecided,
  requestFacts,
  TRACE_ID,
  toolCallCompleted,
  toolCallDispatched,
  toolCallRefused,
  toolCallRequested,
} from '@sallyport/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { initialCallState, isWhole, toCallRecord } from './call-state.js';
import { evolveCall } from './evolve-call.js';

const fold = (events: readonly AnyEnvelope[]) => events.reduce(evolveCall, initialCallState(CALL_ID, 'acme'));
const record = (...events: readonly AnyEnvelope[]) => toCallRecord(fold(events));

describe('a call record', () => {
  test('answers who did what, through whom, by which rule and with what outcome', () => {
    expect(record(toolCallRequested(), policyDecided(), toolCallDispatched(), toolCallCompleted())).toMatchObject({
      callId: CALL_ID,
      tenantId: 'acme',
      chainId: 'chain-1',
      traceId: TRACE_ID,
      target: 'fs/write_file',
      riskTier: 'write-low',
      decision: 'allow',
      policyIds: ['writers-low'],
      outcome: 'completed',
      code: null,
      labels: ['pii.email', 'secret.provider-key'],
      argumentRedactions: [],
      resultRedactions: [{ label: 'pii.email', count: 2 }],
      upstreamMicros: 2_000,
      totalMicros: 7_000,
    });
  });

  test('says that the server asked back, until the call is sent again', () => {
    const asked = anEvent('ToolCallInputRequired', {
      round: 1,
      requests: ['confirm'],
      outputHash: 'h'.repeat(43),
      labels: [],
      redactions: [],
      upstreamMicros: 1_000,
      totalMicros: 2_000,
    });
    const sent = [toolCallRequested(), policyDecided(), toolCallDispatched(), asked];
    expect(record(...sent)?.outcome).toBe('input-required');
    const again = { ...toolCallDispatched({ attempt: 2 }), id: 'sent-2' };
    expect(record(...sent, again)?.outcome).toBe('pending');
    expect(record(...sent, again, toolCallCompleted())?.outcome).toBe('completed');
  });

  test('is the same whatever order the topics are read in, and however often an event is read', () => {
    const edge = [
      toolCallRequested(),
      anEvent('ToolCallReevaluationRequested', {
        evaluation: 2,
        reason: 'decision-too-old',
        sealedParams: null,
        paramsHash: 'h'.repeat(43),
        labels: ['taint.web'],
        edgeId: 'edge-1',
      }),
      toolCallDispatched({ decisionId: 'decided-2' }),
      toolCallCompleted(),
    ];
    const policy = [policyDecided({ effect: 'deny' }), policyDecided({ evaluation: 2 }, 'decided-2')];
    const budget = [
      anEvent('BudgetReserved', { amounts: [{ account: 'a', amountMicros: 9, calls: 1 }], currency: 'USD', priceListVersion: '1' }),
      anEvent('BudgetSettled', { amounts: [{ account: 'a', amountMicros: 7, calls: 1 }], currency: 'USD' }),
    ];
    const expected = fold([...edge, ...policy, ...budget]);
    const topic = fc.constantFrom(0, 1, 2);
    fc.assert(
      fc.property(fc.array(topic, { minLength: 40, maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (turns, repeats) => {
        const queues = [[...edge], [...policy], [...budget]];
        const read: AnyEnvelope[] = [];
        for (const turn of [...turns, ...Array(10).fill(0), ...Array(10).fill(1), ...Array(10).fill(2)]) {
          const next = queues[turn]?.shift();
          if (next !== undefined) for (let n = 0; n < repeats; n++) read.push(next);
        }
        expect(fold(read)).toEqual(expected);
      }),
    );
  });

  test('is not shown before it is known who asked for what', () => {
    expect(record(policyDecided())).toBeNull();
  });

  test('tells a refusal by the edge alone from its one event', () => {
    const only = record(toolCallRefused({ stage: 'edge', code: 'content.arguments-too-large', request: requestFacts({ tool: null }) }));
    expect(only).toMatchObject({ target: 'fs/write_file', decision: 'none', outcome: 'refused', code: 'content.arguments-too-large' });
  });

  test('stays closed: a late cancellation does not change an outcome', () => {
    const late = anEvent('ToolCallCancelled', { stage: 'dispatched', reached: 'yes', totalMicros: 9_000 });
    expect(record(toolCallRequested(), toolCallCompleted(), late)?.outcome).toBe('completed');
  });

  test('lets a person settle what was in doubt', () => {
    const doubt = anEvent('ToolCallInDoubt', { attempt: 1, reason: 'edge lost' });
    const resolved = anEvent('ToolCallResolved', { resolution: 'not-executed', resolvedBy: 'user:grace', note: '' });
    expect(record(toolCallRequested(), doubt)?.outcome).toBe('in-doubt');
    expect(record(toolCallRequested(), doubt, resolved)).toMatchObject({
      outcome: 'failed',
      reasons: ['resolved:not-executed', 'by:user:grace'],
    });
  });

  test('of two decisions for one evaluation the first counts', () => {
    expect(record(toolCallRequested(), policyDecided(), policyDecided({ effect: 'deny' }, 'again'))?.decision).toBe('allow');
  });

  test('tells of a call that was dispatched anew, as nothing of it had been sent, by the dispatch and the decision that it went out under', () => {
    const anew = anEvent('ToolCallReevaluationRequested', {
      ...{ evaluation: 2, reason: 'decision-too-old', sealedParams: null, paramsHash: 'h'.repeat(43), labels: [], edgeId: 'edge-1' },
    });
    const first = { ...toolCallDispatched({ tokenId: 'jti-1' }), id: 'sent-1' };
    const second = { ...toolCallDispatched({ tokenId: 'jti-2', decisionId: 'decided-2' }), id: 'sent-2' };
    const told = [toolCallRequested(), first, anew, second, toolCallCompleted()];
    expect(fold([...told, first]).dispatch).toMatchObject({ tokenId: 'jti-2', decisionId: 'decided-2' });
    expect(isWhole(fold([...told, policyDecided()]))).toBe(false);
    expect(isWhole(fold([...told, policyDecided(), policyDecided({ evaluation: 2 }, 'decided-2')]))).toBe(true);
    const refused = toolCallRefused({ stage: 'policy', code: 'policy.unavailable' });
    expect(record(...told.slice(0, 3), refused)).toMatchObject({ outcome: 'refused', priceMicros: null });
  });

  test('is whole only with the decision its end rests on', () => {
    expect(isWhole(fold([toolCallRequested(), toolCallDispatched(), toolCallCompleted()]))).toBe(false);
    expect(isWhole(fold([toolCallRequested(), toolCallDispatched(), toolCallCompleted(), policyDecided()]))).toBe(true);
    expect(isWhole(fold([toolCallRequested(), toolCallRefused()]))).toBe(false);
    expect(isWhole(fold([toolCallRequested(), policyDecided(), toolCallRefused()]))).toBe(false);
    expect(isWhole(fold([toolCallRequested(), toolCallRefused({ code: 'policy.unavailable' })]))).toBe(true);
    expect(isWhole(fold([toolCallRequested(), policyDecided()]))).toBe(false);
  });
});
