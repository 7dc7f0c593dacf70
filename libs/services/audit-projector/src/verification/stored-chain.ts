import type { ChainEntry } from '@sallyport/domain';
import type { Database } from '@sallyport/platform';
import type { EventColumns } from '../record/event-chain.store.js';
import { acrossTenants } from '../tenant-scope.js';

/** An entry as it is stored, with the columns that only repeat its headers. */
export interface StoredEntry extends ChainEntry {
  readonly columns: EventColumns;
  /** Digest of the record as stored, from which proofs are made; `''` where it was recorded before there were any. */
  readonly digest: string;
  readonly isWithoutDigest: boolean;
}

export interface ChainName {
  readonly topic: string;
  readonly partition: number;
}

interface EntryRow {
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly entry: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly tenant_id: string;
  readonly call_id: string | null;
  readonly occurred_at: Date | null;
  readonly key: string;
  readonly headers: string;
  readonly value: string;
  readonly previous_hash: string;
  readonly previous_event_id: string | null;
  readonly hash: string;
  readonly digest: string;
}

const PAGE = 500;

const READ = `SELECT topic, partition, position, entry, event_id, event_type, tenant_id, call_id, occurred_at, key, headers, value,
    previous_hash, previous_event_id, hash, digest
  FROM audit_event WHERE topic = $1 AND partition = $2 AND position > $3 ORDER BY position LIMIT $4`;
const READ_BEFORE = READ.replace('position > $3 ORDER BY position', 'position < $3 ORDER BY position DESC');

/** Headers that are no JSON object any more were edited: they hash to something else, which is all that matters. */
const headersOf = (text: string): Readonly<Record<string, string>> => {
  try {
    const headers: unknown = JSON.parse(text);
    if (typeof headers === 'object' && headers !== null)
      return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  } catch {
    // Falls through to headers that no record has.
  }
  return { unreadable: text };
};

const entryOf = (row: EntryRow): StoredEntry => ({
  entry: BigInt(row.entry),
  previousHash: row.previous_hash,
  previousEventId: row.previous_event_id,
  hash: row.hash,
  digest: row.digest,
  isWithoutDigest: row.digest === '',
  record: {
    topic: row.topic,
    partition: row.partition,
    position: BigInt(row.position),
    key: row.key,
    id: row.event_id,
    headers: headersOf(row.headers),
    value: row.value,
  },
  columns: { eventType: row.event_type, tenantId: row.tenant_id, callId: row.call_id, occurredAt: row.occurred_at?.toISOString() ?? null },
});

/** Entries of a chain after a position, a page at a time. */
export async function* readChain(database: Database, chain: ChainName, after: bigint): AsyncGenerator<StoredEntry> {
  for (let position = after; ; ) {
    const page = await readPage(database, READ, chain, position, PAGE);
    yield* page;
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    position = last.record.position;
  }
}

/** Entries on both sides of a position. */
export const readAround = async (database: Database, chain: ChainName, position: bigint, each: number): Promise<readonly StoredEntry[]> => [
  ...(await readPage(database, READ_BEFORE, chain, position, each)).toReversed(),
  ...(await readPage(database, READ, chain, position - 1n, each + 1)),
];

/** The entries at given positions of a chain. */
export const readAt = (
  database: Database,
  { topic, partition }: ChainName,
  positions: readonly bigint[],
): Promise<readonly StoredEntry[]> =>
  acrossTenants(database, async (tx) => {
    const { rows } = await tx.query<EntryRow>(READ.replace('position > $3 ORDER BY position LIMIT $4', 'position = ANY($3::bigint[])'), [
      topic,
      partition,
      positions.map(String),
    ]);
    return rows.map(entryOf);
  });

const readPage = (
  database: Database,
  text: string,
  { topic, partition }: ChainName,
  position: bigint,
  limit: number,
): Promise<StoredEntry[]> =>
  acrossTenants(database, async (tx) => (await tx.query<EntryRow>(text, [topic, partition, String(position), limit])).rows.map(entryOf));
