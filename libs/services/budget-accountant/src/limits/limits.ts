import { type AnyEnvelope, BudgetLimit, type EventData, encodeEvent, type LimitInForce } from '@sallyport/contracts';
import type { LogRecord, OutboxPublisher } from '@sallyport/log';
import type { Sql } from '@sallyport/platform';
import type { BudgetAccountantPorts, DeclaredBudgets } from '../budget-accountant.ports.js';
import type { LedgerStore } from '../ledger/ledger.store.js';
import { nextTermsVersion } from '../prices/take-prices.js';

interface LimitRow {
  readonly account: string;
  readonly limits: string | null;
  readonly declared: string | null;
  readonly changed_by: string;
  readonly why: string;
  readonly changed_at: Date;
}

const COLUMNS = 'account, limits, declared, changed_by, why, changed_at';

const WRITE = `INSERT INTO account_limit (tenant_id, account, limits, declared, version, changed_by, why) VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (tenant_id, account) DO UPDATE
    SET limits = $3, declared = $4, version = $5, changed_by = $6, why = $7, changed_at = now() RETURNING ${COLUMNS}`;

const DECLARED_BY = 'system:declared-files';
const DECLARED_WHY = 'the declared files changed';

/** One limit to be set, by whom and why. */
export interface LimitWish {
  readonly tenantId: string;
  readonly account: string;
  readonly limit: BudgetLimit | null;
  readonly by: string;
  readonly why: string;
}

const inForce = (row: LimitRow): LimitInForce => ({
  account: row.account,
  limit: limitIn(row.limits),
  declared: row.declared !== null && row.declared === row.limits,
  changedBy: row.changed_by,
  why: row.why,
  changedAt: row.changed_at.toISOString(),
});

const limitIn = (text: string | null): BudgetLimit | null => (text === null ? null : BudgetLimit.parse(JSON.parse(text)));

/** Every text of one limit is the same: what is compared is what is stored. */
const textOf = (limit: BudgetLimit | null): string | null => {
  if (limit === null || Object.keys(limit).length === 0) return null;
  const { minute, hour, day, month } = limit;
  return JSON.stringify({ minute, hour, day, month }, ['minute', 'hour', 'day', 'month', 'maxMicros', 'currency', 'maxCalls']);
};

/** The limits of all tenants, and the one way they change. */
export class Limits {
  constructor(
    private readonly ports: BudgetAccountantPorts,
    private readonly store: LedgerStore,
    private readonly outbox: OutboxPublisher,
  ) {}

  /** Limits of a tenant that were ever set, by account. Throws `store.unavailable`. */
  async list(tenantId: string): Promise<LimitInForce[]> {
    const { rows } = await this.ports.database.query<LimitRow>(
      `SELECT ${COLUMNS} FROM account_limit WHERE tenant_id = $1 ORDER BY account LIMIT 1000`,
      [tenantId],
    );
    return rows.map(inForce);
  }

  /**
   * Sets or removes a limit. When it returns, no reservation is decided by the one before: batches in hand have ended, later ones read the
   * new one. What is held already stays held. Setting what is set already changes nothing. Throws `store.unavailable`, with nothing changed.
   */
  async set(wish: LimitWish): Promise<LimitInForce> {
    const { database } = this.ports;
    const { staged, limit } = await database.transaction(async (tx) => {
      await this.store.takeAlone(tx);
      const { rows } = await tx.query<LimitRow>(`SELECT ${COLUMNS} FROM account_limit WHERE tenant_id = $1 AND account = $2`, [
        wish.tenantId,
        wish.account,
      ]);
      const before = rows[0];
      if (before !== undefined && before.limits === textOf(wish.limit)) return { staged: null, limit: inForce(before) };
      const written = await this.write(tx, await nextTermsVersion(tx), wish, before, before?.declared ?? null);
      return { staged: await this.outbox.stage(tx, written.records), limit: written.limit };
    });
    if (staged !== null) await this.publish(() => this.outbox.publish(staged));
    return limit;
  }

  /**
   * Puts declared limits in force where they differ from what was declared last; what was set at run time since stays until the files change.
   * A limit that is no longer declared is removed. Replicas that start together do it once. Throws `store.unavailable`.
   */
  async applyDeclared(tenants: readonly DeclaredBudgets[]): Promise<void> {
    const staged = await this.ports.database.transaction(async (tx) => {
      await this.store.takeAlone(tx);
      const records: LogRecord[] = [];
      let version: bigint | null = null;
      for (const { tenantId, limits } of tenants) {
        const { rows } = await tx.query<LimitRow>(`SELECT ${COLUMNS} FROM account_limit WHERE tenant_id = $1`, [tenantId]);
        const stored = new Map(rows.map((row) => [row.account, row]));
        const gone = rows.filter(({ account, declared }) => declared !== null && !limits.has(account)).map(({ account }) => account);
        for (const account of [...limits.keys(), ...gone]) {
          const limit = limits.get(account) ?? null;
          const before = stored.get(account);
          if (textOf(limit) === (before?.declared ?? null)) continue;
          version ??= await nextTermsVersion(tx);
          const wish = { tenantId, account, limit, by: DECLARED_BY, why: DECLARED_WHY };
          records.push(...(await this.write(tx, version, wish, before, textOf(limit))).records);
        }
      }
      return this.outbox.stage(tx, records);
    });
    await this.publish(() => this.outbox.publish(staged));
  }

  private async write(
    tx: Sql,
    version: bigint,
    { tenantId, account, limit, by, why }: LimitWish,
    before: LimitRow | undefined,
    declared: string | null,
  ): Promise<{ readonly records: LogRecord[]; readonly limit: LimitInForce }> {
    const text = textOf(limit);
    const { rows } = await tx.query<LimitRow>(WRITE, [tenantId, account, text, declared, String(version), by, why]);
    const [written] = rows;
    if (written === undefined) throw new TypeError('a limit was not written');
    const after = text === null ? null : JSON.parse(text);
    const change = { account, before: before?.limits == null ? null : JSON.parse(before.limits), after, changedBy: by, why };
    if (before?.limits === text) return { records: [], limit: inForce(written) };
    return {
      records: [
        this.record(tenantId, account, by, 'BudgetLimitChanged', change),
        this.record(tenantId, account, by, 'BudgetAccountInForce', { account, limit: after }),
      ],
      limit: inForce(written),
    };
  }

  private record<T extends 'BudgetLimitChanged' | 'BudgetAccountInForce'>(
    tenantId: string,
    account: string,
    by: string,
    type: T,
    data: EventData<T>,
  ): LogRecord {
    const { clock, ids, telemetry, instanceId } = this.ports;
    const span = telemetry.startSpan(type, { kind: 'producer' });
    span.end();
    return encodeEvent({
      ...{ id: ids.uuidv7(), type, version: 1, source: `/budget-accountant/${instanceId}`, occurredAt: clock.nowIso() },
      ...{ tenantId, key: `${tenantId}/${account}`, callId: null, chainId: null, actor: null, causationId: null, edgeId: null },
      ...{ subject: /^(user|service):/.test(by) ? by : null, traceparent: span.traceparent, data },
    } as AnyEnvelope);
  }

  private async publish(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => this.ports.onFault('publishing a limit; it stays staged', error));
  }
}
