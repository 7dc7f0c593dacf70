import type { EncodedEvent } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import type { DispatchClaim, DispatchClaims, KeptOutcome } from './dispatch-claims.port.js';

const GROUP_MAX = 500;
const KEPT_MAX = 10_000;

interface PendingClaim {
  readonly claim: DispatchClaim;
  readonly resolve: (isWon: boolean) => void;
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

  win(claim: DispatchClaim): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.claims.push({ claim, resolve, reject });
      this.write();
    });
  }

  settle(callId: string, attempt: number): void {
    this.ended.push({ callId, attempt });
    this.write();
  }

  async keep({ callId, attempt, records }: KeptOutcome): Promise<void> {
    await this.sql.query({
      name: 'keep-outcome',
      text: 'UPDATE dispatch_claims SET kept_records = $3 WHERE call_id = $1 AND attempt = $2',
      values: [callId, attempt, JSON.stringify(records)],
    });
  }

  async kept(edgeId: string): Promise<readonly KeptOutcome[]> {
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
        text: `INSERT INTO dispatch_claims (call_id, attempt, tenant_id, chain_id, edge_id)
               SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[])
               ON CONFLICT (call_id, attempt) DO NOTHING RETURNING call_id, attempt`,
        values: [
          claims.map((claim) => claim.callId),
          claims.map((claim) => claim.attempt),
          claims.map((claim) => claim.tenantId),
          claims.map((claim) => claim.chainId),
          claims.map((claim) => claim.edgeId),
        ],
      });
      const won = new Set(rows.map((row) => `${row.call_id}#${row.attempt}`));
      for (const { claim, resolve } of group) {
        // Two claims for one attempt in one group: the first takes it, the second finds it gone.
        resolve(won.delete(`${claim.callId}#${claim.attempt}`));
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
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
