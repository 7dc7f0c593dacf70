import { hash } from 'node:crypto';
import { CHAIN_GENESIS, type ChainRecord, canonicalRecord, recordDigest, sealedAsDigests } from '@sallyport/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChainEntry, type ChainFault, explainFault, follow, startOfChain } from './chain-verification.js';
import { chainHash } from './event-chain.js';

const sha256 = (text: string): string => hash('sha256', text);

const recordAt = (position: number): ChainRecord => ({
  topic: 'tool-call.events.v1',
  partition: 2,
  position: BigInt(position),
  key: 'chain-1',
  id: `e${position}`,
  headers: { ce_type: 'io.sallyport.ToolCallRequested.v1', ce_id: `e${position}` },
  value: `{"n":${position}}`,
});

/** A chain over records at even positions: positions have gaps. */
const chainOf = (size: number): ChainEntry[] => {
  const entries: ChainEntry[] = [];
  let previousHash = CHAIN_GENESIS;
  let previousEventId: string | null = null;
  for (let entry = 1; entry <= size; entry++) {
    const record = recordAt(entry * 2);
    const link = chainHash(sha256, previousHash, record);
    entries.push({ entry: BigInt(entry), previousHash, previousEventId, hash: link, record });
    previousHash = link;
    previousEventId = record.id;
  }
  return entries;
};

const firstFault = (entries: readonly ChainEntry[]): ChainFault | null => {
  const sorted = entries.toSorted((left, right) => (left.record.position < right.record.position ? -1 : 1));
  let end = startOfChain;
  for (const [index, entry] of sorted.entries()) {
    const followed = follow(sha256, end, entry);
    if (followed === null) return explainFault(sha256, end, entry, sorted[index + 1] ?? null, sorted);
    end = followed;
  }
  return null;
};

const at = (entries: readonly ChainEntry[], index: number): ChainEntry => {
  const entry = entries[index];
  if (entry === undefined) throw new TypeError('no such entry');
  return entry;
};
const edit = (entry: ChainEntry, change: Partial<ChainRecord>): ChainEntry => ({ ...entry, record: { ...entry.record, ...change } });

describe('the canonical text of a record', () => {
  test('is pinned: verifiers written elsewhere depend on it', () => {
    expect(canonicalRecord(recordAt(2))).toBe(
      '{"headers":{"ce_id":"e2","ce_type":"io.sallyport.ToolCallRequested.v1"},"id":"e2","key":"chain-1","partition":2,"position":"2","topic":"tool-call.events.v1","value":"{\\"n\\":2}"}',
    );
    expect(chainHash(sha256, CHAIN_GENESIS, recordAt(2))).toBe('a401807e74f6c3bc37f456c8353cd93deb88f153406549cd11a0ecbbc0bac66b');
  });

  test('has its headers sorted by their names, whatever these are', () => {
    const name = fc.oneof(fc.string({ unit: 'binary' }), fc.nat().map(String), fc.constantFrom('__proto__', 'constructor', 'ce_id', '01'));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string({ unit: 'binary' }))), (entries) => {
        const headers: Record<string, string> = Object.fromEntries(entries);
        const names = Object.keys(headers).sort((left, right) => (left < right ? -1 : 1));
        const text = names.map((one) => `${JSON.stringify(one)}:${JSON.stringify(headers[one])}`).join(',');
        expect(canonicalRecord({ ...recordAt(2), headers }).startsWith(`{"headers":{${text}},"id"`)).toBe(true);
      }),
    );
  });

  test('is hashed with the digest of what is sealed in its place, so that it can be checked by who may not see that', () => {
    const sealed = { ...recordAt(2), value: '{"n":2,"sealedParams":"c2VhbGVk","note":"\\"sealedParams\\":\\"x\\""}' };
    const shown = { ...sealed, value: sealedAsDigests(sha256, sealed.value) };
    expect(shown.value).toBe(`{"n":2,"sealedParams":"sha256:${sha256('c2VhbGVk')}","note":"\\"sealedParams\\":\\"x\\""}`);
    expect(recordDigest(sha256, sealed)).toBe(sha256(canonicalRecord(shown)));
    expect(recordDigest(sha256, { ...sealed, value: sealed.value.replace('c2Vh', 'c2Vi') })).not.toBe(recordDigest(sha256, sealed));
    // What already stands as a digest is another record than the one it is a digest of.
    expect(recordDigest(sha256, shown)).not.toBe(recordDigest(sha256, sealed));
  });

  test('differs whenever a record does', () => {
    const text = fc.string({ unit: 'binary' });
    const record = fc.record({
      topic: text,
      partition: fc.nat(),
      position: fc.bigInt({ min: 0n }),
      key: text,
      id: text,
      headers: fc.dictionary(text, text, { noNullPrototype: true }),
      value: text,
    });
    fc.assert(
      fc.property(record, record, (left, right) => {
        const plain = (each: ChainRecord) => ({ ...each, headers: Object.entries(each.headers).sort(), position: String(each.position) });
        expect(canonicalRecord(left) === canonicalRecord(right)).toBe(JSON.stringify(plain(left)) === JSON.stringify(plain(right)));
      }),
    );
  });
});

describe('verifying a chain', () => {
  test('finds nothing in a chain nobody touched', () => expect(firstFault(chainOf(20))).toBeNull());

  test('names the event whose value, header or key was edited', () => {
    for (const change of [{ value: '{"n":0}' }, { headers: { ce_id: 'e10' } }, { key: 'chain-2' }, { id: 'e0' }]) {
      const chain = chainOf(10);
      chain[4] = edit(at(chain, 4), change);
      expect(firstFault(chain)).toMatchObject({ kind: 'edited', position: 10n, entry: 5n });
    }
  });

  test('names an event that was edited with its own hash made anew', () => {
    const chain = chainOf(10);
    const edited = edit(at(chain, 4), { value: '{"n":0}' });
    chain[4] = { ...edited, hash: chainHash(sha256, edited.previousHash, edited.record) };
    expect(firstFault(chain)).toMatchObject({ kind: 'edited', position: 10n, eventId: 'e10' });
  });

  test('names what is missing, at the start, in the middle, and renumbered', () => {
    expect(firstFault(chainOf(10).toSpliced(4, 1))).toMatchObject({ kind: 'deleted', entry: 5n, eventId: 'e10' });
    expect(firstFault(chainOf(10).toSpliced(4, 3))).toMatchObject({
      kind: 'deleted',
      entry: 7n,
      eventId: 'e14',
      detail: expect.stringContaining('3 missing'),
    });
    expect(firstFault(chainOf(10).toSpliced(0, 1))).toMatchObject({ kind: 'deleted', eventId: 'e2' });
    const renumbered = chainOf(10)
      .toSpliced(4, 1)
      .map((entry, index) => ({ ...entry, entry: BigInt(index + 1) }));
    expect(firstFault(renumbered)).toMatchObject({ kind: 'deleted', eventId: 'e10' });
  });

  test('names the first of events that changed places, with their hashes or without', () => {
    for (const [left, right] of [
      [4, 5],
      [2, 7],
    ] as const) {
      const rows = chainOf(10);
      const [first, second] = [at(rows, left), at(rows, right)];
      rows[left] = edit(first, { position: second.record.position });
      rows[right] = edit(second, { position: first.record.position });
      expect(firstFault(rows)).toMatchObject({ kind: 'reordered', position: first.record.position });
      const contents = chainOf(10);
      contents[left] = { ...first, record: { ...second.record, position: first.record.position } };
      contents[right] = { ...second, record: { ...first.record, position: second.record.position } };
      expect(firstFault(contents)).toMatchObject({ kind: 'reordered', position: first.record.position });
    }
  });

  test('names an inserted event: without a hash, with one that fits, and a copy', () => {
    const chain = chainOf(10);
    const [before, copied] = [at(chain, 4), at(chain, 2)];
    const record = recordAt(11);
    const forged = { entry: 6n, previousHash: before.hash, previousEventId: before.record.id, hash: 'f'.repeat(64), record };
    expect(firstFault([...chain, forged])).toMatchObject({ kind: 'inserted', position: 11n, eventId: 'e11' });
    expect(firstFault([...chain, { ...forged, hash: chainHash(sha256, before.hash, record) }])).toMatchObject({
      kind: 'inserted',
      position: 11n,
      eventId: 'e11',
    });
    expect(firstFault([...chain, edit(copied, { position: 11n })])).toMatchObject({ kind: 'inserted', position: 11n });
  });
});
