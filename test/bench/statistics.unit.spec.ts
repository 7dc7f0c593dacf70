import { expect, test } from 'vitest';
import { growthAfterWarmUp, latencySummary, median, mediansByName, percentile } from './statistics.ts';

test('a percentile is the value below which that share of all lies, and the greatest at most', () => {
  const ascending = Array.from({ length: 100 }, (_, n) => n);
  expect([0, 0.5, 0.95, 0.99, 1].map((q) => percentile(ascending, q))).toEqual([0, 50, 95, 99, 99]);
  expect(percentile([], 0.5)).toBeNaN();
});

test('latencies may come in any order and are left as they came', () => {
  const latencies = [9, 1, 5.123456];
  expect(latencySummary(latencies)).toEqual({ p50: 5.123, p95: 9, p99: 9, max: 9 });
  expect(latencies).toEqual([9, 1, 5.123456]);
});

test('a median is a value that was measured: the middle one, of two the lower', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1])).toBe(1);
  expect(median([Number.NaN, 7, Number.NaN])).toBe(7);
  expect(median([])).toBeNaN();
});

test('medians are taken name by name', () => {
  const runs = [
    { edge: 1, broker: 30 },
    { edge: 3, broker: 10 },
    { edge: 2, broker: 20 },
  ];
  expect(mediansByName(runs)).toEqual({ edge: 2, broker: 20 });
  expect(mediansByName([])).toEqual({});
});

test('what grows while it warms up and no further is flat', () => {
  expect(growthAfterWarmUp([100, 200, 300, 300, 300, 300, 300, 300])).toBe(0);
  expect(growthAfterWarmUp([100, 100, 100, 100, 110, 110, 120, 120])).toBe(0.2);
  expect(growthAfterWarmUp([1, 2, 3])).toBeNaN();
});
