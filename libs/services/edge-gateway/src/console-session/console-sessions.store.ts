import type { ConsoleRole, ConsoleSessionEnd } from '@sallyport/contracts';
import type { Database, Sql } from '@sallyport/platform';
import type { ConsoleSessionRecord, EndedSession } from './console-session-record.js';

/** A session as it is kept. Times are milliseconds since the epoch. */
export interface StoredSession {
  readonly sessionId: string;
  readonly tenantId: string;
  /** With prefix, as on record. */
  readonly subject: string;
  readonly name: string;
  readonly loginIssuer: string;
  readonly loginSource: string;
  readonly roles: readonly ConsoleRole[];
  readonly idTokenSealed: string;
  readonly browser: string;
  readonly openedAtMs: number;
  readonly lastSeenAtMs: number;
  /** Whatever is done with it. */
  readonly expiresAtMs: number;
}

interface Row {
  readonly session_id: string;
  readonly tenant_id: string;
  readonly subject: string;
  readonly name: string;
  readonly login_issuer: string;
  readonly login_source: string;
  readonly roles: ConsoleRole[];
  readonly id_token_sealed: string;
  readonly browser: string;
  readonly opened_at: Date;
  readonly last_seen_at: Date;
  readonly expires_at: Date;
}

const COLUMNS =
  'session_id, tenant_id, subject, name, login_issuer, login_source, roles, id_token_sealed, browser, opened_at, last_seen_at, expires_at';
/** Of one that nothing can bring back: its login could still be replayed for so long. */
const KEPT_MS = 86_400_000;

const sessionOf = (row: Row): StoredSession => ({
  sessionId: row.session_id,
  tenantId: row.tenant_id,
  subject: row.subject,
  name: row.name,
  loginIssuer: row.login_issuer,
  loginSource: row.login_source,
  roles: row.roles,
  idTokenSealed: row.id_token_sealed,
  browser: row.browser,
  openedAtMs: row.opened_at.getTime(),
  lastSeenAtMs: row.last_seen_at.getTime(),
  expiresAtMs: row.expires_at.getTime(),
});

/** Which sessions: of one tenant always, of one person where it is named. */
export interface SessionsOf {
  readonly tenantId: string;
  readonly subject: string | null;
}

/** Whether a session lives, for who asks of nothing else. */
export const sessionLives = async (database: Database, idleMs: number, sessionId: string, nowMs: number): Promise<boolean> => {
  const { rowCount } = await database.query({
    name: 'console-session-lives',
    text: `SELECT 1 FROM console_sessions WHERE session_id = $1 AND ${LIVES('$2', '$3')}`,
    values: [sessionId, new Date(nowMs), new Date(nowMs - idleMs)],
  });
  return rowCount > 0;
};

/** Sessions of the console in PostgreSQL: all replicas see the same. `nowMs` is the caller's clock; a session lives by it. */
export class ConsoleSessionStore {
  constructor(
    private readonly database: Database,
    private readonly idleMs: number,
    private readonly record: Pick<ConsoleSessionRecord, 'stage' | 'publish'>,
  ) {}

  /**
   * Opens a session, ends the oldest of the same person beyond `perPersonMax` and those of `endedSecretDigests`, and forgets what is long over. `false`
   * where this login opened one before.
   */
  open(
    session: StoredSession,
    keys: { readonly secretDigest: string; readonly loginDigest: string; readonly endedSecretDigests: readonly string[] },
    perPersonMax: number,
  ): Promise<boolean> {
    const { tenantId, subject, openedAtMs } = session;
    const now = new Date(openedAtMs);
    return this.changing(async (tx) => {
      const lapsed = await this.lapse(tx, openedAtMs);
      await tx.query('DELETE FROM console_sessions WHERE expires_at < $1', [new Date(openedAtMs - KEPT_MS)]);
      const { rowCount } = await tx.query(
        `INSERT INTO console_sessions (${COLUMNS}, secret_digest, login_digest)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13) ON CONFLICT (login_digest) DO NOTHING`,
        [
          ...[session.sessionId, tenantId, subject, session.name, session.loginIssuer, session.loginSource, session.roles],
          ...[session.idTokenSealed, session.browser, now, new Date(session.expiresAtMs), keys.secretDigest, keys.loginDigest],
        ],
      );
      if (rowCount === 0) return { result: false, opened: null, ended: lapsed };
      const by = { endedBy: subject, endedAtMs: openedAtMs };
      const replaced = await tx.query<EndedRow>(
        `UPDATE console_sessions SET ended_at = $2 WHERE secret_digest = ANY($1) AND ended_at IS NULL RETURNING ${ENDED}`,
        [keys.endedSecretDigests, now],
      );
      const displaced = await tx.query<EndedRow>(
        `UPDATE console_sessions SET ended_at = $3 WHERE ended_at IS NULL AND session_id IN (
           SELECT session_id FROM console_sessions WHERE tenant_id = $1 AND subject = $2 AND ended_at IS NULL
           ORDER BY opened_at DESC, session_id DESC OFFSET $4) RETURNING ${ENDED}`,
        [tenantId, subject, now, perPersonMax],
      );
      const ended = [
        ...replaced.rows.map((row) => endedOf(row, { ...by, reason: 'replaced' })),
        ...displaced.rows.map((row) => endedOf(row, { ...by, reason: 'displaced' })),
      ];
      return { result: true, opened: session, ended: [...lapsed, ...ended] };
    });
  }

  /** The living session of a secret. Looking is no use of it. */
  async find(secretDigest: string, nowMs: number): Promise<StoredSession | null> {
    const { rows } = await this.database.query<Row>({
      name: 'console-session-find',
      text: `SELECT ${COLUMNS} FROM console_sessions WHERE secret_digest = $1 AND ${LIVES('$2', '$3')}`,
      values: [secretDigest, new Date(nowMs), new Date(nowMs - this.idleMs)],
    });
    return rows[0] === undefined ? null : sessionOf(rows[0]);
  }

  /** The living session of a secret, which counts as used now. */
  async use(secretDigest: string, nowMs: number): Promise<StoredSession | null> {
    const { rows } = await this.database.query<Row>({
      name: 'console-session-use',
      text: `UPDATE console_sessions SET last_seen_at = greatest(last_seen_at, $2)
             WHERE secret_digest = $1 AND ${LIVES('$2', '$3')} RETURNING ${COLUMNS}`,
      values: [secretDigest, new Date(nowMs), new Date(nowMs - this.idleMs)],
    });
    return rows[0] === undefined ? null : sessionOf(rows[0]);
  }

  /** Living sessions, the latest opened first, after a place in that order. */
  async list(
    { tenantId, subject }: SessionsOf,
    after: { readonly openedAtMs: number; readonly sessionId: string } | null,
    limit: number,
    nowMs: number,
  ) {
    const { rows } = await this.database.query<Row>(
      `SELECT ${COLUMNS} FROM console_sessions
       WHERE tenant_id = $1 AND ($2::text IS NULL OR subject = $2) AND ${LIVES('$3', '$4')}
         AND ($5::timestamptz IS NULL OR (opened_at, session_id) < ($5, $6))
       ORDER BY opened_at DESC, session_id DESC LIMIT $7`,
      [
        ...[tenantId, subject, new Date(nowMs), new Date(nowMs - this.idleMs)],
        ...[after === null ? null : new Date(after.openedAtMs), after?.sessionId ?? null, limit],
      ],
    );
    return rows.map(sessionOf);
  }

  /** Ends sessions: one that is named, or all. Returns how many lived until now. */
  end(
    { tenantId, subject }: SessionsOf,
    sessionId: string | null,
    nowMs: number,
    how: { readonly reason: ConsoleSessionEnd; readonly endedBy: string },
  ): Promise<number> {
    return this.changing(async (tx) => {
      const { rows } = await tx.query<EndedRow>(
        `UPDATE console_sessions SET ended_at = $1
         WHERE tenant_id = $2 AND ($3::text IS NULL OR subject = $3) AND ($4::text IS NULL OR session_id = $4)
           AND ${LIVES('$1', '$5')} RETURNING ${ENDED}`,
        [new Date(nowMs), tenantId, subject, sessionId, new Date(nowMs - this.idleMs)],
      );
      return { result: rows.length, opened: null, ended: rows.map((row) => endedOf(row, { ...how, endedAtMs: nowMs })) };
    });
  }

  /** Puts on record which sessions time has ended since it was looked at last; they open nothing since then already. Returns how many. */
  endLapsed(nowMs: number): Promise<number> {
    return this.changing(async (tx) => {
      const ended = await this.lapse(tx, nowMs);
      return { result: ended.length, opened: null, ended };
    });
  }

  private async lapse(tx: Sql, nowMs: number): Promise<readonly EndedSession[]> {
    const { rows } = await tx.query<EndedRow & { readonly expires_at: Date; readonly last_seen_at: Date }>(
      `UPDATE console_sessions SET ended_at = least(expires_at, last_seen_at + make_interval(secs => $3))
       WHERE session_id IN (SELECT session_id FROM console_sessions WHERE ended_at IS NULL AND NOT (${LIVES('$1', '$2')}) FOR UPDATE SKIP LOCKED)
       RETURNING ${ENDED}, expires_at, last_seen_at`,
      [new Date(nowMs), new Date(nowMs - this.idleMs), this.idleMs / 1_000],
    );
    return rows.map((row) => {
      const idleAtMs = row.last_seen_at.getTime() + this.idleMs;
      const expiredAtMs = row.expires_at.getTime();
      const reason = expiredAtMs <= idleAtMs ? 'expired' : 'idle';
      return endedOf(row, { reason, endedBy: null, endedAtMs: Math.min(idleAtMs, expiredAtMs) });
    });
  }

  /** Changes sessions and stages what the record is told of it in one transaction; publishes after it. */
  private async changing<T>(
    work: (tx: Sql) => Promise<{ readonly result: T; readonly opened: StoredSession | null; readonly ended: readonly EndedSession[] }>,
  ): Promise<T> {
    const { result, staged } = await this.database.transaction(async (tx) => {
      const { result, opened, ended } = await work(tx);
      return { result, staged: await this.record.stage(tx, opened, ended) };
    });
    await this.record.publish(staged);
    return result;
  }
}

interface EndedRow {
  readonly session_id: string;
  readonly tenant_id: string;
  readonly subject: string;
}

const ENDED = 'session_id, tenant_id, subject';

const endedOf = (
  { session_id: sessionId, tenant_id: tenantId, subject }: EndedRow,
  how: Pick<EndedSession, 'reason' | 'endedBy' | 'endedAtMs'>,
): EndedSession => ({ sessionId, tenantId, subject, ...how });

/** What lives was not ended, has not expired, and was used since. */
const LIVES = (now: string, idleSince: string): string =>
  `ended_at IS NULL AND expires_at > ${now}::timestamptz AND last_seen_at > ${idleSince}::timestamptz`;
