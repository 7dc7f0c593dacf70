import { type AnyEnvelope, type EncodedEvent, encodeEvent } from '@sallyport/contracts';
import { type CallState, isWhole, storedCallState, toOcsfApiActivity, toOcsfAuthentication } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';

/** Who writes the events of this service. */
export interface EventSource {
  readonly source: string;
  nowIso(): string;
}

/** Woken readers of `ended_call` look for what is new. */
export const ENDED_CALLS_CHANNEL = 'sallyport_audit_ended';

/** "tail" in ASCII: numbers of `ended_call` are given out and committed one transaction after the other, so that no reader skips one. */
const LOCK_TAIL = { name: 'audit-lock-tail', text: 'SELECT pg_advisory_xact_lock(1952541036)' };

const RELEASE = `INSERT INTO ended_call (tenant_id, call_id, end_event_id)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING RETURNING end_event_id`;
const AWAIT = `INSERT INTO awaiting_call (tenant_id, call_id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING`;
const STOP_AWAITING = `DELETE FROM awaiting_call a USING unnest($1::text[], $2::text[]) AS w(tenant_id, call_id)
  WHERE a.tenant_id = w.tenant_id AND a.call_id = w.call_id`;
const OVERDUE = `DELETE FROM awaiting_call WHERE ctid IN (SELECT ctid FROM awaiting_call WHERE since < now() - make_interval(secs => $1)
  ORDER BY since LIMIT 500 FOR UPDATE SKIP LOCKED) RETURNING tenant_id, call_id`;
const STATES = `SELECT c.state FROM call_record c JOIN unnest($1::text[], $2::text[]) AS w(tenant_id, call_id)
  ON c.tenant_id = w.tenant_id AND c.call_id = w.call_id`;

const keysOf = (calls: readonly CallState[]): [readonly string[], readonly string[]] => [
  calls.map(({ tenantId }) => tenantId),
  calls.map(({ callId }) => callId),
];

/** The call's OCSF event, for `audit.ocsf.v1`; its id is that of the ending event, so a repeat is dropped. */
const ocsfEventOf = (state: CallState, from: EventSource): EncodedEvent | null => {
  const data = toOcsfApiActivity(state);
  const { request, end } = state;
  if (data === null || request === null || end === null) return null;
  return encodeEvent({
    id: `ocsf-${end.eventId}`,
    type: 'OcsfApiActivity',
    version: 1,
    source: from.source,
    occurredAt: from.nowIso(),
    tenantId: state.tenantId,
    key: state.tenantId,
    callId: state.callId,
    chainId: request.chainId,
    subject: request.principal.subject,
    actor: request.principal.actors[0] ?? null,
    causationId: end.eventId,
    traceparent: `00-${request.traceId}-${request.spanId}-01`,
    edgeId: null,
    data,
  });
};

/** Who logged in to the console, failed to, or is logged out, for `audit.ocsf.v1`; `null` for every other event. A repeat is dropped by its id. */
export const ocsfLoginOf = (event: AnyEnvelope, from: EventSource): EncodedEvent | null => {
  const data = toOcsfAuthentication(event);
  if (data === null) return null;
  const { id, tenantId, subject, traceparent } = event;
  return encodeEvent({
    ...({ type: 'OcsfAuthentication', version: 1, callId: null, chainId: null, actor: null, edgeId: null } as const),
    ...{
      id: `ocsf-${id}`,
      source: from.source,
      occurredAt: from.nowIso(),
      tenantId,
      key: tenantId,
      subject,
      causationId: id,
      traceparent,
      data,
    },
  });
};

/** Puts calls into the tail, once for each of their ends, and returns the OCSF events of those that were not there. */
const release = async (tx: Sql, calls: readonly CallState[], from: EventSource): Promise<readonly EncodedEvent[]> => {
  if (calls.length === 0) return [];
  const [, { rows }] = await Promise.all([
    tx.query(LOCK_TAIL),
    tx.query<{ end_event_id: string }>({
      name: 'audit-release',
      text: RELEASE,
      values: [...keysOf(calls), calls.map(({ end }) => end?.eventId ?? '')],
    }),
    tx.query({ name: 'audit-notify-ended', text: `SELECT pg_notify('${ENDED_CALLS_CHANNEL}', '')` }),
  ]);
  const released = new Set(rows.map(({ end_event_id }) => end_event_id));
  return calls.flatMap((state) => (released.has(state.end?.eventId ?? '') ? (ocsfEventOf(state, from) ?? []) : []));
};

/**
 * Passes on the calls that ended, to the tail and as OCSF events to publish with the transaction. One whose decision is not on record yet,
 * because topics are read side by side, waits for it: `releaseOverdue` ends the wait. The tail stays locked to the end of the transaction.
 */
export const releaseEnded = async (tx: Sql, calls: readonly CallState[], from: EventSource): Promise<readonly EncodedEvent[]> => {
  const ended = calls.filter(({ end, request }) => end !== null && request !== null);
  if (ended.length === 0) return [];
  const whole = ended.filter(isWhole);
  const waiting = ended.filter((state) => !isWhole(state));
  const [, , released] = await Promise.all([
    waiting.length === 0 ? null : tx.query({ name: 'audit-await', text: AWAIT, values: keysOf(waiting) }),
    whole.length === 0 ? null : tx.query({ name: 'audit-stop-awaiting', text: STOP_AWAITING, values: keysOf(whole) }),
    release(tx, whole, from),
  ]);
  return released;
};

/** Passes on calls that have waited for their decision long enough: without it rather than never. */
export const releaseOverdue = async (tx: Sql, graceSeconds: number, from: EventSource): Promise<readonly EncodedEvent[]> => {
  const { rows } = await tx.query<{ tenant_id: string; call_id: string }>(OVERDUE, [graceSeconds]);
  if (rows.length === 0) return [];
  const states = await tx.query<{ state: CallState }>(STATES, [rows.map(({ tenant_id }) => tenant_id), rows.map(({ call_id }) => call_id)]);
  return release(
    tx,
    // One that waited may have gone on since.
    states.rows.map(({ state }) => storedCallState(state)).filter(({ end, request }) => end !== null && request !== null),
    from,
  );
};
