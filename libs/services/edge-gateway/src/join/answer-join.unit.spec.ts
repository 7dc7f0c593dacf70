import { type AnyEnvelope, decodeEvent, encodeEvent } from '@sallyport/contracts';
import { MemoryEventLog } from '@sallyport/log';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { aDecision } from '../testing/decisions.harness.js';
import { AnswerJoin } from './answer-join.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;
const decided = (callId: string, over: { evaluation?: number; effect?: 'allow' | 'deny'; edgeId?: string } = {}) =>
  encodeEvent({
    id: `${callId}-${over.evaluation ?? 1}-${over.effect ?? 'allow'}`,
    type: 'PolicyDecided',
    version: 2,
    source: '/policy-decision/test',
    occurredAt: '2026-11-21T12:00:00.000Z',
    tenantId: 'acme',
    key: 'chain',
    callId,
    chainId: 'chain',
    subject: null,
    actor: null,
    causationId: null,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    edgeId: over.edgeId ?? 'edge-1',
    data: aDecision({ effect: over.effect ?? 'allow', evaluation: over.evaluation ?? 1 }),
  } satisfies AnyEnvelope);
const open = async () => {
  const log = new MemoryEventLog();
  const join = new AnswerJoin(log, 'edge-1');
  await join.start();
  return { log, join };
};

test('hands over the answer whether it comes before or after somebody waits for it', async () => {
  const { log, join } = await open();
  const early = join.open('early');
  await log.append([decided('early')]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await early.decision(1, 1_000, never)).toMatchObject({ type: 'decided', event: { callId: 'early' } });
  const late = join.open('late').decision(1, 1_000, never);
  await log.append([decided('late')]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await late).toMatchObject({ event: { callId: 'late' } });
});

test('takes the first decision of an evaluation and no other', async () => {
  const { log, join } = await open();
  const waiting = join.open('c');
  await log.append([decided('c', { effect: 'deny' }), decided('c', { effect: 'allow' })]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await waiting.decision(1, 1_000, never)).toMatchObject({ event: { data: { effect: 'deny' } } });
});

test('gives the answer to one evaluation to no other', async () => {
  const { log, join } = await open();
  const waiting = join.open('c');
  await log.append([decided('c')]);
  const second = waiting.decision(2, 500, never);
  await vi.advanceTimersByTimeAsync(500);
  expect(await second).toBeNull();
});

test('drops what is meant for another instance before it reads it', async () => {
  const { log, join } = await open();
  const waiting = join.open('c').decision(1, 500, never);
  await log.append([{ ...decided('c', { edgeId: 'edge-2' }), value: 'not even JSON' }]);
  await vi.advanceTimersByTimeAsync(500);
  expect(await waiting).toBeNull();
});

const reserved = (askedBy: string, over: { type?: 'BudgetReserved' | 'BudgetReservationRefused' } = {}) => {
  const head = { ...decodeEvent(decided('c')), version: 1 };
  return encodeEvent(
    over.type === 'BudgetReservationRefused'
      ? {
          ...{ ...head, id: `${askedBy}-refused`, causationId: askedBy, type: 'BudgetReservationRefused' },
          data: { account: null, reason: 'unattributable', remainingMicros: null, currency: null, resetsAt: null },
        }
      : {
          ...head,
          id: `${askedBy}-held`,
          causationId: askedBy,
          type: 'BudgetReserved',
          data: { amounts: [], currency: 'EUR', priceListVersion: '1' },
        },
  );
};

test('hands over the first answer of the accountant to the event that asked, and to no other', async () => {
  const { log, join } = await open();
  const waiting = join.open('c');
  await log.append([reserved('e1'), reserved('e1', { type: 'BudgetReservationRefused' })]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await waiting.budget('e1', 1_000, never)).toMatchObject({ type: 'reserved', event: { id: 'e1-held' } });
  const later = waiting.budget('e2', 500, never);
  await vi.advanceTimersByTimeAsync(500);
  expect(await later).toBeNull();
});

test('an answer of the accountant that cannot be read takes nothing from a decision', async () => {
  const { log, join } = await open();
  const waiting = join.open('c');
  await log.append([{ ...reserved('e1'), value: '{"amounts":1}' }, decided('c')]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await waiting.budget('e1', 1_000, never)).toEqual({ type: 'unreadable' });
  expect(await waiting.decision(1, 1_000, never)).toMatchObject({ type: 'decided' });
});

test('says that an answer cannot be read instead of waiting it out', async () => {
  const { log, join } = await open();
  const waiting = join.open('c').decision(1, 500, never);
  await log.append([{ ...decided('c'), value: '{"effect":"allow","obligations":[{"type":"sing"}]}' }]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await waiting).toEqual({ type: 'unreadable' });
});

test('ends the wait when the client hangs up', async () => {
  const { join } = await open();
  const hangUp = new AbortController();
  const waiting = join.open('c').decision(1, 60_000, hangUp.signal);
  hangUp.abort();
  expect(await waiting).toBeNull();
});
