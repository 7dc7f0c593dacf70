import type { ApprovalHistory, ApprovalQuery, ApprovalStatus } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import { historyKeyOf, readApprovals, type StoredApproval } from '../requests/approval.store.js';

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

/** A page of a tenant's requests, newest first, and whether there are more. Ids sort by the time they were asked. */
export const findApprovals = async (
  tx: Sql,
  tenantId: string,
  { status, cursor, limit }: ApprovalQuery,
  nowMs: number,
): Promise<{ readonly approvals: StoredApproval[]; readonly nextCursor: string | null }> => {
  const { rows } = await tx.query<{ approval_id: string }>(
    `SELECT approval_id FROM approval_request
      WHERE tenant_id = $1 AND ${status === undefined ? ANY_STATUS : CONDITIONS[status]} AND ($3::uuid IS NULL OR approval_id < $3)
      ORDER BY approval_id DESC LIMIT $4`,
    [tenantId, new Date(nowMs), cursor ?? null, limit + 1],
  );
  const approvals = await readApprovals(
    tx,
    tenantId,
    rows.slice(0, limit).map(({ approval_id }) => approval_id),
  );
  return { approvals, nextCursor: rows.length > limit ? (approvals.at(-1)?.approvalId ?? null) : null };
};

/** How earlier requests like this one ended; itself not counted. */
export const historyOf = async (tx: Sql, { tenantId, approvalId, asked }: StoredApproval): Promise<ApprovalHistory> => {
  const { rows } = await tx.query<{ status: string; count: string }>(
    `SELECT status, count(*) AS count FROM approval_request
      WHERE tenant_id = $1 AND history_key = $2 AND approval_id <> $3 GROUP BY status`,
    [tenantId, historyKeyOf(asked.principal, asked.tool.id), approvalId],
  );
  const count = (status: string): number => Number(rows.find((row) => row.status === status)?.count ?? 0);
  return {
    ...{ used: count('used'), granted: count('granted'), rejected: count('rejected') },
    ...{ expired: count('expired'), withdrawn: count('withdrawn') },
  };
};
