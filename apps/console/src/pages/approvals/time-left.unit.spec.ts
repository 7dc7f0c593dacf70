import { expect, test } from 'vitest';
import { timeLeftText } from './time-left-text.js';

test.each([
  [0, 'over'],
  [-1, 'over'],
  [1, '1 s'],
  [59_001, '60 s'],
  [60_000, '60 s'],
  [60_001, '2 min'],
  [15 * 60_000, '15 min'],
  [60 * 60_000, '1 h 0 min'],
  [60 * 60_000 + 1, '1 h 1 min'],
  [25 * 60 * 60_000, '25 h 0 min'],
])('%s ms are %s: never more than a step too early, and never over before they are', (leftMs, text) =>
  expect(timeLeftText(leftMs)).toBe(text),
);
