import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnyEnvelope, decodeEvent, encodeEvent, eventTypeOf } from './envelope.js';
import { isAppError } from './errors/app-error.js';

const anEvent: AnyEnvelope = {
  id: '019a3f5c-77a1-7c3e-9d21-6b1f0e2a4c88',
  type: 'BudgetLimitChanged',
  version: 1,
  source: '/budget-accountant/one',
  occurredAt: '2026-11-21T12:00:00.000Z',
  tenantId: 'acme',
  key: 'acme|user:ada',
  callId: null,
  chainId: null,
  subject: null,
  actor: null,
  causationId: null,
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  edgeId: null,
  data: { account: 'user:ada', before: null, after: { perDayMicros: 1 }, changedBy: 'user:grace', why: 'review' },
};
const record = encodeEvent(anEvent);

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (isAppError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
};

describe('an event on the wire', () => {
  test('comes back exactly as it was written, whatever its fields hold', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const named = text.filter((value) => value !== '');
    const maybe = fc.option(text, { nil: null });
    const events = fc.record({
      id: named,
      type: fc.constant('BudgetLimitChanged' as const),
      version: fc.constant(1),
      source: named,
      occurredAt: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map((date) => date.toISOString()),
      tenantId: named,
      key: named,
      callId: maybe,
      chainId: maybe,
      subject: maybe,
      actor: maybe,
      causationId: maybe,
      traceparent: named,
      edgeId: maybe,
      data: fc.record({
        account: fc.string({ minLength: 1, maxLength: 256 }),
        before: fc.constant(null),
        // What JSON cannot say (-0) does not come out of a JSON parser either.
        after: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
        changedBy: fc.string({ minLength: 1, maxLength: 256 }),
        why: fc.string({ maxLength: 1024 }),
      }),
    });
    fc.assert(
      fc.property(events, (event) => {
        expect(decodeEvent(encodeEvent(event))).toEqual(event);
      }),
    );
  });

  test('names its type without a parser, for consumers that skip what is not theirs', () => {
    expect(eventTypeOf(record.headers)).toBe('BudgetLimitChanged');
    expect(eventTypeOf({})).toBeNull();
    expect(eventTypeOf({ ce_type: 'com.example.Thing.v1' })).toBeNull();
    expect(eventTypeOf({ ce_type: 'io.sallyport.v1' })).toBeNull();
  });

  test('is read by those who do not know its newest fields', () => {
    const value = JSON.stringify({ ...anEvent.data, later: 1 });
    expect(decodeEvent({ headers: { ...record.headers, ce_later: 'x' }, value })).toEqual(anEvent);
  });
});

describe('a record that is no event of ours', () => {
  test.each([
    undefined,
    '',
    'io.sallyport.Nothing.v1',
    'io.sallyport.BudgetLimitChanged.v0',
    'io.sallyport.BudgetLimitChanged',
    'BudgetLimitChanged.v1',
  ])('is named as unknown: %s', (type) => {
    const headers: Record<string, string> = { ...record.headers };
    if (type === undefined) delete headers.ce_type;
    else headers.ce_type = type;
    expect(codeOf(() => decodeEvent({ headers, value: record.value }))).toMatch(/^contract\.unknown-event/);
  });

  test('is named as newer where a later release wrote it: it can be read once this one is brought up to date', () => {
    const headers = { ...record.headers, ce_type: 'io.sallyport.BudgetLimitChanged.v99' };
    expect(codeOf(() => decodeEvent({ headers, value: record.value }))).toMatch(/^contract\.newer-event/);
  });

  test.each(['', '{', '[]', 'null', '{"account":1}'])('is named as invalid: %s', (value) =>
    expect(codeOf(() => decodeEvent({ headers: record.headers, value }))).toMatch(/^contract\.invalid-event/),
  );

  test.each(['ce_id', 'ce_source', 'ce_time', 'ce_tenantid', 'ce_partitionkey', 'ce_traceparent'])(
    'is named as invalid without %s',
    (name) => {
      const { [name]: _, ...headers } = record.headers;
      expect(codeOf(() => decodeEvent({ headers, value: record.value }))).toBe(
        `contract.invalid-event: BudgetLimitChanged: header ${name} is missing`,
      );
    },
  );

  test('is described without its data: an error is no way round masking', () => {
    const secret = 'hunter2-hunter2';
    const value = JSON.stringify({ ...anEvent.data, account: { [secret]: secret }, why: 7, changedBy: [secret] });
    const said = codeOf(() => decodeEvent({ headers: record.headers, value }));
    expect(said).toMatch(/^contract\.invalid-event/);
    expect(said).not.toContain(secret);
    expect(codeOf(() => decodeEvent({ headers: record.headers, value: `{"account": ${secret}` }))).not.toContain(secret);
  });
});
