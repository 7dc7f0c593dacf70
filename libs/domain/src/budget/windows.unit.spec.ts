import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BUDGET_WINDOWS, instantOf, windowEnd, windowStart } from './windows.js';

const moments = fc.integer({ min: Date.UTC(1971, 0, 1), max: Date.UTC(2400, 0, 1) });

test('windows begin and end where the calendar in UTC says so, leap days and centuries included', () => {
  fc.assert(
    fc.property(moments, (atMs) => {
      const date = new Date(atMs);
      const [year, month, day, hour] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours()];
      expect(windowStart('month', atMs)).toBe(Date.UTC(year, month, 1));
      expect(windowEnd('month', Date.UTC(year, month, 1))).toBe(Date.UTC(year, month + 1, 1));
      expect(windowStart('day', atMs)).toBe(Date.UTC(year, month, day));
      expect(windowEnd('day', Date.UTC(year, month, day))).toBe(Date.UTC(year, month, day + 1));
      expect(windowStart('hour', atMs)).toBe(Date.UTC(year, month, day, hour));
      expect(windowStart('minute', atMs)).toBe(Date.UTC(year, month, day, hour, date.getUTCMinutes()));
    }),
    { numRuns: 5_000 },
  );
  expect(windowEnd('month', Date.UTC(2028, 1, 1))).toBe(Date.UTC(2028, 2, 1));
});

test('every window begins where a minute begins, and holds the moment it is asked for', () => {
  fc.assert(
    fc.property(moments, fc.constantFrom(...BUDGET_WINDOWS), (atMs, window) => {
      const startMs = windowStart(window, atMs);
      expect(startMs % 60_000).toBe(0);
      expect(startMs).toBeLessThanOrEqual(atMs);
      expect(windowEnd(window, startMs)).toBeGreaterThan(atMs);
      expect(windowStart(window, windowEnd(window, startMs))).toBe(windowEnd(window, startMs));
    }),
  );
});

test('moments are written as RFC 3339', () => {
  fc.assert(fc.property(moments, (atMs) => instantOf(atMs) === new Date(atMs).toISOString()));
});
