import type { AnyEnvelope } from '@sallyport/contracts';
import { anEvent, policyDecided, toolCallCompleted, toolCallDispatched, toolCallRefused, toolCallRequested } from '@sallyport/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callMeasures, latencyBucket, latencyOfBucket, percentile } from './call-measures.js';
import { initialCallState } from './call-state.js';
import { evolveCall } from './evolve-call.js';

const measured = (...events: readonly AnyEnvelope[]) => {
  const measures = callMeasures(events.reduce(evolveCall, initialCallState('c', 'acme')));
  return measures === null ? null : { ...Object.fromEntries(measures.counts), ...Object.fromEntries(measures.gauges) };
};
const MONEY = { amounts: [{ account: 'user:ada', amountMicros: 1_500, calls: 1 }], currency: 'USD' };

describe('what a call counts for', () => {
  test('is one call, its decision by a rule, its time and what it cost', () => {
    expect(
      measured(toolCallRequested(), policyDecided(), toolCallDispatched(), toolCallCompleted(), anEvent('BudgetSettled', MONEY)),
    ).toEqual({
      ...{ calls: 1, decided: 1, 'by-rule': 1, completed: 1, 'spend:USD': 1_500 },
      [`latency:${latencyBucket(7_000)}`]: 1,
    });
  });

  test('is a refusal by its code, and one more code for all that are not ours', () => {
    expect(measured(toolCallRequested(), policyDecided({ effect: 'deny', policyIds: [] }), toolCallRefused())).toEqual({
      ...{ calls: 1, decided: 1, refused: 1, 'code:policy.denied': 1 },
    });
    expect(measured(toolCallRequested(), toolCallRefused({ code: 'anything' }))).toMatchObject({ 'code:other': 1 });
  });

  test('is a wait as long as it waits, and a doubt as long as it is in doubt', () => {
    const parked = anEvent('ToolCallParked', {
      ...{
        approvalRuleIds: ['money'],
        paramsHash: 'h'.repeat(43),
        toolDigest: `sha256:${'a'.repeat(64)}`,
        expiresAt: '2026-11-21T13:00:00.000Z',
      },
    });
    expect(measured(toolCallRequested(), parked)).toMatchObject({ waiting: 1 });
    expect(measured(toolCallRequested(), parked, toolCallRefused({ stage: 'approval' }))).not.toHaveProperty('waiting');
    expect(measured(toolCallRequested(), anEvent('ToolCallInDoubt', { attempt: 1, reason: 'lost' }))).toMatchObject({ 'in-doubt': 1 });
  });

  test('is nothing for a list, a plan, and what nobody asked for yet', () => {
    expect(measured(toolCallRequested({ method: 'tools/list' }))).toBeNull();
    expect(measured(toolCallRequested({ purpose: 'plan' }))).toBeNull();
    expect(measured(policyDecided())).toBeNull();
  });
});

describe('a percentile', () => {
  test('is within a tenth of the duration it stands for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 86_400_000_000 }), (micros) => {
        expect(Math.abs(latencyOfBucket(latencyBucket(micros)) - micros)).toBeLessThanOrEqual(micros * 0.1 + 1);
      }),
    );
  });

  test('is that of the share asked for, and nothing of nothing', () => {
    const counts = new Map([
      [latencyBucket(1_000), 90],
      [latencyBucket(1_000_000), 10],
    ]);
    expect(percentile(counts, 0.5)).toBe(latencyOfBucket(latencyBucket(1_000)));
    expect(percentile(counts, 0.95)).toBe(latencyOfBucket(latencyBucket(1_000_000)));
    expect(percentile(new Map(), 0.5)).toBeNull();
  });
});
