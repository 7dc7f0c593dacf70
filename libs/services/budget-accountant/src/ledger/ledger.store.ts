import { AppError } from '@sallyport/contracts';
import { type AccountUsage, type CallBudget, unusedAccount } from '@sallyport/domain';
import { type Database, type Sql, textArray } from '@sallyport/platform';
import { LRUCache } from 'lru-cache';

/** A call with the ids of the events that were handled for it. */
export interface StoredCall {
  readonly chainId: string;
  readonly budget: CallBudget;
  readonly handled: readonly string[];
}

export interface CallKey {
  readonly tenantId: string;
  readonly callId: string;
}

export interface AccountKey {
  readonly tenantId: string;
  readonly account: string;
}

/** What accounts have used, by tenant and account. */
export type UsageByTenant = Map<string, Map<string, AccountUsage>>;

/** The accounts of one tenant, to be read and added to. */
export const accountsIn = (usage: UsageByTenant, tenantId: string): Map<string, AccountUsage> => {
  const known = usage.get(tenantId);
  if (known !== undefined) return known;
  const accounts = new Map<string, AccountUsage>();
  usage.set(tenantId, accounts);
  return accounts;
};

/** Accounts as they were locked, with the version of the terms in force. */
export interface LockedAccounts {
  readonly usage: UsageByTenant;
  readonly termsVersion: bigint;
}

/** Accounts by `keyOf`, each once. */
export type AccountKeys = ReadonlyMap<string, AccountKey>;

export interface AccountToWrite extends AccountKey {
  readonly usage: AccountUsage;
}

export interface CallToWrite extends CallKey, StoredCall {
  /** When to look at it although no event came. */
  readonly deadlineMs: number | null;
}

/** What was spent of one account in one hour and currency. */
export interface Booking extends AccountKey {
  readonly hourMs: number;
  readonly currency: string;
  spentMicros: number;
  calls: number;
}

/** Locks of the ledger among the advisory locks of the database: batches share it, who changes terms or sweeps has it alone. */
const LEDGER_LOCK = [0x5a11_b0d6, 1] as const;

const SHARE = { name: 'budget-share', text: 'SELECT pg_advisory_xact_lock_shared($1, $2)', values: LEDGER_LOCK };
const ALONE = { name: 'budget-alone', text: 'SELECT pg_advisory_xact_lock($1, $2)', values: LEDGER_LOCK };

/**
 * Key by key through the primary key, and not by `IN`: a plan that was made while the table was empty reads all of it for ever after.
 * Exported for the test that pins the plans.
 */
export const CALLS = {
  name: 'budget-calls',
  text: `SELECT c.* FROM unnest($1::text[], $2::text[]) AS k(tenant_id, call_id) CROSS JOIN LATERAL
    (SELECT tenant_id, call_id, chain_id, state FROM call WHERE tenant_id = k.tenant_id AND call_id = k.call_id LIMIT 1) c`,
};

const OPEN = {
  name: 'budget-open-accounts',
  text: `INSERT INTO account (tenant_id, account, usage) SELECT tenant_id, account, $3 FROM unnest($1::text[], $2::text[]) AS a(tenant_id, account)
    ORDER BY tenant_id, account ON CONFLICT DO NOTHING`,
};

/** Locks in the order of the keys, which is one for everybody, or two batches would wait for each other. */
export const LOCK = {
  name: 'budget-lock-accounts',
  text: `SELECT a.*, (SELECT version FROM terms_version) AS version FROM unnest($1::text[], $2::text[]) AS k(tenant_id, account) CROSS JOIN LATERAL
    (SELECT tenant_id, account, usage FROM account WHERE tenant_id = k.tenant_id AND account = k.account FOR UPDATE) a`,
};

const WRITE = {
  name: 'budget-write',
  text: `WITH used AS (
      INSERT INTO account (tenant_id, account, usage) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
      ON CONFLICT (tenant_id, account) DO UPDATE SET usage = excluded.usage, used_at = now()),
    booked AS (
      INSERT INTO spending AS s (tenant_id, account, hour, currency, spent_micros, calls)
        SELECT b.tenant_id, b.account, to_timestamp(b.hour_ms / 1000.0), b.currency, b.spent_micros, b.calls
        FROM unnest($11::text[], $12::text[], $13::float8[], $14::text[], $15::bigint[], $16::bigint[])
          AS b(tenant_id, account, hour_ms, currency, spent_micros, calls)
      ON CONFLICT (tenant_id, account, hour, currency) DO UPDATE
        SET spent_micros = least(s.spent_micros + excluded.spent_micros, ${Number.MAX_SAFE_INTEGER}), calls = s.calls + excluded.calls)
    INSERT INTO call (tenant_id, call_id, chain_id, status, state, in_doubt, deadline)
      SELECT c.tenant_id, c.call_id, c.chain_id, c.status, c.state, c.in_doubt, to_timestamp(c.deadline_ms / 1000.0)
      FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::boolean[], $10::float8[])
        AS c(tenant_id, call_id, chain_id, status, state, in_doubt, deadline_ms)
    ON CONFLICT (tenant_id, call_id) DO UPDATE
      SET status = excluded.status, state = excluded.state, in_doubt = excluded.in_doubt, deadline = excluded.deadline, changed_at = now()`,
};

const UNUSED = JSON.stringify(unusedAccount);
const KNOWN_ACCOUNTS_MAX = 50_000;
const WRITTEN_ACCOUNTS_MAX = 2_000;

/** Names of tenants hold no space. */
export const keyOf = (tenantId: string, name: string): string => `${tenantId} ${name}`;

/** What is stored of accounts and calls. */
export class LedgerStore {
  /** Accounts that a lock did not find: they are made before the next one. */
  private missing: readonly AccountKey[] = [];
  private readonly known = new LRUCache<string, true>({ max: KNOWN_ACCOUNTS_MAX });
  /** What was to be written last of accounts: where the very text is found, written by whomever, it need not be parsed. */
  private readonly written = new LRUCache<string, { readonly text: string; readonly usage: AccountUsage }>({ max: WRITTEN_ACCOUNTS_MAX });

  constructor(private readonly database: Database) {}

  /** Keeps changes of terms and sweeps out until the transaction ends. Opens the transaction of a batch. */
  async share(tx: Sql): Promise<void> {
    await tx.query(SHARE);
  }

  /** Waits for all batches to end and keeps others out until the transaction ends. */
  async takeAlone(tx: Sql): Promise<void> {
    await tx.query(ALONE);
  }

  async readCalls(tx: Sql, keys: readonly CallKey[]): Promise<Map<string, StoredCall>> {
    if (keys.length === 0) return new Map();
    const { rows } = await tx.query<{ tenant_id: string; call_id: string; chain_id: string; state: string }>({
      ...CALLS,
      values: [textArray(keys.map(({ tenantId }) => tenantId)), textArray(keys.map(({ callId }) => callId))],
    });
    return new Map(rows.map((row) => [keyOf(row.tenant_id, row.call_id), { chainId: row.chain_id, ...parseState(row.state) }]));
  }

  /** Makes accounts that are used for the first time, or again after they were swept away. Not in a transaction that locks accounts: it would lock them out of order. */
  async openAccounts(wanted: AccountKeys): Promise<void> {
    const fresh = [...this.missing];
    for (const [name, key] of wanted) if (!this.known.has(name)) fresh.push(key);
    if (fresh.length === 0) return;
    await this.database.query({ ...OPEN, values: [fresh.map(({ tenantId }) => tenantId), fresh.map(({ account }) => account), UNUSED] });
    for (const { tenantId, account } of fresh) this.known.set(keyOf(tenantId, account), true);
    this.missing = [];
  }

  /**
   * Locks accounts and reads them with the version of the terms in force. Throws `stream.conflict` when one is not there (any more): nothing
   * is changed, and `openAccounts` makes it again.
   */
  async lockAccounts(tx: Sql, wanted: AccountKeys): Promise<LockedAccounts> {
    if (wanted.size === 0) return { usage: new Map(), termsVersion: 0n };
    const keys = [...wanted].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, key]) => key);
    const { rows } = await tx.query<{ tenant_id: string; account: string; usage: string; version: string }>({
      ...LOCK,
      values: [textArray(keys.map(({ tenantId }) => tenantId)), textArray(keys.map(({ account }) => account))],
    });
    if (rows.length !== keys.length) {
      for (const { tenantId, account } of keys) this.known.delete(keyOf(tenantId, account));
      this.missing = keys;
      throw new AppError('stream.conflict', `${keys.length - rows.length} accounts of a batch are gone`);
    }
    const usage: UsageByTenant = new Map();
    for (const row of rows) {
      const last = this.written.get(keyOf(row.tenant_id, row.account));
      accountsIn(usage, row.tenant_id).set(row.account, last?.text === row.usage ? last.usage : parseUsage(row.usage));
    }
    return { usage, termsVersion: BigInt(rows[0]?.version ?? '0') };
  }

  /** Whoever writes has the accounts locked, and with them what is booked on them. */
  async write(tx: Sql, accounts: readonly AccountToWrite[], calls: readonly CallToWrite[], bookings: readonly Booking[]): Promise<void> {
    if (accounts.length === 0 && calls.length === 0) return;
    const usages = accounts.map(({ tenantId, account, usage }) => {
      const text = JSON.stringify(usage);
      this.written.set(keyOf(tenantId, account), { text, usage });
      return text;
    });
    await tx.query({
      ...WRITE,
      values: [
        textArray(accounts.map(({ tenantId }) => tenantId)),
        textArray(accounts.map(({ account }) => account)),
        textArray(usages),
        textArray(calls.map(({ tenantId }) => tenantId)),
        textArray(calls.map(({ callId }) => callId)),
        textArray(calls.map(({ chainId }) => chainId)),
        textArray(calls.map(({ budget }) => budget.status)),
        textArray(calls.map(({ budget, handled }) => JSON.stringify({ budget, handled }))),
        calls.map(({ budget }) => 'hold' in budget && budget.hold.inDoubt),
        calls.map(({ deadlineMs }) => deadlineMs),
        textArray(bookings.map(({ tenantId }) => tenantId)),
        textArray(bookings.map(({ account }) => account)),
        bookings.map(({ hourMs }) => hourMs),
        textArray(bookings.map(({ currency }) => currency)),
        bookings.map(({ spentMicros }) => spentMicros),
        bookings.map(({ calls: count }) => count),
      ],
    });
  }

  /** Calls whose deadline has passed. */
  async overdue(sql: Sql, nowMs: number, countMax: number): Promise<CallKey[]> {
    const { rows } = await sql.query<{ tenant_id: string; call_id: string }>(
      'SELECT tenant_id, call_id FROM call WHERE deadline <= to_timestamp($1::float8 / 1000.0) ORDER BY deadline LIMIT $2',
      [nowMs, countMax],
    );
    return rows.map((row) => ({ tenantId: row.tenant_id, callId: row.call_id }));
  }

  /** Drops calls that hold nothing and are not in doubt, and accounts that nobody used for so long that no window remembers them, with what they spent then. */
  async forget(sql: Sql, callsBeforeMs: number, accountsBeforeMs: number): Promise<void> {
    await sql.query(
      `DELETE FROM call WHERE (tenant_id, call_id) IN (
        SELECT tenant_id, call_id FROM call WHERE status <> 'held' AND NOT in_doubt AND changed_at < to_timestamp($1::float8 / 1000.0) LIMIT 10000)`,
      [callsBeforeMs],
    );
    await sql.query(`DELETE FROM account a WHERE used_at < to_timestamp($1::float8 / 1000.0)`, [accountsBeforeMs]);
    await sql.query('DELETE FROM spending WHERE hour < to_timestamp($1::float8 / 1000.0)', [accountsBeforeMs]);
  }
}

const parseState = (text: string): Pick<StoredCall, 'budget' | 'handled'> => {
  const state: Pick<StoredCall, 'budget' | 'handled'> = JSON.parse(text);
  return state;
};

export const parseUsage = (text: string): AccountUsage => {
  const usage: AccountUsage = JSON.parse(text);
  return usage;
};
