import { CHAIN_GENESIS, type ChainRecord, eventTypeOf, recordDigest } from '@sallyport/contracts';
import { epochMsOf, linkHash } from '@sallyport/domain';
import type { ReceivedRecord } from '@sallyport/log';
import { bigintArray, intArray, type Sql, textArray } from '@sallyport/platform';
import { sha256 } from './sha256.js';

/** The last entry of a chain. */
interface ChainHead {
  readonly topic: string;
  readonly partition: number;
  readonly size: bigint;
  readonly position: bigint;
  readonly hash: string;
  readonly eventId: string | null;
}

/** What is read from a record's headers beside it, so that it can be looked up. Verification holds both against each other. */
export interface EventColumns {
  readonly eventType: string;
  readonly tenantId: string;
  readonly callId: string | null;
  readonly occurredAt: string | null;
}

/** Stands where a record names no tenant; no tenant is called so, and none sees it. */
const NO_TENANT = '-';

/** The columns of a record. What is missing or malformed, as a dead letter may have it, is unknown, and never a reason to drop it. */
export const columnsOf = (headers: Readonly<Record<string, string>>): EventColumns => {
  const ms = epochMsOf(headers.ce_time ?? '');
  return {
    eventType: storable(eventTypeOf(headers) ?? 'unknown'),
    tenantId: storable(headers.ce_tenantid || NO_TENANT),
    callId: headers.ce_subject === undefined ? null : storable(headers.ce_subject),
    occurredAt: ms === null ? null : new Date(ms).toISOString(),
  };
};

/** PostgreSQL's text holds neither NUL nor half a surrogate pair: both go on record as U+FFFD. No event of ours has either. */
const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\uFFFD');

/** A record as it is chained and stored; comparing it with the log again takes the same step first. */
export const chainRecordOf = ({ topic, partition, position, key, id, headers, value }: ReceivedRecord): ChainRecord => ({
  topic,
  partition,
  position,
  key: storable(key),
  id: storable(id),
  headers,
  value: storable(value),
});

const LOCK_HEADS = `SELECT h.topic, h.partition, h.size, h.position, h.hash, h.event_id FROM chain_head h
  JOIN unnest($1::text[], $2::int[]) AS w(topic, partition) ON h.topic = w.topic AND h.partition = w.partition
  ORDER BY h.topic, h.partition FOR UPDATE OF h`;

const INSERT_EVENTS = `INSERT INTO audit_event (topic, partition, position, entry, event_id, event_type, tenant_id, call_id, occurred_at, key,
    previous_hash, previous_event_id, hash, digest, headers, value)
  SELECT topic, partition, position, entry, event_id, event_type, tenant_id, call_id, occurred_at::timestamptz, key, previous_hash,
    previous_event_id, hash, digest, headers, value
  FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
    AS r(topic, partition, position, entry, event_id, event_type, tenant_id, call_id, occurred_at, key, previous_hash, previous_event_id, hash,
      digest, headers, value)`;

const MOVE_HEADS = `INSERT INTO chain_head (topic, partition, size, position, hash, event_id)
  SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
  ON CONFLICT (topic, partition) DO UPDATE SET size = excluded.size, position = excluded.position, hash = excluded.hash, event_id = excluded.event_id`;

interface HeadRow {
  readonly topic: string;
  readonly partition: number;
  readonly size: string;
  readonly position: string;
  readonly hash: string;
  readonly event_id: string;
}

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}/${partition}`;

/** What records add to their chains, to be written by `writeLinks`. */
export interface ChainLinks {
  /** Those that are new, in order. */
  readonly added: readonly ReceivedRecord[];
  readonly entries: readonly Entry[];
  readonly heads: readonly ChainHead[];
}

/**
 * Links records to the chains of their partitions, whose heads are locked. Records at or before a head are on record already and are left out,
 * so a repeat changes nothing.
 */
export const linkToChains = (heads: ReadonlyMap<string, ChainHead>, records: readonly ReceivedRecord[]): ChainLinks => {
  const moved = new Map<string, ChainHead>();
  const added: ReceivedRecord[] = [];
  const entries: Entry[] = [];
  for (const received of records) {
    const name = nameOf(received);
    const head = moved.get(name) ?? heads.get(name) ?? startOf(received);
    if (received.position <= head.position) continue;
    const record = chainRecordOf(received);
    const digest = recordDigest(sha256, record);
    const next: ChainHead = {
      topic: record.topic,
      partition: record.partition,
      size: head.size + 1n,
      position: record.position,
      hash: linkHash(sha256, head.hash, digest),
      eventId: record.id,
    };
    entries.push({ record, digest, head, next, columns: columnsOf(record.headers) });
    moved.set(name, next);
    added.push(received);
  }
  return { added, entries, heads: [...moved.values()] };
};

/** Writes links, in the transaction that locked their heads. */
export const writeLinks = async (tx: Sql, { added, entries, heads }: ChainLinks): Promise<void> => {
  if (added.length === 0) return;
  await Promise.all([insertEntries(tx, entries), moveHeads(tx, heads)]);
};

const startOf = ({ topic, partition }: ReceivedRecord): ChainHead => ({
  topic,
  partition,
  size: 0n,
  position: -1n,
  hash: CHAIN_GENESIS,
  eventId: null,
});

/** A record with its place in its chain. */
interface Entry {
  readonly record: ChainRecord;
  readonly digest: string;
  readonly head: ChainHead;
  readonly next: ChainHead;
  readonly columns: EventColumns;
}

const insertEntries = async (tx: Sql, entries: readonly Entry[]): Promise<void> => {
  const texts = (column: (entry: Entry) => string | null): Buffer => textArray(entries.map(column));
  await tx.query({
    name: 'audit-insert-events',
    text: INSERT_EVENTS,
    values: [
      texts(({ record }) => record.topic),
      intArray(entries.map(({ record }) => record.partition)),
      bigintArray(entries.map(({ record }) => record.position)),
      bigintArray(entries.map(({ next }) => next.size)),
      texts(({ record }) => record.id),
      texts(({ columns }) => columns.eventType),
      texts(({ columns }) => columns.tenantId),
      texts(({ columns }) => columns.callId),
      texts(({ columns }) => columns.occurredAt),
      texts(({ record }) => record.key),
      texts(({ head }) => head.hash),
      texts(({ head }) => head.eventId),
      texts(({ next }) => next.hash),
      texts(({ digest }) => digest),
      texts(({ record }) => JSON.stringify(record.headers)),
      texts(({ record }) => record.value),
    ],
  });
};

/** The heads of the chains that records belong to, locked to the end of the transaction. */
export const lockHeads = async (tx: Sql, records: readonly ReceivedRecord[]): Promise<ReadonlyMap<string, ChainHead>> => {
  const wanted = [...new Map(records.map((record) => [nameOf(record), record])).values()];
  const { rows } = await tx.query<HeadRow>({
    name: 'audit-lock-heads',
    text: LOCK_HEADS,
    values: [textArray(wanted.map(({ topic }) => topic)), intArray(wanted.map(({ partition }) => partition))],
  });
  return new Map(
    rows.map((row) => [nameOf(row), { ...row, size: BigInt(row.size), position: BigInt(row.position), eventId: row.event_id }]),
  );
};

/** Sorted, because two consumers that insert the first heads of two partitions would lock each other out otherwise. */
const moveHeads = async (tx: Sql, heads: readonly ChainHead[]): Promise<void> => {
  const sorted = heads.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
  await tx.query({
    name: 'audit-move-heads',
    text: MOVE_HEADS,
    values: [
      textArray(sorted.map(({ topic }) => topic)),
      intArray(sorted.map(({ partition }) => partition)),
      bigintArray(sorted.map(({ size }) => size)),
      bigintArray(sorted.map(({ position }) => position)),
      textArray(sorted.map(({ hash }) => hash)),
      textArray(sorted.map(({ eventId }) => eventId)),
    ],
  });
};
