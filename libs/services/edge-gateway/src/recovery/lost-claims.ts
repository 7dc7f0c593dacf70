import type { EncodedEvent } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import { SILENT_SECONDS } from './incarnation.js';
import type { OpenCall } from './open-calls.store.js';

/** The attempt of a call that was never dispatched; there is one alone so far. */
const FIRST_ATTEMPT = 1;

/** What the claim of a lost call holds. `ours`: nobody can send it any more. `theirs`: a gateway that lives is about to. */
export type LostClaim = 'ours' | 'theirs' | { readonly kept: readonly EncodedEvent[] };

/**
 * Wins the attempt of a call of which nothing was sent, so that nobody sends it. The claim that its lost gateway had won is taken over, and
 * its key is given back: no byte went out under it, for that would have been on the log. So is its grant, unless a dispatch is on record that used
 * it up, and of which nothing was sent.
 */
export const takeClaim = async (tx: Sql, { callId, tenantId, chainId, edgeId, wasDispatched }: OpenCall): Promise<LostClaim> => {
  const { rowCount } = await tx.query(
    `INSERT INTO dispatch_claims (call_id, attempt, tenant_id, chain_id, edge_id, settled_at) VALUES ($1, $2, $3, $4, $5, now())
     ON CONFLICT DO NOTHING`,
    [callId, FIRST_ATTEMPT, tenantId, chainId, edgeId],
  );
  if (rowCount > 0) return 'ours';
  const held = await lockClaim(tx, callId, FIRST_ATTEMPT);
  if (held === null || held.isSettled) return 'ours';
  if (held.kept !== null) return { kept: held.kept };
  if (held.edgeId !== edgeId) return 'theirs';
  await tx.query(
    `UPDATE dispatch_claims SET settled_at = now(), idempotency_scope = NULL, approval_id = CASE WHEN $3 THEN approval_id END
      WHERE call_id = $1 AND attempt = $2`,
    [callId, FIRST_ATTEMPT, wasDispatched],
  );
  return 'ours';
};

/** The outcome that the log did not take from the gateway that sent a call; `null` where nothing is known. */
export const keptOutcome = async (tx: Sql, { callId, attempt }: OpenCall): Promise<readonly EncodedEvent[] | null> => {
  const held = await lockClaim(tx, callId, attempt);
  return held === null || held.isSettled ? null : held.kept;
};

/** Ends the claim of a call that only reads and was lost: its key is free for another reading. */
export const releaseClaim = async (tx: Sql, { callId, attempt }: OpenCall): Promise<void> => {
  await tx.query(
    `UPDATE dispatch_claims SET settled_at = now(), idempotency_scope = NULL
      WHERE call_id = $1 AND attempt = $2 AND settled_at IS NULL AND kept_records IS NULL`,
    [callId, attempt],
  );
};

/** Ends the claims of calls whose kept outcome the log has now. */
export const settleKept = async (sql: Sql, callIds: readonly string[]): Promise<void> => {
  await sql.query(
    `UPDATE dispatch_claims SET settled_at = now(), kept_records = NULL
      WHERE call_id = ANY($1) AND settled_at IS NULL AND kept_records IS NOT NULL`,
    [callIds],
  );
};

const ORPHANED = `settled_at IS NULL AND kept_records IS NULL AND claimed_at < now() - interval '60 seconds'
  AND NOT EXISTS (SELECT FROM open_calls call WHERE call.call_id = dispatch_claims.call_id)
  AND NOT EXISTS (SELECT FROM edge_instances run
    WHERE run.edge_id = dispatch_claims.edge_id AND run.started_at <= dispatch_claims.claimed_at
      AND run.ended_at IS NULL AND run.seen_at >= now() - interval '${SILENT_SECONDS} seconds')`;

/** Whether lost gateways left claims behind of calls that seem to have ended. */
export const hasOrphanedClaims = async (sql: Sql): Promise<boolean> =>
  (await sql.query(`SELECT FROM dispatch_claims WHERE ${ORPHANED} LIMIT 1`)).rowCount > 0;

/**
 * Ends the claims that lost gateways left of calls whose end is on the log: to be called only when everything on it has been read. Their answers
 * are gone, so whoever repeats such a call is told so, and it is not made again.
 */
export const settleOrphanedClaims = async (sql: Sql): Promise<void> => {
  await sql.query(`UPDATE dispatch_claims SET settled_at = now(), is_answered = true WHERE ${ORPHANED}`);
};

const lockClaim = async (tx: Sql, callId: string, attempt: number) => {
  const { rows } = await tx.query<{ edge_id: string; is_settled: boolean; kept_records: EncodedEvent[] | null }>(
    `SELECT edge_id, settled_at IS NOT NULL AS is_settled, kept_records FROM dispatch_claims
      WHERE call_id = $1 AND attempt = $2 FOR UPDATE`,
    [callId, attempt],
  );
  const [row] = rows;
  return row === undefined ? null : { edgeId: row.edge_id, isSettled: row.is_settled, kept: row.kept_records };
};
