import { expect, test } from 'vitest';
import { WRITE_MICROS } from '../write-calls.ts';
import { breachesIn, type Promised } from './checks.ts';
import type { Evidence, KeptCall } from './evidence.ts';
import type { CallKind, SentCall } from './mixed-calls.ts';

const DONE = { status: 200, text: 'did write', code: null };
const told = (code: string): SentCall['reply'] => ({ status: 503, text: `{"code":"${code}"} Nothing was sent to the tool.`, code });

const aSent = (over: Partial<SentCall> = {}): SentCall => ({
  ...{ kind: 'keyed', text: 'keyed-1', traceId: 't1', lane: 0, point: 3, isHungUp: false, sentAtMs: 0, endedAtMs: 20, reply: DONE },
  ...over,
});
const aKept = (over: Partial<KeptCall> = {}): KeptCall => ({
  ...{ callId: 'c1', traceId: 't1', outcome: 'completed', effects: ['allow'], hold: 'closed' },
  events: { ToolCallRequested: 1, PolicyDecided: 1, BudgetReserved: 1, ToolCallDispatched: 1, ToolCallCompleted: 1, BudgetSettled: 1 },
  ...over,
});
const ONE_WRITE: Evidence = {
  ...{ sent: [aSent()], kept: [aKept()], callsInDoubt: [], holdsInDoubt: [], missing: {}, deadLetters: 0, settledMicros: WRITE_MICROS },
  executions: new Map([['t1', 1]]),
  executionsOfText: new Map([['keyed-1', 1]]),
  money: { heldMicros: 0, spentMicros: WRITE_MICROS },
  verification: { ok: true, faults: [] },
};
const without = (...types: string[]): KeptCall['events'] =>
  Object.fromEntries(Object.entries(aKept().events).filter(([type]) => !types.includes(type)));
const promises = (over: Partial<Evidence>): readonly Promised[] => [
  ...new Set(breachesIn({ ...ONE_WRITE, ...over }).map(({ promise }) => promise)),
];
const doubted = (over: Partial<Evidence> = {}): Partial<Evidence> => ({
  ...{
    kept: [aKept({ outcome: 'in-doubt', hold: 'held', events: without('ToolCallCompleted', 'BudgetSettled') })],
    sent: [aSent({ reply: null })],
  },
  ...{ callsInDoubt: ['c1'], holdsInDoubt: ['c1'], money: { heldMicros: WRITE_MICROS, spentMicros: 0 }, settledMicros: 0 },
  ...over,
});
const NOT_RUN: Partial<Evidence> = {
  ...{ executions: new Map(), executionsOfText: new Map(), money: { heldMicros: 0, spentMicros: 0 }, settledMicros: 0 },
  sent: [aSent({ reply: told('policy.unavailable') })],
  kept: [aKept({ outcome: 'refused', hold: 'released', events: without('ToolCallDispatched', 'ToolCallCompleted', 'BudgetSettled') })],
};

test('finds nothing wrong with a write that is done, one that is in doubt, one that was refused, and one that nobody recorded', () => {
  expect(promises({})).toEqual([]);
  expect(promises(doubted())).toEqual([]);
  expect(promises(NOT_RUN)).toEqual([]);
  expect(promises({ ...NOT_RUN, kept: [], sent: [aSent({ reply: null })] })).toEqual([]);
});

test.each<[broken: string, promise: Promised, evidence: Partial<Evidence>]>([
  ['was executed without being on record', 'decided', { kept: [], sent: [aSent({ reply: null })] }],
  ['was executed without being allowed', 'decided', { kept: [aKept({ effects: ['deny'] })] }],
  ['was executed without a hold', 'decided', { kept: [aKept({ events: without('BudgetReserved') })] }],
  ['was executed and is not on record as sent', 'decided', { kept: [aKept({ events: without('ToolCallDispatched') })] }],
  ...(['plan', 'refused', 'unaffordable'] as const).map((kind: CallKind): [string, Promised, Partial<Evidence>] => [
    `was executed, though it was ${kind}`,
    'decided',
    { sent: [aSent({ kind })] },
  ]),
  ['was executed twice', 'once', { executions: new Map([['t1', 2]]) }],
  ['was executed once more by a retry', 'once', { executionsOfText: new Map([['keyed-1', 2]]) }],
  ['has no end', 'ends', { kept: [aKept({ outcome: 'pending' })] }],
  ['was executed and is on record as given up', 'true', { kept: [aKept({ outcome: 'abandoned' })] }],
  ['was executed and told that nothing was sent', 'true', { sent: [aSent({ reply: told('policy.unavailable') })] }],
  ['was told that it is done and never ran', 'true', { executions: new Map(), executionsOfText: new Map() }],
  ['was told that it is done, and is not on record so', 'true', { kept: [aKept({ outcome: 'failed' })] }],
  ['is on record as completed and never ran', 'true', { ...NOT_RUN, sent: [aSent({ kind: 'write', reply: null })], kept: [aKept()] }],
  ['was not answered', 'answered', { sent: [aSent({ endedAtMs: 60_000 })] }],
  ['was answered by a 500', 'answered', { sent: [aSent({ reply: { status: 500, text: 'oh', code: null } })] }],
  ['was executed and not paid for', 'money', { kept: [aKept({ events: without('BudgetSettled') })] }],
  ['was paid for twice', 'money', { kept: [aKept({ events: { ...aKept().events, BudgetSettled: 2 } })] }],
  ['was refused and paid for', 'money', { ...NOT_RUN, kept: [aKept({ outcome: 'refused' })] }],
  ['is in doubt and not listed', 'holds', doubted({ callsInDoubt: [] })],
  ['is in doubt and its hold is not listed', 'holds', doubted({ holdsInDoubt: [] })],
  ['is in doubt and its hold is gone', 'holds', doubted({ kept: [aKept({ outcome: 'in-doubt', hold: 'released' })] })],
  ['is done and its hold is left', 'holds', { kept: [aKept({ hold: 'held' })] }],
  ['is done and listed in doubt', 'holds', { callsInDoubt: ['c1'] }],
])('finds the call that %s (%s)', (_, promise, evidence) => {
  expect(promises(evidence)).toContain(promise);
});

test('finds books that do not balance and a record that does not hold', () => {
  expect(promises({ money: { heldMicros: 1, spentMicros: WRITE_MICROS } })).toEqual(['money']);
  expect(promises({ money: { heldMicros: 0, spentMicros: 2 * WRITE_MICROS } })).toEqual(['money']);
  expect(promises({ verification: { ok: false, faults: [] } })).toEqual(['record']);
  expect(promises({ missing: { 'tool-call.events.v1': 1 } })).toEqual(['record']);
  expect(promises({ deadLetters: 1 })).toEqual(['record']);
});

test('says at which point the call was sent whose promise was broken', () => {
  expect(breachesIn({ ...ONE_WRITE, executions: new Map([['t1', 2]]) }).map(({ point }) => point)).toEqual([3]);
});
