import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DECIDED_METHODS } from '../policy/method-table.js';
import { mayHaveEffect } from './effect.js';
import { foldOpenChange, mayComeBack, type OpenChange, openChangeOf, recoverCall } from './recovery.js';

const TYPES = [
  'ToolCallRequested',
  'ToolCallReevaluationRequested',
  'ToolCallParked',
  'ToolCallResumed',
  'ToolCallDispatched',
  'ToolCallInputRequired',
  'ToolCallInDoubt',
  'ToolCallRefused',
  'ToolCallCompleted',
  'ToolCallFailed',
  'ToolCallPlanned',
  'ToolCallResolved',
  'ToolCallAbandoned',
  'ToolCallCancelled',
] as const;
const changeOf = (type: string): OpenChange => {
  const change = openChangeOf(type);
  if (change === null) throw new TypeError(type);
  return change;
};
const foldOf = (types: readonly string[]): OpenChange | null =>
  types.map(changeOf).reduce<OpenChange | null>((before, next) => foldOpenChange(before, next), null);

/** The list of open calls: an entry or none. */
const apply = (entry: string | null, change: OpenChange | null): string | null => {
  if (change === null) return entry;
  if (change.kind === 'close') return null;
  return change.kind === 'open' || entry !== null ? change.stage : null;
};

test('folding a batch and applying it once is applying its events one by one, wherever the batch is cut', () =>
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...TYPES), { maxLength: 12 }), fc.nat(12), fc.boolean(), (types, cut, isKnown) => {
      const start = isKnown ? 'dispatched' : null;
      const oneByOne = types.reduce((entry, type) => apply(entry, changeOf(type)), start as string | null);
      expect(apply(start, foldOf(types))).toBe(oneByOne);
      expect(apply(apply(start, foldOf(types.slice(0, cut))), foldOf(types.slice(cut)))).toBe(oneByOne);
    }),
    { numRuns: 2_000 },
  ));

test('a call that ended leaves no entry, and what comes behind its end opens none', () => {
  expect(apply(null, foldOf(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']))).toBeNull();
  for (const late of ['ToolCallDispatched', 'ToolCallInDoubt', 'ToolCallResumed', 'ToolCallReevaluationRequested']) {
    expect(apply(null, foldOf([late]))).toBeNull();
    expect(apply(null, foldOf(['ToolCallRequested', 'ToolCallFailed', late]))).toBeNull();
  }
});

test('a call that waits for people again is open again', () =>
  expect(apply(null, foldOf(['ToolCallRequested', 'ToolCallInputRequired', 'ToolCallParked']))).toBe('parked'));

test('an event of no call changes nothing', () => expect(openChangeOf('RequestRejected')).toBeNull());

test('what was never dispatched is abandoned', () => {
  expect(recoverCall({ stage: 'requested' })).toEqual({
    type: 'ToolCallAbandoned',
    data: { stage: 'requested', reason: 'gateway-lost' },
  });
  expect(recoverCall({ stage: 'parked' })).toEqual({ type: 'ToolCallAbandoned', data: { stage: 'parked', reason: 'client-gone' } });
});

const dispatched = { stage: 'dispatched', attempt: 1, isDryRun: false, totalMicros: 9 } as const;

test('a call that may have changed something is in doubt, and so is one of which nobody knows', () => {
  for (const call of [
    { method: 'tools/call', riskTier: 'write-low' },
    { method: 'tools/call', riskTier: 'write-high' },
    { method: 'tools/call', riskTier: null },
    { method: 'response', riskTier: null },
    { method: 'vendor/unknown', riskTier: null },
    { method: null, riskTier: null },
  ]) {
    expect(recoverCall({ ...dispatched, ...call })).toEqual({ type: 'ToolCallInDoubt', data: { attempt: 1, reason: 'gateway-lost' } });
  }
});

test('a call that only reads has failed and may be made again; so has a dry run', () => {
  const failed = { type: 'ToolCallFailed', data: { code: 'call.lost', reached: 'unknown', totalMicros: 9 } };
  expect(recoverCall({ ...dispatched, method: 'tools/call', riskTier: 'read' })).toMatchObject(failed);
  for (const method of ['tools/list', 'initialize', 'ping', 'stream/open', 'resources/read'])
    expect(recoverCall({ ...dispatched, method, riskTier: null })).toMatchObject(failed);
  expect(recoverCall({ ...dispatched, method: 'tools/call', riskTier: 'write-high', isDryRun: true })).toMatchObject(failed);
});

test('of the known methods only calls of tools and answers to the server may have an effect', () =>
  expect(DECIDED_METHODS.filter((method) => mayHaveEffect({ method, riskTier: null }))).toEqual(['tools/call', 'response']));

test('only a client that was told to come again may come back', () => {
  expect(mayComeBack({ transport: 'mcp', protocolVersion: '2026-07-28' })).toBe(true);
  expect(mayComeBack({ transport: 'mcp', protocolVersion: '2025-11-25' })).toBe(false);
  expect(mayComeBack({ transport: 'mcp', protocolVersion: null })).toBe(false);
  expect(mayComeBack({ transport: 'rest', protocolVersion: null })).toBe(false);
});
