import type { EncodedEvent } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import type { ClaimResult, DispatchClaim, DispatchClaims, EarlierCall, KeptOutcome } from './dispatch-claims.port.js';

const GROUP_MAX = 500;
const KEPT_MAX = 10_000;
/** Claims dropped by one statement. */
const DROPPED_MAX = 5_000;
/** How long a delivered answer is kept. Who comes later is told that it is gone. */
const RETENTION = `interval '24 hours'`;

interface PendingClaim {
  readonly claim: DispatchClaim;
  readonly resolve: (result: ClaimResult | Promise<ClaimResult>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Claims in the gateway's own PostgreSQL. Claims that arrive while one group is being written make up the next group: one round trip and one
 * sync to disk for all of them.
 */
export class PostgresDispatchClaims implements DispatchClaims {
  private claims: PendingClaim[] = [];
  private ended: { readonly callId: string; readonly attempt: number }[] = [];
  private isWriting = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly sql: Sql) {}

  win(claim: DispatchClaim): Promise<ClaimResult> {
    return new Promise((resolve, reject) => {
      this.claims.push({ claim, resolve, reject });
      this.write();
    });
  }

  async renew(callId: string, attempt: number): Promise<boolean> {
    // An update waits for recovery where that has the row in hand.
    const { rowCount } = await this.sql.query({
      name: 'renew-claim',
      text: 'UPDATE dispatch_claims SET claimed_at = now() WHERE call_id = $1 AND attempt = $2 AND settled_at IS NULL',
      values: [callId, attempt],
    });
    return rowCount > 0;
  }

  settle(callId: string, attempt: number): void {
    this.ended.push({ callId, attempt });
    this.write();
  }

  async earlier(tenantId: string, scope: string): Promise<EarlierCall | null> {
    const { rows } = await this.sql.query<{ call_id: string; params_hash: string; sealed_answer: string | null; is_answered: boolean }>({
      name: 'earlier-call',
      text: `SELECT call_id, params_hash, is_answered AND settled_at IS NOT NULL AS is_answered,
                    CASE WHEN settled_at > now() - ${RETENTION} THEN sealed_answer END AS sealed_answer
               FROM dispatch_claims WHERE tenant_id = $1 AND idempotency_scope = $2`,
      values: [tenantId, scope],
    });
    const [row] = rows;
    if (row === undefined) return null;
    const answered = row.sealed_answer === null ? 'not-retained' : { answered: row.sealed_answer };
    return { callId: row.call_id, paramsHash: row.params_hash, state: row.is_answered ? answered : 'open' };
  }

  async isClaimed(callId: string): Promise<boolean> {
    const { rows } = await this.sql.query({
      name: 'is-claimed',
      text: 'SELECT 1 FROM dispatch_claims WHERE call_id = $1',
      values: [callId],
    });
    return rows.length > 0;
  }

  async conclude(callId: string, attempt: number, answer: string | 'too-large'): Promise<void> {
    await this.sql.query({
      name: 'conclude-claim',
      text: `UPDATE dispatch_claims SET settled_at = now(), kept_records = NULL, is_answered = true, sealed_answer = $3
              WHERE call_id = $1 AND attempt = $2`,
      values: [callId, attempt, answer === 'too-large' ? null : answer],
    });
  }

  async release(callId: string, attempt: number, { isGrantUnused }: { readonly isGrantUnused: boolean }): Promise<void> {
    await this.sql.query({
      name: 'release-claim',
      text: `UPDATE dispatch_claims SET idempotency_scope = NULL, approval_id = CASE WHEN $3 THEN NULL ELSE approval_id END
              WHERE call_id = $1 AND attempt = $2`,
      values: [callId, attempt, isGrantUnused],
    });
    this.settle(callId, attempt);
  }

  async dropAnswers(): Promise<void> {
    await this.sql.query(
      `UPDATE dispatch_claims SET sealed_answer = NULL WHERE sealed_answer IS NOT NULL AND settled_at < now() - ${RETENTION}`,
    );
    await this.dropSettled();
  }

  async keep({ callId, attempt, records, answer, isNothingSent }: KeptOutcome): Promise<void> {
    await this.sql.query({
      name: 'keep-outcome',
      text: `UPDATE dispatch_claims SET kept_records = $3, is_answered = $4, sealed_answer = $5,
                    idempotency_scope = CASE WHEN $6 THEN NULL ELSE idempotency_scope END
              WHERE call_id = $1 AND attempt = $2`,
      values: [callId, attempt, JSON.stringify(records), answer !== null, answer === 'too-large' ? null : answer, isNothingSent],
    });
  }

  async kept(edgeId: string): Promise<readonly Omit<KeptOutcome, 'answer' | 'isNothingSent'>[]> {
    const { rows } = await this.sql.query<{ call_id: string; attempt: number; kept_records: EncodedEvent[] }>(
      `SELECT call_id, attempt, kept_records FROM dispatch_claims
        WHERE edge_id = $1 AND settled_at IS NULL AND kept_records IS NOT NULL ORDER BY claimed_at LIMIT $2`,
      [edgeId, KEPT_MAX],
    );
    return rows.map((row) => ({ callId: row.call_id, attempt: row.attempt, records: row.kept_records }));
  }

  async drain(): Promise<void> {
    while (this.isWriting) await this.writing;
  }

  private async dropSettled(): Promise<void> {
    for (;;) {
      const { rowCount } = await this.sql.query(
        `DELETE FROM dispatch_claims WHERE (call_id, attempt) IN (
           SELECT call_id, attempt FROM dispatch_claims
            WHERE idempotency_scope IS NULL AND approval_id IS NULL AND settled_at < now() - ${RETENTION} LIMIT $1)`,
        [DROPPED_MAX],
      );
      if (rowCount < DROPPED_MAX) return;
    }
  }

  private write(): void {
    if (this.isWriting) return;
    this.isWriting = true;
    this.writing = this.writeGroups().finally(() => {
      this.isWriting = false;
    });
  }

  private async writeGroups(): Promise<void> {
    while (this.claims.length > 0 || this.ended.length > 0) {
      if (this.claims.length > 0) await this.writeClaims(this.claims.splice(0, GROUP_MAX));
      else await this.writeEnded(this.ended.splice(0, GROUP_MAX));
    }
  }

  private async writeClaims(group: readonly PendingClaim[]): Promise<void> {
    const claims = group.map(({ claim }) => claim);
    try {
      const { rows } = await this.sql.query<{ call_id: string; attempt: number }>({
        name: 'win-claims',
        text: `INSERT INTO dispatch_claims (call_id, attempt, tenant_id, chain_id, edge_id, idempotency_scope, params_hash, approval_id)
               SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
               ON CONFLICT DO NOTHING RETURNING call_id, attempt`,
        values: [
          claims.map((claim) => claim.callId),
          claims.map((claim) => claim.attempt),
          claims.map((claim) => claim.tenantId),
          claims.map((claim) => claim.chainId),
          claims.map((claim) => claim.edgeId),
          claims.map((claim) => claim.key?.scope ?? null),
          claims.map((claim) => claim.key?.paramsHash ?? null),
          claims.map((claim) => claim.approvalId),
        ],
      });
      const won = new Set(rows.map((row) => `${row.call_id}#${row.attempt}`));
      for (const { claim, resolve } of group) {
        // Two claims for one attempt in one group: the first takes it, the second finds it gone.
        resolve(won.delete(`${claim.callId}#${claim.attempt}`) ? 'won' : this.holderOf(claim));
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  /** Who has what a claim asked for. */
  private async holderOf({ callId, tenantId, key, approvalId }: DispatchClaim): Promise<ClaimResult> {
    if (await this.isClaimed(callId)) return 'taken';
    const earlier = key === null ? null : await this.earlier(tenantId, key.scope);
    return earlier ?? (approvalId === null ? 'taken' : 'approval-used');
  }

  private async writeEnded(group: readonly { readonly callId: string; readonly attempt: number }[]): Promise<void> {
    await this.sql
      .query({
        name: 'settle-claims',
        text: `UPDATE dispatch_claims AS claim SET settled_at = now(), kept_records = NULL
                 FROM unnest($1::text[], $2::int[]) AS ended (call_id, attempt)
                WHERE claim.call_id = ended.call_id AND claim.attempt = ended.attempt`,
        values: [group.map(({ callId }) => callId), group.map(({ attempt }) => attempt)],
      })
      // A claim that stays open is looked at by recovery, which reads the outcome from the log.
      .catch(() => {});
  }
}
