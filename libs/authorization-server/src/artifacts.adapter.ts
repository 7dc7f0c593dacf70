import { isAppError } from '@sallyport/contracts';
import type { Clock, Database, Sealer } from '@sallyport/platform';
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider';

export interface ArtifactStore {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly clock: Clock;
}

interface Row {
  readonly sealed_payload: string;
  readonly is_consumed: boolean;
}

/** Keys of the artifacts are derived for this name; no tenant is called so (`TenantId` begins with a letter or a digit). */
const SEALED_FOR = '*authorization-server';
/** What registers itself and never comes back goes after this. */
const CLIENT_TTL_SECONDS = 90 * 24 * 3600;
/** Anybody on this machine may register clients: more than this are refused, so that nobody fills the disk with them. */
const CLIENTS_MAX = 1_000;
const PAYLOAD_BYTES_MAX = 64 * 1024;
/** Models without an end of their own. */
const TTL_SECONDS_DEFAULT = 14 * 24 * 3600;

const OPEN = 'expires_at > to_timestamp($2)';

/**
 * Keeps what the authorization server remembers in its PostgreSQL schema: ids as keyed digests and payloads sealed, so that a copy of the table
 * is worth no token. A row whose time is over does not exist; `prune` removes it. One object per model. Throws `store.unavailable`.
 */
export class ArtifactsAdapter implements Adapter {
  constructor(
    private readonly model: string,
    private readonly store: ArtifactStore,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const text = JSON.stringify(payload);
    if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) throw new errors.InvalidRequest('the request is too large');
    if (this.model === 'Client') await this.makeRoom();
    const digest = this.digest(id);
    const { grantId, userCode, uid } = payload;
    await this.store.database.query(
      `INSERT INTO artifact (model, id_digest, sealed_payload, grant_digest, user_code_digest, uid_digest, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7))
         ON CONFLICT (model, id_digest) DO UPDATE SET sealed_payload = excluded.sealed_payload, grant_digest = excluded.grant_digest,
           user_code_digest = excluded.user_code_digest, uid_digest = excluded.uid_digest, expires_at = excluded.expires_at`,
      [
        this.model,
        digest,
        this.store.sealer.seal(SEALED_FOR, text, `${this.model}:${digest}`),
        ...[grantId, userCode, uid].map((value) => (value === undefined ? null : this.digest(value))),
        this.nowSeconds() + (expiresIn ?? (this.model === 'Client' ? CLIENT_TTL_SECONDS : TTL_SECONDS_DEFAULT)),
      ],
    );
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.findBy('id_digest', id);
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.findBy('user_code_digest', userCode);
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.findBy('uid_digest', uid);
  }

  /** Of two that use one code or refresh token at the same moment, the second is refused. */
  async consume(id: string): Promise<void> {
    const { rowCount } = await this.store.database.query(
      'UPDATE artifact SET is_consumed = true WHERE model = $1 AND id_digest = $2 AND NOT is_consumed',
      [this.model, this.digest(id)],
    );
    if (rowCount === 0) throw new errors.InvalidGrant('it was used already');
  }

  async destroy(id: string): Promise<void> {
    await this.store.database.query('DELETE FROM artifact WHERE model = $1 AND id_digest = $2', [this.model, this.digest(id)]);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.store.database.query('DELETE FROM artifact WHERE grant_digest = $1', [this.digest(grantId)]);
  }

  private async findBy(column: 'id_digest' | 'user_code_digest' | 'uid_digest', value: string): Promise<AdapterPayload | undefined> {
    const digest = this.digest(value);
    const { rows } = await this.store.database.query<Row & { id_digest: string }>(
      `SELECT id_digest, sealed_payload, is_consumed FROM artifact WHERE model = $1 AND ${OPEN} AND ${column} = $3`,
      [this.model, this.nowSeconds(), digest],
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    const opened = this.open(row.sealed_payload, row.id_digest);
    return opened === undefined || !row.is_consumed ? opened : { ...opened, consumed: true };
  }

  /** What was sealed under a root key that is gone is gone too. */
  private open(sealed: string, digest: string): AdapterPayload | undefined {
    try {
      const text = this.store.sealer.open(SEALED_FOR, sealed, `${this.model}:${digest}`).toString('utf8');
      return JSON.parse(text) as AdapterPayload;
    } catch (error) {
      if (isAppError(error)) return undefined;
      throw error;
    }
  }

  private async makeRoom(): Promise<void> {
    const { rows } = await this.store.database.query<{ count: string }>('SELECT count(*) FROM artifact WHERE model = $1', [this.model]);
    if (Number(rows[0]?.count ?? 0) < CLIENTS_MAX) return;
    await prune(this.store);
    const { rows: left } = await this.store.database.query<{ count: string }>('SELECT count(*) FROM artifact WHERE model = $1', [
      this.model,
    ]);
    if (Number(left[0]?.count ?? 0) >= CLIENTS_MAX) throw new errors.InvalidRequest('too many clients are registered here');
  }

  private digest(value: string): string {
    return this.store.sealer.keyedDigest(SEALED_FOR, 'artifact', value);
  }

  private nowSeconds(): number {
    return Math.floor(this.store.clock.nowMs() / 1_000);
  }
}

/** Removes what is over. Throws `store.unavailable`. */
export const prune = async ({ database, clock }: ArtifactStore): Promise<void> => {
  await database.query('DELETE FROM artifact WHERE expires_at <= to_timestamp($1)', [Math.floor(clock.nowMs() / 1_000)]);
};
