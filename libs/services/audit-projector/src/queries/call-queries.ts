import {
  AppError,
  type CallDetail,
  type CallPage,
  type CallQuery,
  ConsoleSessionEndedV1,
  ConsoleSessionOpenedV1,
  eventTypeOf,
  type Json,
  type LoginPage,
  type LoginQuery,
  type RejectionPage,
  type RejectionQuery,
  RequestRejectedV1,
  type StoredEvent,
} from '@sallyport/contracts';
import { type CallState, callAccount, storedCallState, toCallRecord, wordsOfQuery } from '@sallyport/domain';
import type { Database, Sql } from '@sallyport/platform';
import { searchFor } from '../calls/call-words.js';
import { DEAD_LETTER, decodeStored } from '../calls/rebuild-calls.js';
import { asTenant } from '../tenant-scope.js';
import { decodeCursor, encodeCursor, type PagePlace } from './cursor.js';

/** What calls are looked up by; the tail uses the same but for times and pages. */
export type CallFilter = Pick<CallQuery, 'subject' | 'agent' | 'tool' | 'decision' | 'outcome' | 'traceId' | 'text'> &
  Partial<Pick<CallQuery, 'callId' | 'chainId' | 'from' | 'to'>>;

/** Parts of a WHERE clause with the values they speak of. */
export class Conditions {
  readonly values: unknown[] = [];
  private readonly parts: string[] = [];

  /** Adds a condition in which every `?` stands for the next value. */
  add(text: string, ...values: readonly unknown[]): void {
    let rest = [...values];
    this.parts.push(
      text.replaceAll('?', () => {
        const [value, ...others] = rest;
        rest = others;
        return this.value(value);
      }),
    );
  }

  /** Adds a value and returns how the statement names it. */
  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  toString(): string {
    return this.parts.join(' AND ');
  }
}

/** A name as it is on record: `ada` is `user:ada`, and what has its kind already keeps it. */
const withKind = (kind: string, name: string): string => (name.includes(':') ? name : `${kind}:${name}`);

/** The conditions of a filter over `call_record c`. The tenant's is among them, so that its indexes are used; security does not rest on it. */
export const callConditions = (tenantId: string, filter: CallFilter): Conditions => {
  const conditions = new Conditions();
  conditions.add('c.tenant_id = ? AND c.started_at IS NOT NULL', tenantId);
  if (filter.subject !== undefined) conditions.add('c.subject = ?', withKind('user', filter.subject));
  if (filter.agent !== undefined) conditions.add('c.agent = ?', withKind('agent', filter.agent));
  if (filter.tool !== undefined) conditions.add('c.target = ?', filter.tool);
  if (filter.decision !== undefined) conditions.add('c.decision = ?', filter.decision);
  if (filter.outcome !== undefined) conditions.add('c.outcome = ?', filter.outcome);
  if (filter.traceId !== undefined) conditions.add('c.trace_id = ?', filter.traceId);
  if (filter.callId !== undefined) conditions.add('c.call_id = ?', filter.callId);
  if (filter.chainId !== undefined) conditions.add('c.chain_id = ?', filter.chainId);
  if (filter.from !== undefined) conditions.add('c.started_at >= ?', filter.from);
  if (filter.to !== undefined) conditions.add('c.started_at < ?', filter.to);
  return conditions;
};

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
export const isoOf = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', ${ISO})`;

/** What almost every call has is no help to find one by. */
const USUAL: ReadonlySet<string | undefined> = new Set(['allow', 'completed', 'pending', 'waiting', 'input-required']);

/**
 * Makes the words of a filter what this transaction sees of `call_words w`, and says whether there are any: then a join with it leaves the calls
 * that have them all. Decisions and ends are among the words of a call, so what is rare is found by them, too. Throws `request.invalid` for a
 * text without a word in it.
 */
export const seeWords = async (tx: Sql, tenantId: string, { text, decision, outcome }: CallFilter): Promise<boolean> => {
  const whole = [decision, outcome].filter((word) => word !== undefined && !USUAL.has(word)) as string[];
  const beginnings = text === undefined ? [] : wordsOfQuery(text);
  if (text !== undefined && beginnings.length === 0) {
    throw new AppError('request.invalid', 'no word to search for', { detail: { paths: ['text'] } });
  }
  if (whole.length + beginnings.length === 0) return false;
  await tx.query({
    name: 'audit-search-words',
    text: `SELECT set_config('sallyport.words', $1, true)`,
    values: [searchFor(tenantId, whole, beginnings)],
  });
  return true;
};

/** The calls that a search sees, each looked up by its key (OFFSET 0): a plan that reads the whole table first is right for no page. */
const FOUND_CALLS = `call_words w CROSS JOIN LATERAL (
  SELECT * FROM call_record r WHERE r.tenant_id = w.tenant_id AND r.call_id = w.call_id OFFSET 0) c`;
export const WITH_WORDS = 'JOIN call_words w ON w.tenant_id = c.tenant_id AND w.call_id = c.call_id';

/** Calls of a tenant, newest first. Pages stay put while calls are added: a call is on one page, once. Throws `request.invalid`, `store.unavailable`. */
export const findCalls = (database: Database, tenantId: string, query: CallQuery): Promise<CallPage> => {
  const place = decodeCursor(query.cursor);
  return asTenant(database, tenantId, async (tx) => {
    const isSearch = await seeWords(tx, tenantId, query);
    const { text, values } = callsStatement(tenantId, query, place, isSearch);
    const { rows } = await tx.query<{ state: CallState; at: string; call_id: string }>(text, values);
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      calls: shown.flatMap(({ state }) => toCallRecord(storedCallState(state)) ?? []),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor({ at: last.at, id: last.call_id }) : null,
    };
  });
};

/** The statement behind a page of calls: one row more than asked for, which says that there is another page. */
export const callsStatement = (
  tenantId: string,
  query: CallQuery,
  place: PagePlace | null,
  isSearch: boolean,
): { readonly text: string; readonly values: readonly unknown[] } => {
  const conditions = callConditions(tenantId, query);
  // Of both tables the one that is looked through gives the order.
  const from = isSearch ? 'w' : 'c';
  if (isSearch) {
    conditions.add('w.tenant_id = ?', tenantId);
    if (query.from !== undefined) conditions.add('w.started_at >= ?', query.from);
    if (query.to !== undefined) conditions.add('w.started_at < ?', query.to);
  }
  if (place !== null) conditions.add(`(${from}.started_at, ${from}.call_id) < (?::timestamptz, ?)`, place.at, place.id);
  const limit = conditions.value(query.limit + 1);
  return {
    text: `SELECT c.state, c.call_id, ${isoOf('c.started_at')} AS at FROM ${isSearch ? FOUND_CALLS : 'call_record c'} WHERE ${conditions}
       ORDER BY ${from}.started_at DESC, ${from}.call_id DESC LIMIT ${limit}`,
    values: conditions.values,
  };
};

interface EventRow {
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly entry: string;
  readonly hash: string;
  readonly event_id: string;
  readonly headers: string;
  readonly value: string;
}

/** Sealed arguments are for the services that may open them; nobody else has a use for the ciphertext. */
const SEALED = 'sealedParams';

const dataOf = (value: string): Json => {
  try {
    return JSON.parse(value, (name, field) => (name === SEALED && typeof field === 'string' ? '[sealed]' : field));
  } catch {
    return null;
  }
};

const eventOf = (row: EventRow): StoredEvent => {
  const headers: Readonly<Record<string, string>> = JSON.parse(row.headers);
  return {
    topic: row.topic,
    partition: row.partition,
    position: row.position,
    entry: row.entry,
    hash: row.hash,
    id: row.event_id,
    type: eventTypeOf(headers) ?? 'unknown',
    occurredAt: headers.ce_time ?? '',
    source: headers.ce_source ?? '',
    data: dataOf(row.value),
  };
};

/** What was published again has the id it had and a place of its own on record: of two the first on the log counts, whatever its time says. */
const firstOfEach = (rows: readonly EventRow[]): readonly EventRow[] => {
  const first = new Map<string, EventRow>();
  for (const row of rows) {
    const known = first.get(row.event_id);
    if (known === undefined || BigInt(row.position) < BigInt(known.position)) first.set(row.event_id, row);
  }
  return rows.filter((row) => first.get(row.event_id) === row);
};

/** Most events of one call that are shown; a call has a handful. */
export const EVENTS_MAX = 1_000;

/** A call with its events as they were recorded, in the order they happened, and what they tell. Throws `request.not-found`, `store.unavailable`. */
export const showCall = (database: Database, tenantId: string, callId: string, traceUrlTemplate?: string): Promise<CallDetail> =>
  asTenant(database, tenantId, async (tx) => {
    const states = await tx.query<{ state: CallState }>('SELECT state FROM call_record WHERE tenant_id = $1 AND call_id = $2', [
      tenantId,
      callId,
    ]);
    const events = await tx.query<EventRow>(
      `SELECT topic, partition, position, entry, hash, event_id, headers, value FROM audit_event WHERE tenant_id = $1 AND call_id = $2
       ORDER BY occurred_at, topic DESC, position LIMIT ${EVENTS_MAX}`,
      [tenantId, callId],
    );
    if (events.rows.length === 0) throw new AppError('request.not-found', 'no such call on record for this tenant');
    const state = states.rows[0]?.state;
    const record = state === undefined ? null : toCallRecord(storedCallState(state));
    const told = firstOfEach(events.rows.filter(({ topic }) => !DEAD_LETTER.test(topic)));
    const decoded = told.flatMap(({ headers, value }) => decodeStored({ headers: JSON.parse(headers), value }) ?? []);
    return {
      record,
      events: events.rows.map(eventOf),
      ...callAccount(decoded),
      traceUrl: record === null || traceUrlTemplate === undefined ? null : traceUrlTemplate.replaceAll('{traceId}', record.traceId),
    };
  });

/** What was published again is the same to the byte, its time included. */
const EACH_ONCE = 'SELECT DISTINCT ON (e.occurred_at, e.event_id)';

/** Requests that were turned away before anybody knew whose they were, newest first. Throws `request.invalid`, `store.unavailable`. */
export const findRejections = (database: Database, tenantId: string, query: RejectionQuery): Promise<RejectionPage> => {
  const conditions = new Conditions();
  conditions.add(`e.event_type = 'RequestRejected' AND e.tenant_id = ?`, tenantId);
  if (query.from !== undefined) conditions.add('e.occurred_at >= ?', query.from);
  if (query.to !== undefined) conditions.add('e.occurred_at < ?', query.to);
  if (query.code !== undefined) conditions.add(`CASE WHEN e.value IS JSON THEN e.value::json ->> 'code' = ? END`, query.code);
  const place = decodeCursor(query.cursor);
  if (place !== null) conditions.add('(e.occurred_at, e.event_id) < (?::timestamptz, ?)', place.at, place.id);
  const limit = conditions.value(query.limit + 1);
  return asTenant(database, tenantId, async (tx) => {
    const { rows } = await tx.query<{ event_id: string; at: string; value: string }>(
      `${EACH_ONCE} e.event_id, e.value, ${isoOf('e.occurred_at')} AS at FROM audit_event e WHERE ${conditions}
       ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT ${limit}`,
      conditions.values,
    );
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      rejections: shown.flatMap(({ event_id, at, value }) => {
        const parsed = RequestRejectedV1.data.safeParse(dataOf(value));
        return parsed.success ? [{ eventId: event_id, occurredAt: at, ...parsed.data }] : [];
      }),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor({ at: last.at, id: last.event_id }) : null,
    };
  });
};

/** Logins to the console and ends of their sessions, newest first. Throws `request.invalid`, `store.unavailable`. */
export const findLogins = (database: Database, tenantId: string, query: LoginQuery): Promise<LoginPage> => {
  const conditions = new Conditions();
  conditions.add(`e.event_type IN ('ConsoleSessionOpened', 'ConsoleSessionEnded') AND e.tenant_id = ?`, tenantId);
  if (query.from !== undefined) conditions.add('e.occurred_at >= ?', query.from);
  if (query.to !== undefined) conditions.add('e.occurred_at < ?', query.to);
  if (query.subject !== undefined) conditions.add(`CASE WHEN e.value IS JSON THEN e.value::json ->> 'subject' = ? END`, query.subject);
  const place = decodeCursor(query.cursor);
  if (place !== null) conditions.add('(e.occurred_at, e.event_id) < (?::timestamptz, ?)', place.at, place.id);
  const limit = conditions.value(query.limit + 1);
  return asTenant(database, tenantId, async (tx) => {
    const { rows } = await tx.query<{ event_id: string; at: string; value: string }>(
      `${EACH_ONCE} e.event_id, e.value, ${isoOf('e.occurred_at')} AS at FROM audit_event e WHERE ${conditions}
       ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT ${limit}`,
      conditions.values,
    );
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      logins: shown.flatMap(({ event_id, at, value }): LoginPage['logins'] => {
        const ended = ConsoleSessionEndedV1.data.safeParse(dataOf(value));
        if (ended.success) {
          const { reason: what, sessionId, subject, endedBy: by } = ended.data;
          return [{ eventId: event_id, occurredAt: at, what, sessionId, subject, by }];
        }
        const opened = ConsoleSessionOpenedV1.data.safeParse(dataOf(value));
        if (!opened.success) return [];
        const { sessionId, subject } = opened.data;
        return [{ eventId: event_id, occurredAt: at, what: 'opened', sessionId, subject, by: subject }];
      }),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor({ at: last.at, id: last.event_id }) : null,
    };
  });
};
