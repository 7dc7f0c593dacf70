import { openSealer, rootKeyOf, systemClock } from '@sallyport/platform';
import { expect, test } from 'vitest';
import { retell, sealAnswer } from './idempotent-answers.js';

const sealer = openSealer({ rootKey: rootKeyOf([{ kid: 'k1', bytes: Buffer.alloc(32, 7) }], 'test'), clock: systemClock });
const key = { scope: 's', paramsHash: 'h' };
const told = (state: Parameters<typeof retell>[0]['state'], paramsHash = 'h') =>
  retell({ callId: 'c', paramsHash, state }, key, 'acme', sealer);

test('tells a retry what was delivered, without the id of the first request', () => {
  const answered = sealAnswer({ jsonrpc: '2.0', id: 1, result: { content: [] } }, 'acme', 'c', sealer);
  expect(told({ answered })).toEqual({ answer: { jsonrpc: '2.0', result: { content: [] } } });
});

test('keeps no answer larger than a mebibyte', () => {
  expect(sealAnswer({ result: { text: 'x'.repeat(1024 * 1024) } }, 'acme', 'c', sealer)).toBe('too-large');
  expect(told('not-retained')).toEqual({ refusal: 'result.not-retained' });
});

test('tells who has other parameters nothing but that', () => {
  const answered = sealAnswer({ result: {} }, 'acme', 'c', sealer);
  for (const state of ['open', 'not-retained', { answered }] as const)
    expect(told(state, 'other')).toEqual({ refusal: 'idempotency.mismatch' });
});

test('opens no answer of another call or tenant', () => {
  const answered = sealAnswer({ result: {} }, 'acme', 'other', sealer);
  expect(() => told({ answered })).toThrow(expect.objectContaining({ code: 'sealing.open-failed' }));
});
