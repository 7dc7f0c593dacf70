import { expect, test } from 'vitest';
import { derivedId } from './derived-id.js';

test('the same parts have the same id, a UUID of version 8; other parts have another', () => {
  expect(derivedId('PolicyDecided', 'call-1', 1)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(derivedId('PolicyDecided', 'call-1', 1)).toBe(derivedId('PolicyDecided', 'call-1', 1));
  const others = [derivedId('a', 'b'), derivedId('ab'), derivedId('a,b'), derivedId('a', 'b', 1), derivedId('a', 'b', '1')];
  expect(new Set(others).size).toBe(others.length);
});
