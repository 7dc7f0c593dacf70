import { createHash } from 'node:crypto';
import type { CallPrice, Principal, RequestFacts, ToolReference } from '@sallyport/contracts';
import { type ApprovalBinding, type ApprovalState, bindingText } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';

/** What was asked, as people are shown it. Never changes. */
export interface AskedFacts extends Pick<RequestFacts, 'paramsMasked' | 'paramsHash' | 'redactions' | 'labels' | 'claimed' | 'principal'> {
  /** The call that asked first; its parameters are the sealed ones. */
  readonly callId: string;
  readonly tool: ToolReference;
  readonly ruleIds: readonly string[];
  readonly reasons: readonly string[];
  /** Not said by gateways of an earlier release, as is the price. */
  readonly policyIds?: readonly string[];
  readonly price?: CallPrice | null;
}

/** Where an answer to a waiting call is to be put on the log. */
export interface WaitingCall {
  readonly callId: string;
  readonly chainId: string | null;
  readonly key: string;
  readonly subject: string | null;
  readonly actor: string | null;
  readonly traceparent: string;
  readonly edgeId: string | null;
}

/** A request as it is stored. `version` 0 is not stored yet. */
export interface StoredApproval {
  readonly tenantId: string;
  readonly approvalId: string;
  readonly version: number;
  readonly state: ApprovalState;
  readonly asked: AskedFacts;
  readonly askedAtMs: number;
}

interface Row {
  readonly tenant_id: string;
  readonly approval_id: string;
  readonly version: number;
  readonly state: ApprovalState;
  readonly asked: AskedFacts;
  readonly asked_at: Date;
}

const COLUMNS = 'tenant_id, approval_id, version, state, asked, asked_at';

const fromRow = (row: Row): StoredApproval => ({
  tenantId: row.tenant_id,
  approvalId: row.approval_id,
  version: row.version,
  state: row.state,
  asked: row.asked,
  askedAtMs: row.asked_at.getTime(),
});

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** The same for the same binding alone. */
export const bindingKeyOf = (binding: ApprovalBinding): string => digest(bindingText(binding));
/** The same for all requests of one person through the same agents for one tool. */
export const historyKeyOf = ({ issuer, subject, actors }: Pick<Principal, 'issuer' | 'subject' | 'actors'>, toolId: string): string =>
  digest(JSON.stringify([issuer, subject, actors, toolId]));

/**
 * Keeps others from asking about these bindings until the transaction ends, so that two partitions ask once. Taken in order, before any row,
 * so that nobody waits in a circle.
 */
export const lockBindings = async (tx: Sql, bindingKeys: readonly string[]): Promise<void> => {
  if (bindingKeys.length === 0) return;
  await tx.query({
    name: 'approval-lock-bindings',
    text: `SELECT pg_advisory_xact_lock(name) FROM (
      SELECT DISTINCT hashtextextended(key, 5) AS name FROM unnest($1::text[]) AS k(key) ORDER BY 1) AS names`,
    values: [bindingKeys],
  });
};

/** The live requests of these bindings and all requests that these calls waited for, locked, by id. */
export const lockConcerned = async (
  tx: Sql,
  bindings: readonly { readonly tenantId: string; readonly bindingKey: string }[],
  calls: readonly { readonly tenantId: string; readonly callId: string }[],
): Promise<StoredApproval[]> => {
  const { rows } = await tx.query<Row>({
    name: 'approval-lock-concerned',
    text: `SELECT ${COLUMNS} FROM approval_request r
      WHERE (tenant_id, approval_id) IN (
        SELECT l.tenant_id, l.approval_id FROM approval_request l JOIN unnest($1::text[], $2::text[]) AS b(tenant_id, binding_key)
          ON l.tenant_id = b.tenant_id AND l.binding_key = b.binding_key WHERE l.status IN ('pending', 'granted')
        UNION
        SELECT c.tenant_id, c.approval_id FROM approval_call c JOIN unnest($3::text[], $4::text[]) AS e(tenant_id, call_id)
          ON c.tenant_id = e.tenant_id AND c.call_id = e.call_id)
      ORDER BY approval_id FOR UPDATE`,
    values: [
      bindings.map(({ tenantId }) => tenantId),
      bindings.map(({ bindingKey }) => bindingKey),
      calls.map(({ tenantId }) => tenantId),
      calls.map(({ callId }) => callId),
    ],
  });
  return rows.map(fromRow);
};

/** Requests that nobody answered in time, locked; those that another replica is ending are left to it. */
export const claimDue = async (tx: Sql, nowMs: number, limit: number): Promise<StoredApproval[]> => {
  const { rows } = await tx.query<Row>({
    name: 'approval-claim-due',
    text: `SELECT ${COLUMNS} FROM approval_request WHERE status = 'pending' AND expires_at <= $1
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
    values: [new Date(nowMs), limit],
  });
  return rows.map(fromRow);
};

/** When the next request is due, milliseconds since 1970; `null` when nobody is asked. */
export const nextDueMs = async (tx: Sql): Promise<number | null> => {
  const { rows } = await tx.query<{ due: Date | null }>(`SELECT min(expires_at) AS due FROM approval_request WHERE status = 'pending'`);
  return rows[0]?.due?.getTime() ?? null;
};

/** All open requests of a tenant, locked. */
export const lockLive = async (tx: Sql, tenantId: string): Promise<StoredApproval[]> => {
  const { rows } = await tx.query<Row>(
    `SELECT ${COLUMNS} FROM approval_request WHERE tenant_id = $1 AND status IN ('pending', 'granted') ORDER BY approval_id FOR UPDATE`,
    [tenantId],
  );
  return rows.map(fromRow);
};

/** One request of a tenant; `null` when there is none. Locks nothing: who changes it writes by its version. */
export const readApproval = async (tx: Sql, tenantId: string, approvalId: string): Promise<StoredApproval | null> => {
  const { rows } = await tx.query<Row>(`SELECT ${COLUMNS} FROM approval_request WHERE tenant_id = $1 AND approval_id = $2`, [
    tenantId,
    approvalId,
  ]);
  return rows[0] === undefined ? null : fromRow(rows[0]);
};

/** These requests of a tenant, newest first: ids sort by the time they were asked. */
export const readApprovals = async (tx: Sql, tenantId: string, approvalIds: readonly string[]): Promise<StoredApproval[]> => {
  const { rows } = await tx.query<Row>(
    `SELECT ${COLUMNS} FROM approval_request WHERE tenant_id = $1 AND approval_id = ANY($2) ORDER BY approval_id DESC`,
    [tenantId, approvalIds],
  );
  return rows.map(fromRow);
};

/** The sealed parameters of a request that waits; `null` once it does not. */
export const readSealedParams = async (tx: Sql, tenantId: string, approvalId: string): Promise<string | null> => {
  const { rows } = await tx.query<{ sealed_params: string | null }>(
    'SELECT sealed_params FROM approval_request WHERE tenant_id = $1 AND approval_id = $2',
    [tenantId, approvalId],
  );
  return rows[0]?.sealed_params ?? null;
};

const dueOf = (state: ApprovalState): Date | null => ('expiresAtMs' in state ? new Date(state.expiresAtMs) : null);

const endOf = (state: ApprovalState): Date | null => ('atMs' in state ? new Date(state.atMs) : null);

/** Where those who follow requests hear that one of a tenant changed, once that is committed. */
export const CHANGED_APPROVALS_CHANNEL = 'sallyport_changed_approvals';
const TELL_CHANGE = `SELECT pg_notify('${CHANGED_APPROVALS_CHANNEL}', tenant_id) FROM changed`;

/** Stores a new request with its sealed parameters. */
export const insertApproval = (tx: Sql, approval: StoredApproval, bindingKey: string, sealedParams: string | null): Promise<unknown> =>
  tx.query({
    name: 'approval-insert',
    text: `WITH changed AS (INSERT INTO approval_request
      (tenant_id, approval_id, version, status, state, asked, sealed_params, binding_key, history_key, asked_at, expires_at)
      VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING tenant_id) ${TELL_CHANGE}`,
    values: [
      approval.tenantId,
      approval.approvalId,
      approval.state.status,
      JSON.stringify(approval.state),
      JSON.stringify(approval.asked),
      approval.state.status === 'pending' ? sealedParams : null,
      bindingKey,
      historyKeyOf(approval.asked.principal, approval.asked.tool.id),
      new Date(approval.askedAtMs),
      dueOf(approval.state) ?? new Date(approval.askedAtMs),
    ],
  });

/**
 * Stores a changed state where the row still has the version it was read with. Resolves to `false` when somebody else was first. The sealed
 * parameters go as soon as nobody may look at them any more.
 */
export const updateApproval = async (tx: Sql, { tenantId, approvalId, version, state }: StoredApproval): Promise<boolean> => {
  const { rowCount } = await tx.query({
    name: 'approval-update',
    text: `WITH changed AS (UPDATE approval_request
        SET version = version + 1, status = $4, state = $5, expires_at = coalesce($6, expires_at),
          sealed_params = CASE WHEN $4 = 'pending' THEN sealed_params END, ended_at = $7, changed_tx = pg_current_xact_id()
        WHERE tenant_id = $1 AND approval_id = $2 AND version = $3 RETURNING tenant_id) ${TELL_CHANGE}`,
    values: [tenantId, approvalId, version, state.status, JSON.stringify(state), dueOf(state), endOf(state)],
  });
  return rowCount === 1;
};

/** One wait of a call, heard at `heardAtMs`. */
export interface CallWait {
  readonly tenantId: string;
  readonly approvalId: string;
  readonly parkedEventId: string;
  readonly call: WaitingCall;
  readonly heardAtMs: number;
}

/** Puts a call with its request, once for each event that parked it. */
export const insertCall = (tx: Sql, { tenantId, approvalId, parkedEventId, call, heardAtMs }: CallWait): Promise<unknown> =>
  tx.query({
    name: 'approval-insert-call',
    text: `INSERT INTO approval_call (tenant_id, parked_event_id, call_id, approval_id, envelope, heard_at)
      VALUES ($1, $2, $3, $4, $5, $6)`,
    values: [tenantId, parkedEventId, call.callId, approvalId, JSON.stringify(call), new Date(heardAtMs)],
  });

/** Those of the events that were handled before. */
export const handledEvents = async (tx: Sql, eventIds: readonly string[]): Promise<ReadonlySet<string>> => {
  if (eventIds.length === 0) return new Set();
  const { rows } = await tx.query<{ parked_event_id: string }>(
    'SELECT parked_event_id FROM approval_call WHERE parked_event_id = ANY($1)',
    [eventIds],
  );
  return new Set(rows.map(({ parked_event_id }) => parked_event_id));
};

/** Where to put answers to these calls: to where each of them waited last, for a call may come back by another edge. */
export const readCalls = async (tx: Sql, tenantId: string, callIds: readonly string[]): Promise<WaitingCall[]> => {
  const { rows } = await tx.query<{ envelope: WaitingCall }>({
    name: 'approval-read-calls',
    text: `SELECT DISTINCT ON (call_id) envelope FROM approval_call WHERE tenant_id = $1 AND call_id = ANY($2)
      ORDER BY call_id, turn DESC`,
    values: [tenantId, callIds],
  });
  return rows.map(({ envelope }) => envelope);
};

/**
 * Drops what ended before a moment, at most `limit` requests and as many waits; resolves to how many of the larger. A grant that nobody used
 * ended with its time. What waits for people is never dropped.
 */
export const dropEnded = async (tx: Sql, beforeMs: number, limit: number): Promise<number> => {
  const before = new Date(beforeMs);
  const requests = await tx.query({
    name: 'approval-drop-requests',
    text: `DELETE FROM approval_request WHERE (tenant_id, approval_id) IN (
      SELECT tenant_id, approval_id FROM approval_request WHERE status <> 'pending' AND coalesce(ended_at, expires_at) < $1
        LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    values: [before, limit],
  });
  const calls = await tx.query({
    name: 'approval-drop-calls',
    text: `DELETE FROM approval_call WHERE (tenant_id, parked_event_id) IN (
      SELECT tenant_id, parked_event_id FROM approval_call c WHERE heard_at < $1
        AND NOT EXISTS (SELECT 1 FROM approval_request r WHERE r.tenant_id = c.tenant_id AND r.approval_id = c.approval_id) LIMIT $2)`,
    values: [before, limit],
  });
  return Math.max(requests.rowCount ?? 0, calls.rowCount ?? 0);
};
