import type { CallInDoubt, EncodedEvent, ResolveCallBody } from '@sallyport/contracts';
import type { OpenStage } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';
import { IS_LOST, type Writer } from './incarnation.js';

/** What is known of an open call after a batch; `null` leaves what was known before. */
export interface CallEntry {
  readonly callId: string;
  readonly tenantId: string;
  readonly chainId: string;
  readonly edgeId: string | null;
  readonly bootId: string | null;
  readonly stage: OpenStage;
  readonly openedAt: string | null;
  readonly method: string | null;
  readonly riskTier: string | null;
  readonly target: string | null;
  readonly subject: string | null;
  readonly actor: string | null;
  readonly traceparent: string;
  readonly lastEventId: string;
  readonly attempt: number | null;
  readonly isDryRun: boolean | null;
  readonly tokenId: string | null;
  readonly mayComeBack: boolean | null;
  readonly waitsUntil: string | null;
  readonly dispatchedAt: string | null;
  readonly inDoubtAt: string | null;
}

/** An open call that is to be recovered. */
export interface OpenCall {
  readonly callId: string;
  readonly tenantId: string;
  readonly chainId: string;
  readonly edgeId: string;
  readonly stage: OpenStage;
  readonly method: string | null;
  readonly riskTier: string | null;
  readonly target: string | null;
  readonly subject: string | null;
  readonly actor: string | null;
  readonly traceparent: string;
  readonly lastEventId: string;
  readonly attempt: number;
  readonly isDryRun: boolean;
  /** Whether a dispatch is on record, also where nothing of it was sent. */
  readonly wasDispatched: boolean;
  /** Since it was opened. */
  readonly totalMicros: number;
}

interface OpenCallRow {
  readonly call_id: string;
  readonly tenant_id: string;
  readonly chain_id: string;
  readonly edge_id: string;
  readonly stage: OpenStage;
  readonly method: string | null;
  readonly risk_tier: string | null;
  readonly target: string | null;
  readonly subject: string | null;
  readonly actor: string | null;
  readonly traceparent: string;
  readonly last_event_id: string;
  readonly attempt: number;
  readonly is_dry_run: boolean;
  readonly was_dispatched: boolean;
  readonly total_micros: string;
}

const OPEN_CALL = `call_id, tenant_id, chain_id, edge_id, stage, method, risk_tier, target, subject, actor, traceparent, last_event_id, attempt,
  is_dry_run, dispatched_at IS NOT NULL AS was_dispatched,
  greatest(0, round(extract(epoch FROM now() - opened_at) * 1000000))::bigint AS total_micros`;

const openCallOf = (row: OpenCallRow): OpenCall => ({
  callId: row.call_id,
  tenantId: row.tenant_id,
  chainId: row.chain_id,
  edgeId: row.edge_id,
  stage: row.stage,
  method: row.method,
  riskTier: row.risk_tier,
  target: row.target,
  subject: row.subject,
  actor: row.actor,
  traceparent: row.traceparent,
  lastEventId: row.last_event_id,
  attempt: row.attempt,
  isDryRun: row.is_dry_run,
  wasDispatched: row.was_dispatched,
  totalMicros: Number(row.total_micros),
});

/** A recovery that was begun and of which nothing came to the log is begun again after this. */
const REPEAT_AFTER = `interval '60 seconds'`;
/** How long after the end of its wait a parked call is left to its gateway. */
const PARKED_GRACE = `interval '30 seconds'`;

const COLUMNS = [
  ['call_id', 'text'],
  ['tenant_id', 'text'],
  ['chain_id', 'text'],
  ['edge_id', 'text'],
  ['boot_id', 'text'],
  ['stage', 'text'],
  ['opened_at', 'timestamptz'],
  ['method', 'text'],
  ['risk_tier', 'text'],
  ['target', 'text'],
  ['subject', 'text'],
  ['actor', 'text'],
  ['traceparent', 'text'],
  ['last_event_id', 'text'],
  ['attempt', 'int'],
  ['is_dry_run', 'boolean'],
  ['token_id', 'text'],
  ['may_come_back', 'boolean'],
  ['waits_until', 'timestamptz'],
  ['dispatched_at', 'timestamptz'],
  ['in_doubt_at', 'timestamptz'],
] as const;

const NAMES = COLUMNS.map(([name]) => name).join(', ');
const ENTRIES = `unnest(${COLUMNS.map(([, type], n) => `$${n + 1}::${type}[]`).join(', ')}) AS entry (${NAMES})`;
/** What a later event does not say stays. */
const LATER = COLUMNS.filter(([name]) => name !== 'call_id');

const OPEN = `INSERT INTO open_calls AS call (${NAMES})
  SELECT call_id, tenant_id, chain_id, coalesce(edge_id, ''), coalesce(boot_id, ''), stage, coalesce(opened_at, now()), method, risk_tier,
         target, subject, actor, traceparent, last_event_id, coalesce(attempt, 1), coalesce(is_dry_run, false), token_id,
         coalesce(may_come_back, false), waits_until, dispatched_at, in_doubt_at
    FROM ${ENTRIES} ORDER BY call_id
  ON CONFLICT (call_id) DO UPDATE SET recovered_at = NULL, ${LATER.filter(([name]) => name !== 'opened_at')
    .map(([name]) => `${name} = coalesce(excluded.${name}, call.${name})`)
    .join(', ')}`;

const MOVE = `UPDATE open_calls AS call
    SET recovered_at = NULL, ${LATER.filter(([name]) => name !== 'opened_at')
      .map(([name]) => `${name} = coalesce(entry.${name}, call.${name})`)
      .join(', ')}
   FROM ${ENTRIES} WHERE call.call_id = entry.call_id`;

const valuesOf = (entries: readonly CallEntry[]): unknown[] => [
  entries.map(({ callId }) => callId),
  entries.map(({ tenantId }) => tenantId),
  entries.map(({ chainId }) => chainId),
  entries.map(({ edgeId }) => edgeId),
  entries.map(({ bootId }) => bootId),
  entries.map(({ stage }) => stage),
  entries.map(({ openedAt }) => openedAt),
  entries.map(({ method }) => method),
  entries.map(({ riskTier }) => riskTier),
  entries.map(({ target }) => target),
  entries.map(({ subject }) => subject),
  entries.map(({ actor }) => actor),
  entries.map(({ traceparent }) => traceparent),
  entries.map(({ lastEventId }) => lastEventId),
  entries.map(({ attempt }) => attempt),
  entries.map(({ isDryRun }) => isDryRun),
  entries.map(({ tokenId }) => tokenId),
  entries.map(({ mayComeBack }) => mayComeBack),
  entries.map(({ waitsUntil }) => waitsUntil),
  entries.map(({ dispatchedAt }) => dispatchedAt),
  entries.map(({ inDoubtAt }) => inDoubtAt),
];

/** Calls that began, or wait for people again. */
export const openCalls = async (tx: Sql, entries: readonly CallEntry[]): Promise<void> => {
  if (entries.length > 0) await tx.query({ name: 'recovery-open', text: OPEN, values: valuesOf(entries) });
};

/** Calls that went on; one that is not in the list has ended and stays out of it. */
export const moveCalls = async (tx: Sql, entries: readonly CallEntry[]): Promise<void> => {
  if (entries.length > 0) await tx.query({ name: 'recovery-move', text: MOVE, values: valuesOf(entries) });
};

/** Calls that ended. */
export const closeCalls = async (tx: Sql, callIds: readonly string[]): Promise<void> => {
  if (callIds.length > 0)
    await tx.query({ name: 'recovery-close', text: 'DELETE FROM open_calls WHERE call_id = ANY($1)', values: [callIds] });
};

/** Runs whose calls are lost, and whether a parked call waits for nobody any more. */
export const whatIsLost = async (sql: Sql): Promise<{ readonly writers: readonly Writer[]; readonly hasOverdue: boolean }> => {
  const { rows } = await sql.query<{ edge_id: string; boot_id: string }>(
    `SELECT call.edge_id, call.boot_id FROM open_calls call
       LEFT JOIN edge_instances run ON run.edge_id = call.edge_id AND run.boot_id = call.boot_id
      WHERE call.stage <> 'in-doubt' AND NOT (call.stage = 'parked' AND call.may_come_back)
        AND (call.recovered_at IS NULL OR call.recovered_at < now() - ${REPEAT_AFTER}) AND ${IS_LOST}
      GROUP BY call.edge_id, call.boot_id`,
  );
  const overdue = await sql.query(
    `SELECT FROM open_calls WHERE stage = 'parked' AND waits_until < now() - ${PARKED_GRACE}
        AND (recovered_at IS NULL OR recovered_at < now() - ${REPEAT_AFTER}) LIMIT 1`,
  );
  return { writers: rows.map((row) => ({ edgeId: row.edge_id, bootId: row.boot_id })), hasOverdue: overdue.rowCount > 0 };
};

/** Takes lost calls on, at most `max`, so that no other sweeper does; what another one has in hand is left to it. */
export const takeLost = async (tx: Sql, writers: readonly Writer[], max: number): Promise<readonly OpenCall[]> => {
  const { rows } = await tx.query<OpenCallRow>(
    `UPDATE open_calls SET recovered_at = now() WHERE call_id IN (
       SELECT call.call_id FROM open_calls call
        WHERE call.stage <> 'in-doubt' AND (call.recovered_at IS NULL OR call.recovered_at < now() - ${REPEAT_AFTER})
          AND ((call.stage = 'parked' AND call.waits_until < now() - ${PARKED_GRACE})
            OR (NOT (call.stage = 'parked' AND call.may_come_back)
              AND (call.edge_id, call.boot_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))))
        ORDER BY call.call_id LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING ${OPEN_CALL}`,
    [writers.map(({ edgeId }) => edgeId), writers.map(({ bootId }) => bootId), max],
  );
  return rows.map(openCallOf);
};

/**
 * What a person found out: `executed` leaves the key taken, without an answer; `not-executed` gives it back. The first one counts, and an answer that a
 * gateway delivered counts more.
 */
export const settleResolved = async (tx: Sql, callId: string, resolution: ResolveCallBody['resolution']): Promise<void> => {
  await tx.query({
    name: 'recovery-settle-resolved',
    text: `UPDATE dispatch_claims SET settled_at = now(), kept_records = NULL, is_answered = $2,
                  idempotency_scope = CASE WHEN $2 THEN idempotency_scope END
            WHERE call_id = $1 AND NOT is_answered`,
    values: [callId, resolution === 'executed'],
  });
};

/** A call of a tenant that is in doubt, locked until the end of the transaction; `null` where there is none. */
export const lockInDoubt = async (
  tx: Sql,
  tenantId: string,
  callId: string,
): Promise<(OpenCall & { readonly isResolved: boolean }) | null> => {
  const { rows } = await tx.query<OpenCallRow & { readonly is_resolved: boolean }>(
    `SELECT ${OPEN_CALL}, resolution IS NOT NULL AS is_resolved
       FROM open_calls WHERE tenant_id = $1 AND call_id = $2 AND stage = 'in-doubt' FOR UPDATE`,
    [tenantId, callId],
  );
  const [row] = rows;
  return row === undefined ? null : { ...openCallOf(row), isResolved: row.is_resolved };
};

/** Whether a call of a tenant was claimed and has ended since. */
export const hasEnded = async (sql: Sql, tenantId: string, callId: string): Promise<boolean> => {
  const { rowCount } = await sql.query('SELECT FROM dispatch_claims WHERE tenant_id = $1 AND call_id = $2 AND settled_at IS NOT NULL', [
    tenantId,
    callId,
  ]);
  return rowCount > 0;
};

/** Keeps what a person said until the log has it. */
export const storeResolution = async (tx: Sql, callId: string, record: EncodedEvent): Promise<void> => {
  await tx.query('UPDATE open_calls SET resolved_at = now(), resolution = $2 WHERE call_id = $1', [callId, JSON.stringify(record)]);
};

/** What people said some time ago and did not come back from the log: it may never have been there. */
export const unheardResolutions = async (sql: Sql): Promise<readonly EncodedEvent[]> => {
  const { rows } = await sql.query<{ resolution: EncodedEvent }>(
    `SELECT resolution FROM open_calls WHERE resolution IS NOT NULL AND resolved_at < now() - interval '10 seconds' ORDER BY resolved_at LIMIT 100`,
  );
  return rows.map(({ resolution }) => resolution);
};

/** Behind the last call of a page. */
export interface InDoubtCursor {
  readonly since: string;
  readonly callId: string;
}

/** Calls of a tenant in doubt that nobody has settled, the oldest first. */
export const findInDoubt = async (sql: Sql, tenantId: string, after: InDoubtCursor | null, limit: number): Promise<CallInDoubt[]> => {
  const { rows } = await sql.query<{
    call_id: string;
    chain_id: string;
    edge_id: string;
    in_doubt_at: Date;
    dispatched_at: Date | null;
    method: string | null;
    target: string | null;
    risk_tier: string | null;
    subject: string | null;
    actor: string | null;
    attempt: number;
    token_id: string | null;
  }>(
    `SELECT call_id, chain_id, edge_id, in_doubt_at, dispatched_at, method, target, risk_tier, subject, actor, attempt, token_id
       FROM open_calls WHERE tenant_id = $1 AND stage = 'in-doubt' AND resolution IS NULL
        AND ($2::timestamptz IS NULL OR (in_doubt_at, call_id) > ($2, $3)) ORDER BY in_doubt_at, call_id LIMIT $4`,
    [tenantId, after?.since ?? null, after?.callId ?? null, limit],
  );
  return rows.map((row) => ({
    callId: row.call_id,
    chainId: row.chain_id,
    inDoubtSince: row.in_doubt_at.toISOString(),
    dispatchedAt: row.dispatched_at?.toISOString() ?? null,
    method: row.method,
    target: row.target,
    riskTier: row.risk_tier,
    subject: row.subject,
    actor: row.actor,
    attempt: row.attempt,
    tokenId: row.token_id,
    edgeId: row.edge_id,
  }));
};
