import { type AnyEnvelope, encodeEvent } from '@sallyport/contracts';
import { decisionIdOf } from '@sallyport/platform';
import { anEvent } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { concernsApproval } from './hear-calls.js';

const dispatched = {
  server: 'fs',
  routeVersion: '1',
  attempt: 1,
  tokenId: null,
  toolDigest: null,
  decisionId: 'd',
  dryRun: false,
  redactions: [],
};
const isConcerned = (causationId: string | null, override: Partial<AnyEnvelope> = {}): boolean =>
  concernsApproval(encodeEvent(anEvent('ToolCallDispatched', dispatched, { callId: 'call-1', causationId, ...override })).headers);

test('a dispatch by the first decision about a call costs nothing: the call cannot have waited', () => {
  expect(isConcerned(decisionIdOf('call-1', 1))).toBe(false);
});

test('every other dispatch is looked at, whatever it says of its cause', () => {
  expect(isConcerned(decisionIdOf('call-1', 2))).toBe(true);
  expect(isConcerned(decisionIdOf('call-2', 1))).toBe(true);
  expect(isConcerned('reserved-1')).toBe(true);
  expect(isConcerned(null)).toBe(true);
  expect(isConcerned(null, { callId: null })).toBe(true);
});

test('an end without a dispatch is looked at, also where the first decision led to it: the call may have waited since', () => {
  const hungUp = { stage: 'parked' as const, reached: 'no' as const, totalMicros: 1 };
  const event = anEvent('ToolCallCancelled', hungUp, { callId: 'call-1', causationId: decisionIdOf('call-1', 1) });
  expect(concernsApproval(encodeEvent(event).headers)).toBe(true);
});
