import { expect, test } from 'vitest';
import { systemIdSource } from './id-source.port.js';
import { pooledRandomBytes } from './random-pool.js';

test('ids are UUIDs of version 7 of now, none comes twice, and they sort in the order they were made', () => {
  const beganMs = Date.now();
  const ids = Array.from({ length: 20_000 }, () => systemIdSource.uuidv7());
  const endedMs = Date.now();
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const madeMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    expect(madeMs).toBeGreaterThanOrEqual(beganMs);
    expect(madeMs).toBeLessThanOrEqual(endedMs);
  }
});

test('no random byte is handed out twice: across many refills no two draws are alike', () => {
  const draws = Array.from({ length: 5_000 }, (_, n) => pooledRandomBytes(n % 2 === 0 ? 8 : 16).toString('hex'));
  expect(new Set(draws).size).toBe(draws.length);
  const ofEight = draws.map((draw) => draw.slice(-16));
  expect(new Set(ofEight).size).toBe(ofEight.length);
});
