import { BudgetLimit } from '@sallyport/contracts';
import { type Price, sharedAccountOf } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';

interface TermsRow {
  readonly kind: 'limit' | 'price';
  readonly tenant_id: string;
  readonly name: string;
  readonly limits: string | null;
  readonly cost_micros: string | null;
  readonly currency: string | null;
  readonly list_version: string | null;
  readonly version: string;
}

const LOAD = {
  name: 'budget-terms',
  text: `SELECT 'limit' AS kind, tenant_id, account AS name, limits, NULL::bigint AS cost_micros, NULL AS currency, NULL AS list_version, version
      FROM account_limit WHERE version > $1
    UNION ALL SELECT 'price', tenant_id, tool, NULL, cost_micros, currency, list_version, version FROM price WHERE version > $1`,
};

/** Names of tenants and of what is theirs hold no space. */
const keyOf = (tenantId: string, name: string): string => `${tenantId} ${name}`;

const UNKNOWN_PRICE: Price = { costMicros: null, currency: null, version: '0' };

/**
 * The limits and prices of all tenants, as of the version that a transaction reads. Kept in memory: every call needs some, and they seldom
 * change. A limit that was removed stays as one that limits nothing.
 */
export class Terms {
  private version = 0n;
  private readonly limits = new Map<string, BudgetLimit>();
  private readonly prices = new Map<string, Price>();

  /** Loads what is newer than what is known, up to at least `version`. Throws `store.unavailable`. */
  async reach(sql: Sql, version: bigint): Promise<void> {
    if (version <= this.version) return;
    const { rows } = await sql.query<TermsRow>({ ...LOAD, values: [String(this.version)] });
    for (const row of rows) {
      const key = keyOf(row.tenant_id, row.name);
      if (row.kind === 'price') {
        const costMicros = row.cost_micros === null ? null : Number(row.cost_micros);
        this.prices.set(key, { costMicros, currency: row.currency, version: row.list_version ?? '0' });
      } else if (row.limits === null) this.limits.delete(key);
      else this.limits.set(key, BudgetLimit.parse(JSON.parse(row.limits)));
    }
    this.version = version;
  }

  /** What a call of a tool costs; unknown where the catalog has not said so. */
  priceOf(tenantId: string, tool: string): Price {
    return this.prices.get(keyOf(tenantId, tool)) ?? UNKNOWN_PRICE;
  }

  /** The limit in force for an account and the account it is written for: its own, else that of its kind. */
  limitOf(tenantId: string, account: string): { readonly limit: BudgetLimit; readonly of: string } | null {
    const own = this.limits.get(keyOf(tenantId, account));
    if (own !== undefined) return { limit: own, of: account };
    const shared = sharedAccountOf(account);
    const limit = shared === null ? undefined : this.limits.get(keyOf(tenantId, shared));
    return shared === null || limit === undefined ? null : { limit, of: shared };
  }
}
