import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bigintArray, intArray, textArray } from './binary-arrays.js';
import { openDatabase } from './postgres-database.js';
import type { Database } from './sql.js';

let postgres: TestPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await startTestPostgres();
  const { url } = await postgres.createDatabase();
  database = await openDatabase({ url, schema: 'arrays', applicationName: 'spec', migrations: [] });
});
afterAll(async () => {
  await database.close();
  await postgres.stop();
});

const stored = async (cast: string, array: Buffer): Promise<unknown> => {
  const { rows } = await database.query<{ elements: string }>(`SELECT to_json($1::${cast})::text AS elements`, [array]);
  return JSON.parse(rows[0]?.elements ?? 'null');
};

test('texts arrive as they are, whatever is in them; what no text of PostgreSQL can hold arrives as U+FFFD', async () => {
  const texts = fc.array(fc.option(fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.json())), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(texts, async (values) => {
      const expected = values.map((value) => value?.toWellFormed().replaceAll('\0', '\ufffd') ?? null);
      expect(await stored('text[]', textArray(values))).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test('texts larger than what is kept ready arrive whole', async () => {
  const values = ['€'.repeat(700_000), '', null, '"\\'.repeat(100_000)];
  expect(await stored('text[]', textArray(values))).toEqual(values);
});

test('numbers arrive as they are, to the ends of their range', async () => {
  const ints = [0, -1, 2_147_483_647, -2_147_483_648];
  expect(await stored('int[]', intArray(ints))).toEqual(ints);
  const bigints = [0n, -1n, 9_007_199_254_740_993n, 2n ** 63n - 1n, -(2n ** 63n)];
  const { rows } = await database.query<{ n: string }>('SELECT unnest($1::bigint[]) AS n', [bigintArray(bigints)]);
  expect(rows.map(({ n }) => BigInt(n))).toEqual(bigints);
});

test('empty arrays arrive empty', async () => {
  expect(await stored('text[]', textArray([]))).toEqual([]);
  expect(await stored('int[]', intArray([]))).toEqual([]);
  expect(await stored('bigint[]', bigintArray([]))).toEqual([]);
});
