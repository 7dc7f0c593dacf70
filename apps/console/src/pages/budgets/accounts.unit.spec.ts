import type { WindowStatement } from '@sallyport/contracts';
import { describe, expect, test } from 'vitest';
import { callsOf, currenciesOf, microsOf, typedMicros, usedParts } from './accounts.js';

const statement = (over: Partial<WindowStatement> = {}): WindowStatement => ({
  window: 'day',
  startsAt: '2026-11-21T00:00:00.000Z',
  resetsAt: '2026-11-22T00:00:00.000Z',
  limit: { maxMicros: 1_000, currency: 'USD' },
  calls: { held: 1, spent: 3 },
  money: { USD: { held: 100, spent: 250 } },
  leftMicros: 650,
  leftCalls: null,
  forecast: { perHour: { calls: 0, money: {} }, atReset: { calls: 0, money: {} }, runsOutAt: null },
  ...over,
});

describe('an amount that is typed', () => {
  test.each([
    ['12.5', 12_500_000],
    ['0.000001', 1],
    ['999999999', 999_999_999_000_000],
    [' 3 ', 3_000_000],
  ])('%s is taken to the millionth', (text, micros) => expect(microsOf(text)).toBe(micros));

  test.each(['', '-1', '1.', '.5', '1e3', '1,5', '0.0000001', '1000000000', '１'])('%s is none', (text) =>
    expect(microsOf(text)).toBeNull(),
  );

  test.each([0, 1, 2_500_000, 999_999_999_999_999])('%s comes back as it was', (micros) =>
    expect(microsOf(typedMicros(micros))).toBe(micros),
  );
});

describe('how full a limit is', () => {
  test('counts money where money is limited, and calls where they are', () => {
    expect(usedParts(statement())).toEqual({ spent: 25, held: 10 });
    expect(usedParts(statement({ limit: { maxCalls: 4 } }))).toEqual({ spent: 75, held: 25 });
  });

  test('is no more than full, and full where nothing is allowed', () => {
    expect(usedParts(statement({ money: { USD: { held: 900, spent: 950 } } }))).toEqual({ spent: 95, held: 5 });
    expect(usedParts(statement({ limit: { maxCalls: 0 } }))).toEqual({ spent: 100, held: 0 });
  });

  test('is nothing without a limit', () => expect(usedParts(statement({ limit: null }))).toBeNull());
});

test('the currency of the limit comes first, and what has none is left out', () => {
  const money = { XXX: { held: 0, spent: 0 }, EUR: { held: 0, spent: 1 }, USD: { held: 0, spent: 0 } };
  expect(currenciesOf(statement({ money }))).toEqual(['USD', 'EUR']);
  expect(currenciesOf(statement({ money: { XXX: { held: 0, spent: 0 } }, limit: null }))).toEqual([]);
});

describe('the calls behind a figure', () => {
  const span = { from: '2026-11-21T00:00:00.000Z', to: '2026-11-22T00:00:00.000Z' };
  test.each([
    ['user:ada', 'subject', 'user:ada'],
    ['service:batch', 'subject', 'service:batch'],
    ['agent:writer', 'agent', 'agent:writer'],
    ['tool:fs/a&b', 'tool', 'fs/a&b'],
  ])('of %s are asked for by %s, in its time alone', (account, name, value) => {
    const address = new URL(callsOf(account, span), 'http://console.example');
    expect(Object.fromEntries(address.searchParams)).toEqual({ [name]: value, ...span });
  });

  test.each(['tenant:acme', 'workflow:nightly'])('of %s are all of its time', (account) =>
    expect(Object.fromEntries(new URL(callsOf(account, span), 'http://console.example').searchParams)).toEqual(span),
  );
});
