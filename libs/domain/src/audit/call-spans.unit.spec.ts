import type { AnyEnvelope } from '@sallyport/contracts';
import { anEvent, policyDecided, toolCallCompleted, toolCallDispatched, toolCallRefused, toolCallRequested } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { callSpans } from './call-spans.js';

const at = (event: AnyEnvelope, ms: number): AnyEnvelope => ({
  ...event,
  occurredAt: new Date(Date.UTC(2026, 10, 21, 12) + ms).toISOString(),
});
const MONEY = { amounts: [{ account: 'user:ada', amountMicros: 1_500, calls: 1 }], currency: 'USD' };
const HASH = 'h'.repeat(43);
const DIGEST = `sha256:${'a'.repeat(64)}`;

/** `stage start+duration` in milliseconds. */
const shown = (events: readonly AnyEnvelope[]) =>
  callSpans(events).map(({ stage, startMicros, durationMicros }) => `${stage} ${startMicros / 1_000}+${durationMicros / 1_000}`);

const ALLOWED = [
  at(toolCallRequested(), 10),
  at(policyDecided({ durationMicros: 1_000 }), 14),
  at(anEvent('BudgetReserved', { ...MONEY, priceListVersion: '1' }), 13),
  at(toolCallDispatched(), 15),
  at(toolCallCompleted({ upstreamMicros: 20_000, totalMicros: 28_000 }), 36),
  at(anEvent('BudgetSettled', MONEY), 40),
];

describe('where the time of a call went', () => {
  test('is told stage by stage, side by side where things happen side by side', () => {
    expect(shown(ALLOWED)).toEqual(['receive 0+2', 'queue 2+3', 'hold 2+3', 'decide 5+1', 'dispatch 6+1', 'upstream 8+20', 'book 28+4']);
  });

  test('is the same in whatever order the events are read', () => {
    expect(shown(ALLOWED.toReversed())).toEqual(shown(ALLOWED));
  });

  test('names the event that ended each stretch', () => {
    expect(callSpans(ALLOWED).find(({ stage }) => stage === 'upstream')?.eventId).toBe('completed');
  });

  test('is the wait for people from the parking to the grant, or to the no', () => {
    const parked = at(
      anEvent('ToolCallParked', {
        approvalRuleIds: ['money'],
        paramsHash: HASH,
        toolDigest: DIGEST,
        expiresAt: '2026-11-21T13:00:00.000Z',
      }),
      12,
    );
    const resumed = at(anEvent('ToolCallResumed', { approvalId: 'a', evaluation: 2, edgeId: 'edge-1' }), 5_012);
    const beginning = [at(toolCallRequested(), 10), at(policyDecided({ effect: 'require-approval', durationMicros: 0 }), 11), parked];
    expect(shown([...beginning, resumed, at(policyDecided({ evaluation: 2, durationMicros: 500 }, 'again'), 5_014)])).toEqual([
      ...['queue 0+1', 'decide 1+0', 'people 2+5000', 'queue 5002+1.5', 'decide 5003.5+0.5'],
    ]);
    expect(shown([...beginning, at(toolCallRefused({ stage: 'approval', totalMicros: 0 }), 2_012)])).toContain('people 2+2000');
  });

  test('is never negative where two clocks disagree, and nothing where nothing is known', () => {
    expect(callSpans([])).toEqual([]);
    for (const { startMicros, durationMicros } of callSpans([
      at(toolCallRequested(), 10),
      at(policyDecided(), 4),
      at(toolCallDispatched(), 2),
    ])) {
      expect(startMicros).toBeGreaterThanOrEqual(0);
      expect(durationMicros).toBeGreaterThanOrEqual(0);
    }
  });
});
