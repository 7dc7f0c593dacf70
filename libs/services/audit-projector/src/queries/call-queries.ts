import {
  AppError,
  type CallDetail,
  type CallPage,
  type CallQuery,
  eventTypeOf,
  type Json,
  type RejectionPage,
  type RejectionQuery,
  RequestRejectedV1,
  type StoredEvent,
} from '@sallyport/contracts';
import { type CallState, storedCallState, toCallRecord } from '@sallyport/domain';
import type { Database } from '@sallyport/platform';
import { asTenant } from '../tenant-scope.js';
import { decodeCursor, encodeCursor } from './cursor.js';

/** What calls are looked up by; the tail uses the same but for times and pages. */
export type CallFilter = Pick<CallQuery, 'subject' | 'agent' | 'tool' | 'decision' | 'outcome' | 'traceId'> &
  Partial<Pick<CallQuery, 'callId' | 'from' | 'to'>>;

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
  if (filter.from !== undefined) conditions.add('c.started_at >= ?', filter.from);
  if (filter.to !== undefined) conditions.add('c.started_at < ?', filter.to);
  return conditions;
};

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
const isoOf = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', ${ISO})`;

/** Calls of a tenant, newest first. Pages stay put while calls are added: a call is on one page, once. Throws `request.invalid`, `store.unavailable`. */
export const findCalls = (database: Database, tenantId: string, query: CallQuery): Promise<CallPage> => {
  const conditions = callConditions(tenantId, query);
  const place = decodeCursor(query.cursor);
  if (place !== null) conditions.add('(c.started_at, c.call_id) < (?::timestamptz, ?)', place.at, place.id);
  const limit = conditions.value(query.limit + 1);
  return asTenant(database, tenantId, async (tx) => {
    const { rows } = await tx.query<{ state: CallState; at: string; call_id: string }>(
      `SELECT c.state, c.call_id, ${isoOf('c.started_at')} AS at FROM call_record c WHERE ${conditions}
       ORDER BY c.started_at DESC, c.call_id DESC LIMIT ${limit}`,
      conditions.values,
    );
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      calls: shown.flatMap(({ state }) => toCallRecord(storedCallState(state)) ?? []),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor({ at: last.at, id: last.call_id }) : null,
    };
  });
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

/** Most events of one call that are shown; a call has a handful. */
const EVENTS_MAX = 1_000;

/** A call with its events as they were recorded, in the order they happened. Throws `request.not-found`, `store.unavailable`. */
export const showCall = (database: Database, tenantId: string, callId: string): Promise<CallDetail> =>
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
    return { record: state === undefined ? null : toCallRecord(storedCallState(state)), events: events.rows.map(eventOf) };
  });

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
      `SELECT e.event_id, e.value, ${isoOf('e.occurred_at')} AS at FROM audit_event e WHERE ${conditions}
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
