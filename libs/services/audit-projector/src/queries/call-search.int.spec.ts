import { CallQuery } from '@sallyport/contracts';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asTenant } from '../tenant-scope.js';
import { openRecordHarness, type RecordHarness } from '../testing/record.harness.js';
import { callsStatement, seeWords } from './call-queries.js';

let postgres: TestPostgres;
let harness: RecordHarness;
const CALLS = 100_000;

beforeAll(async () => {
  postgres = await startTestPostgres();
  harness = await openRecordHarness(postgres);
  // A second apart; each hundredth is refused, and one alone is about a needle. The state itself plays no part in a plan.
  await harness.tamper(`INSERT INTO call_record (tenant_id, call_id, version, state, started_at, ended_at, subject, agent, target, decision, outcome, trace_id, chain_id)
    SELECT 'acme', 'call-' || n, 1, '{}', at, at, 'user:u' || n % 500, 'agent:a' || n % 50, 'fs/t' || n % 40,
      CASE WHEN n % 100 = 0 THEN 'deny' ELSE 'allow' END, CASE WHEN n % 100 = 0 THEN 'refused' ELSE 'completed' END, md5(n::text), 'chain-' || n % 900
    FROM generate_series(1, ${CALLS}) AS n, LATERAL (SELECT timestamptz '2026-11-01T00:00:00Z' + n * interval '1 second' AS at) t`);
  await harness.tamper(`INSERT INTO call_words (tenant_id, call_id, started_at, words)
    SELECT c.tenant_id, c.call_id, c.started_at, array_to_tsvector(ARRAY['*', '=acme', 'user', c.subject, c.target, c.decision, c.outcome,
      CASE WHEN c.call_id = 'call-77777' THEN 'needle' ELSE 'hay' END, 'w' || right(c.trace_id, 4)])
    FROM call_record c`);
  await harness.tamper('VACUUM ANALYZE call_record');
  await harness.tamper('VACUUM ANALYZE call_words');
}, 120_000);
afterAll(async () => {
  await harness.close();
  await postgres.stop();
});

/** How PostgreSQL would find a page, as the API asks for it: names of indexes, and whether a table is read or sorted as a whole. */
const planOf = (asked: Readonly<Record<string, string | undefined>>, place: { at: string; id: string } | null = null): Promise<string> => {
  const query = CallQuery.parse(asked);
  return asTenant(harness.database, 'acme', async (tx) => {
    const { text, values } = callsStatement('acme', query, place, await seeWords(tx, 'acme', query));
    const { rows } = await tx.query<{ 'QUERY PLAN': string }>(`EXPLAIN (COSTS OFF) ${text}`, values);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  });
};

test('a page of 100,000 calls is read from an index in its order, wherever it lies', async () => {
  for (const [asked, index] of [
    [{}, 'call_record_by_time'],
    [{ subject: 'u7' }, 'call_record_by_subject'],
    [{ agent: 'a7' }, 'call_record_by_agent'],
    [{ tool: 'fs/t7' }, 'call_record_by_target'],
    [{ chainId: 'chain-7' }, 'call_record_by_chain'],
    [{ from: '2026-11-01T10:00:00Z', to: '2026-11-01T11:00:00Z' }, 'call_record_by_time'],
  ] as const) {
    for (const place of [null, { at: '2026-11-01T12:00:00.000000Z', id: 'call-43200' }]) {
      const plan = await planOf(asked, place);
      expect(plan, JSON.stringify(asked)).toContain(index);
      expect(plan, JSON.stringify(asked)).not.toMatch(/Seq Scan/);
      // Only what one chain has is few enough to be sorted.
      if (index !== 'call_record_by_chain') expect(plan, JSON.stringify(asked)).not.toMatch(/Sort/);
    }
  }
});

test('a word that few calls have is found by the index of words, also under row-level security', async () => {
  for (const asked of [{ text: 'needle' }, { text: 'user needle' }, { text: 'w00ff', outcome: 'refused' }]) {
    const plan = await planOf(asked);
    expect(plan, JSON.stringify(asked)).toContain('call_words_by_word');
    expect(plan, JSON.stringify(asked)).not.toMatch(/Seq Scan/);
  }
});

test('what almost every call has is read in the order of time until the page is full', async () => {
  const plan = await planOf({ text: 'user' });
  expect(plan).toContain('call_words_by_time');
  expect(plan).not.toMatch(/Seq Scan|Sort/);
});

test('a decision or an outcome that is rare is found without reading the calls between', async () => {
  for (const asked of [{ decision: 'deny' }, { outcome: 'refused' }, { outcome: 'in-doubt' }]) {
    const plan = await planOf(asked);
    expect(plan, JSON.stringify(asked)).toMatch(/call_words_by_(word|time)/);
    expect(plan, JSON.stringify(asked)).not.toMatch(/Seq Scan/);
  }
});

test('the statistics that plans rest on are made of few of the wide rows', async () => {
  const { rows } = await harness.database.query<{ table: string; least: number; most: number }>(
    `SELECT attrelid::regclass::text AS "table", min(attstattarget)::int AS least, max(attstattarget)::int AS most FROM pg_attribute
     WHERE attrelid IN ('audit_event'::regclass, 'call_record'::regclass, 'call_words'::regclass) AND attnum > 0 AND NOT attisdropped
     GROUP BY 1 ORDER BY 1`,
  );
  expect(rows).toEqual([
    { table: 'audit_event', least: 10, most: 10 },
    { table: 'call_record', least: 20, most: 20 },
    { table: 'call_words', least: 50, most: 50 },
  ]);
});
