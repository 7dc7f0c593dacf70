import type { ApprovalHistory, ApprovalQuery, ApprovalStatus } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import { bindingKeyOf, historyKeyOf, readApprovals, type StoredApproval } from '../requests/approval.store.js';
import type { Alike } from './approval-view.js';

/** What a status that people see is in the table: time passes whether or not somebody wrote it down. */
const CONDITIONS: Readonly<Record<ApprovalStatus, string>> = {
  pending: `status = 'pending' AND expires_at > $2`,
  granted: `status = 'granted' AND expires_at > $2`,
  lapsed: `status = 'granted' AND expires_at <= $2`,
  expired: `(status = 'expired' OR status = 'pending' AND expires_at <= $2)`,
  used: `status = 'used' AND $2::timestamptz IS NOT NULL`,
  rejected: `status = 'rejected' AND $2::timestamptz IS NOT NULL`,
  withdrawn: `status = 'withdrawn' AND $2::timestamptz IS NOT NULL`,
};
const ANY_STATUS = '$2::timestamptz IS NOT NULL';

/** A name as it is asked about: `ada` is `user:ada`, and what has its kind already keeps it. */
const withKind = (kind: string, name: string | undefined): string | null =>
  name === undefined ? null : name.includes(':') ? name : `${kind}:${name}`;

/** A page of a tenant's requests, by the time they were asked, and whether there are more. Ids sort by that time. */
export const findApprovals = async (
  tx: Sql,
  tenantId: string,
  { status, subject, agent, tool, order, cursor, limit }: ApprovalQuery,
  nowMs: number,
): Promise<{ readonly approvals: StoredApproval[]; readonly nextCursor: string | null }> => {
  const statuses = [status ?? []].flat();
  const ofStatus = statuses.length === 0 ? ANY_STATUS : `(${statuses.map((one) => CONDITIONS[one]).join(' OR ')})`;
  const [after, direction] = order === 'oldest' ? ['>', 'ASC'] : ['<', 'DESC'];
  const { rows } = await tx.query<{ approval_id: string }>(
    `SELECT approval_id FROM approval_request
      WHERE tenant_id = $1 AND ${ofStatus} AND ($3::uuid IS NULL OR approval_id ${after} $3)
        AND ($4::text IS NULL OR subject = $4) AND ($5::text IS NULL OR agent = $5) AND ($6::text IS NULL OR tool = $6)
      ORDER BY approval_id ${direction} LIMIT $7`,
    [tenantId, new Date(nowMs), cursor ?? null, withKind('user', subject), withKind('agent', agent), tool ?? null, limit + 1],
  );
  const ids = rows.slice(0, limit).map(({ approval_id }) => approval_id);
  const found = await readApprovals(tx, tenantId, ids);
  const approvals = order === 'oldest' ? found.reverse() : found;
  return { approvals, nextCursor: rows.length > limit ? (approvals.at(-1)?.approvalId ?? null) : null };
};

const ALIKE_MAX = 5;

/** Earlier requests like this one, itself not counted. */
export const alikeOf = async (tx: Sql, approval: StoredApproval): Promise<Alike> => {
  const { tenantId, approvalId, asked, state } = approval;
  const historyKey = historyKeyOf(asked.principal, asked.tool.id);
  const bindingKey = state.status === 'none' ? '' : bindingKeyOf(state.question.binding);
  const { rows } = await tx.query<{ status: string; is_same: boolean; count: string }>(
    `SELECT status, binding_key = $4 AS is_same, count(*) AS count FROM approval_request
      WHERE tenant_id = $1 AND history_key = $2 AND approval_id <> $3 GROUP BY 1, 2`,
    [tenantId, historyKey, approvalId, bindingKey],
  );
  const newest = await tx.query<{ approval_id: string; is_same: boolean }>(
    `SELECT approval_id, binding_key = $4 AS is_same FROM approval_request
      WHERE tenant_id = $1 AND history_key = $2 AND approval_id < $3 ORDER BY approval_id DESC LIMIT ${ALIKE_MAX}`,
    [tenantId, historyKey, approvalId, bindingKey],
  );
  const same = new Set(newest.rows.filter(({ is_same }) => is_same).map(({ approval_id }) => approval_id));
  const ids = newest.rows.map(({ approval_id }) => approval_id);
  return {
    history: countsOf(rows),
    historyOfSame: countsOf(rows.filter(({ is_same }) => is_same)),
    newest: (await readApprovals(tx, tenantId, ids)).map((one) => ({ approval: one, isSameCall: same.has(one.approvalId) })),
  };
};

const countsOf = (rows: readonly { readonly status: string; readonly count: string }[]): ApprovalHistory => {
  const count = (status: string): number => rows.filter((row) => row.status === status).reduce((sum, row) => sum + Number(row.count), 0);
  return {
    ...{ used: count('used'), granted: count('granted'), rejected: count('rejected') },
    ...{ expired: count('expired'), withdrawn: count('withdrawn') },
  };
};

/** Who was away for more changes than this reads the list instead. */
const CHANGES_MAX = 1_000;

/** A change of a request: the version it led to. */
export interface ApprovalChange {
  readonly approvalId: string;
  readonly version: number;
}

/**
 * Requests of a tenant that changed since a place, the oldest change first and the newest thousand at most, with the place to go on from. A
 * change may be found twice, also from the place after it: what is known already is told apart by its version. None is missed, however late
 * it was committed.
 */
export const findChanges = async (
  tx: Sql,
  tenantId: string,
  cursor: bigint,
): Promise<{ readonly changes: readonly ApprovalChange[]; readonly cursor: bigint }> => {
  // Read before the changes: whatever commits in between is found by both.
  const next = await changesEnd(tx);
  const { rows } = await tx.query<{ approval_id: string; version: number }>({
    name: 'approval-changes',
    // Of a store that was moved, transactions of before may seem to be of later.
    text: `SELECT approval_id, version FROM approval_request
      WHERE tenant_id = $1 AND changed_tx >= $2::text::xid8 AND changed_tx < pg_snapshot_xmax(pg_current_snapshot())
      ORDER BY changed_tx DESC, approval_id DESC LIMIT ${CHANGES_MAX}`,
    values: [tenantId, String(cursor < next ? cursor : next)],
  });
  return { changes: rows.map(({ approval_id, version }) => ({ approvalId: approval_id, version })).reverse(), cursor: next };
};

/** Where what changes from now on begins: the oldest transaction that may still commit. */
export const changesEnd = async (tx: Sql): Promise<bigint> => {
  const { rows } = await tx.query<{ xmin: string }>({
    name: 'approval-changes-end',
    text: 'SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin',
  });
  return BigInt(rows[0]?.xmin ?? '0');
};
