import { type AnyEnvelope, AppError, type CallRecord } from '@sallyport/contracts';
import { type CallState, evolveCall, initialCallState, storedCallState, toCallRecord } from '@sallyport/domain';
import { intArray, type Sql, textArray } from '@sallyport/platform';
import type { CallTurn } from './derived-views.store.js';

/** An event about one call. */
export type CallEvent = AnyEnvelope & { readonly callId: string };

interface StateRow {
  readonly tenant_id: string;
  readonly call_id: string;
  readonly version: number;
  readonly state: CallState;
}

/** A call as it was folded so far. */
export interface FoldedCall {
  readonly version: number;
  readonly state: CallState;
}

const LOCK_STATES = `SELECT c.tenant_id, c.call_id, c.version, c.state FROM call_record c
  JOIN unnest($1::text[], $2::text[]) AS w(tenant_id, call_id) ON c.tenant_id = w.tenant_id AND c.call_id = w.call_id
  ORDER BY c.tenant_id, c.call_id FOR UPDATE OF c`;

const SAVE_STATES = `INSERT INTO call_record AS c (tenant_id, call_id, version, state, started_at, ended_at, subject, agent, target, decision,
    outcome, trace_id, chain_id)
  SELECT tenant_id, call_id, version, state::json, started_at::timestamptz, ended_at::timestamptz, subject, agent, target, decision, outcome,
    trace_id, chain_id
  FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::text[])
    AS r(tenant_id, call_id, version, state, started_at, ended_at, subject, agent, target, decision, outcome, trace_id, chain_id)
  ON CONFLICT (tenant_id, call_id) DO UPDATE SET version = excluded.version, state = excluded.state, started_at = excluded.started_at,
    ended_at = excluded.ended_at, subject = excluded.subject, agent = excluded.agent, target = excluded.target, decision = excluded.decision,
    outcome = excluded.outcome, trace_id = excluded.trace_id, chain_id = excluded.chain_id
  WHERE c.version = excluded.version - 1`;

/** The name of a call among those of all tenants. */
export const keyOf = (tenantId: string, callId: string): string => `${tenantId} ${callId}`;

/** Sorted by tenant and call, so that two consumers lock rows in one order. */
const sortedKeys = (keys: Iterable<string>): string[] => [...keys].sort();

/** Folds events into the calls they are about, which stand as they were locked, and returns those as they are now: save them. */
export const foldIntoStates = (
  known: ReadonlyMap<string, FoldedCall>,
  events: readonly CallEvent[],
): readonly (FoldedCall & CallTurn)[] => {
  const byCall = Map.groupBy(events, ({ tenantId, callId }) => keyOf(tenantId, callId));
  const folded: (FoldedCall & CallTurn)[] = [];
  for (const key of sortedKeys(byCall.keys())) {
    const ofCall = byCall.get(key) ?? [];
    const [first] = ofCall;
    if (first === undefined) continue;
    const before = known.get(key) ?? { version: 0, state: initialCallState(first.callId, first.tenantId) };
    const state = ofCall.reduce(evolveCall, before.state);
    folded.push({ version: before.version + 1, state, before: before.version === 0 ? null : before.state, after: state, events: ofCall });
  }
  return folded;
};

/** The calls that events are about, as they stand, locked to the end of the transaction. */
export const lockStates = async (
  tx: Sql,
  events: readonly Pick<CallEvent, 'tenantId' | 'callId'>[],
): Promise<ReadonlyMap<string, FoldedCall>> => {
  if (events.length === 0) return new Map();
  const calls = [...new Map(events.map((event) => [keyOf(event.tenantId, event.callId), event])).values()];
  const { rows } = await tx.query<StateRow>({
    name: 'audit-lock-states',
    text: LOCK_STATES,
    values: [textArray(calls.map(({ tenantId }) => tenantId)), textArray(calls.map(({ callId }) => callId))],
  });
  return new Map(
    rows.map(({ tenant_id, call_id, version, state }) => [keyOf(tenant_id, call_id), { version, state: storedCallState(state) }]),
  );
};

/**
 * Writes the state of calls; `version` is what it becomes. Throws `stream.conflict` when a row moved on meanwhile, or another consumer made it:
 * run the transaction again.
 */
export const saveStates = async (tx: Sql, calls: readonly FoldedCall[]): Promise<void> => {
  if (calls.length === 0) return;
  const records = calls.map(({ state }) => toCallRecord(state));
  const { rowCount } = await tx.query({
    name: 'audit-save-states',
    text: SAVE_STATES,
    values: [
      textArray(calls.map(({ state }) => state.tenantId)),
      textArray(calls.map(({ state }) => state.callId)),
      intArray(calls.map(({ version }) => version)),
      textArray(calls.map(({ state }) => JSON.stringify(state))),
      ...SHOWN.map((column) => textArray(records.map((record, index) => column(record, calls[index]?.state)))),
    ],
  });
  if (rowCount !== calls.length) {
    throw new AppError('stream.conflict', `${calls.length - rowCount} of ${calls.length} call records were changed meanwhile`);
  }
};

/** Columns to look calls up by, in the order of the statement; nothing but the call's key is known before its request is. */
const SHOWN: readonly ((record: CallRecord | null, state: CallState | undefined) => string | null)[] = [
  (record) => record?.startedAt ?? null,
  (record, state) => record?.endedAt ?? state?.end?.at ?? null,
  (record) => record?.principal.subject ?? null,
  (record) => record?.principal.actors[0] ?? null,
  (record) => record?.target ?? null,
  (record) => record?.decision ?? 'none',
  (record) => record?.outcome ?? 'pending',
  (record) => record?.traceId ?? null,
  (record) => record?.chainId ?? null,
];
