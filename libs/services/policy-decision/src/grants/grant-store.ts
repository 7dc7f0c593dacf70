import type { SeenGrant } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';

/** Names a grant that a call rests on. */
export type GrantKey = Pick<SeenGrant, 'tenantId' | 'approvalId' | 'callId'>;

/** One text for one key, and no other has it. */
export const grantKeyOf = ({ tenantId, approvalId, callId }: GrantKey): string => JSON.stringify([tenantId, approvalId, callId]);

/** How long a grant is kept after its end, for a call that is decided again late: then it is known to be over, and not merely unknown. */
const KEPT_MS = 86_400_000;

interface Row {
  readonly tenant_id: string;
  readonly approval_id: string;
  readonly call_id: string;
  readonly params_hash: string;
  readonly tool_digest: string;
  readonly rule_ids: string[];
  readonly expires_at: Date;
}

/** Keeps grants. What was said first of a grant stays: a grant that is told again says the same. */
export const keepGrants = async (tx: Sql, grants: readonly SeenGrant[]): Promise<void> => {
  for (const { tenantId, approvalId, callId, paramsHash, toolDigest, ruleIds, expiresAtMs } of grants) {
    await tx.query({
      name: 'keep-approval-grant',
      text: `INSERT INTO approval_grant (tenant_id, approval_id, call_id, params_hash, tool_digest, rule_ids, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      values: [tenantId, approvalId, callId, paramsHash, toolDigest, ruleIds, new Date(expiresAtMs)],
    });
  }
};

/** Drops what ended more than a day ago. */
export const dropOldGrants = (tx: Sql, nowMs: number): Promise<unknown> =>
  tx.query({ name: 'drop-approval-grants', text: 'DELETE FROM approval_grant WHERE expires_at < $1', values: [new Date(nowMs - KEPT_MS)] });

/** Those of the grants that are known, by `grantKeyOf`; their end may have passed. */
export const findGrants = async (db: Sql, keys: readonly GrantKey[]): Promise<ReadonlyMap<string, SeenGrant>> => {
  const { rows } = await db.query<Row>({
    name: 'find-approval-grants',
    text: `SELECT g.* FROM approval_grant g JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(tenant_id, approval_id, call_id)
      ON g.tenant_id = k.tenant_id AND g.approval_id = k.approval_id AND g.call_id = k.call_id`,
    values: [keys.map(({ tenantId }) => tenantId), keys.map(({ approvalId }) => approvalId), keys.map(({ callId }) => callId)],
  });
  return new Map(rows.map((row) => grantOf(row)).map((grant) => [grantKeyOf(grant), grant]));
};

const grantOf = (row: Row): SeenGrant => ({
  ...{ tenantId: row.tenant_id, approvalId: row.approval_id, callId: row.call_id, paramsHash: row.params_hash },
  ...{ toolDigest: row.tool_digest, ruleIds: row.rule_ids, expiresAtMs: row.expires_at.getTime() },
});
