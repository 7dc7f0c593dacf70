import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationText } from './duration.js';
import { instantText, relativeText } from './instant.js';
import { moneyText } from './money.js';

const plain = (text: string): string => text.replaceAll('\u00A0', ' ');

test('money has its currency and every digit that it has', () => {
  expect(plain(moneyText(4_000, 'USD', 'en'))).toBe('USD 0.004');
  expect(plain(moneyText(1, 'EUR', 'en'))).toBe('EUR 0.000001');
  expect(plain(moneyText(-1_500_000, 'USD', 'en'))).toBe('-USD 1.50');
  expect(plain(moneyText(9_007_199_254_740_991, 'USD', 'en'))).toBe('USD 9,007,199,254.740991');
});

test('no amount loses a millionth on its way to the screen', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (micros) => {
      const [whole = '', fraction = ''] = moneyText(micros, 'USD', 'en')
        .replace(/[^\d.]/g, '')
        .split('.');
      expect(BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))).toBe(BigInt(micros));
    }),
  );
});

test('a time has its zone', () => {
  const at = new Date('2026-11-27T05:41:07.123Z');
  expect(instantText(at, 'millisecond', 'Europe/Berlin')).toBe('2026-11-27 06:41:07.123 GMT+1');
  expect(instantText(at, 'minute', 'UTC')).toBe('2026-11-27 05:41 UTC');
});

test('how long ago is told in the largest unit that fits', () => {
  const now = new Date('2026-11-27T12:00:00Z');
  expect(relativeText(new Date('2026-11-27T11:57:00Z'), now, 'en')).toBe('3 minutes ago');
  expect(relativeText(new Date('2026-11-29T12:00:00Z'), now, 'en')).toBe('in 2 days');
});

test('a duration has a unit in which it can be read', () => {
  expect([840, 4_200, 71_000, 1_350_000, 250_000_000, 12_000_000_000, 187_200_000_000].map(durationText)).toEqual([
    ...['840 µs', '4.2 ms', '71 ms', '1.35 s', '4 min 10 s', '3 h 20 min', '2 d 4 h'],
  ]);
});
