import { expect, test } from 'vitest';
import { CallAdmission } from './call-admission.js';

test('a tenant that is full takes nothing from another, nor its streams from its calls', () => {
  const admission = new CallAdmission({ calls: 2, streams: 1 });
  expect([1, 2, 3].map(() => admission.enter('acme', false))).toEqual([true, true, false]);
  expect([1, 2].map(() => admission.enter('acme', true))).toEqual([true, false]);
  expect([1, 2, 3].map(() => admission.enter('globex', false))).toEqual([true, true, false]);
  expect(admission.enter('globex', true)).toBe(true);
  expect(admission.total).toBe(6);
});

test('what one tenant gives back is its own to take again', () => {
  const admission = new CallAdmission({ calls: 1, streams: 1 });
  for (const tenant of ['acme', 'globex']) expect(admission.enter(tenant, false)).toBe(true);
  admission.leave('acme', false);
  expect(admission.enter('globex', false)).toBe(false);
  expect(admission.enter('acme', false)).toBe(true);
});
