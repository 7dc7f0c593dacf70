import type { AccountStatement, HoldInDoubt, OwnBudgets, Principal } from '@sallyport/contracts';
import { type AccountUsage, accountsOf, BUDGET_WINDOWS, statementOf, unusedAccount } from '@sallyport/domain';
import type { Database } from '@sallyport/platform';
import { parseUsage, type StoredCall } from '../ledger/ledger.store.js';
import { Terms } from '../ledger/terms.js';

interface AccountRow {
  readonly account: string;
  readonly usage: string;
}

const VERSION = 'SELECT version FROM terms_version';
const NAMED = 'SELECT account, usage FROM account WHERE tenant_id = $1 AND account = ANY($2)';
const PAGE = `SELECT account, usage FROM account
  WHERE tenant_id = $1 AND ($2::text IS NULL OR account = $2) AND ($3::text IS NULL OR account > $3) ORDER BY account LIMIT $4`;
const IN_DOUBT = `SELECT call_id, chain_id, state FROM call WHERE tenant_id = $1 AND in_doubt ORDER BY changed_at LIMIT 1000`;

/** Says what is held, spent and left. Reads what is committed and locks nothing. */
export class Statements {
  private readonly terms = new Terms();

  constructor(private readonly database: Database) {}

  /**
   * What is left for a principal: its own account in every window, and whatever else of tenant, agents and workflow has a limit, as that
   * binds it too. Throws `store.unavailable`.
   */
  async own(principal: Principal, atMs: number): Promise<OwnBudgets['accounts']> {
    await this.refresh();
    const { tenantId, subject } = principal;
    const names = accountsOf(principal, null) ?? [subject];
    const { rows } = await this.database.query<AccountRow>(NAMED, [tenantId, names]);
    const usage = new Map(rows.map((row) => [row.account, parseUsage(row.usage)]));
    return names
      .map((account) => this.statement(tenantId, account, usage.get(account) ?? unusedAccount, atMs, account === subject))
      .filter(({ windows }) => windows.length > 0);
  }

  /** Accounts of a tenant that were used, by name; one, or those after a cursor. Throws `store.unavailable`. */
  async page(
    tenantId: string,
    query: { readonly account?: string | undefined; readonly cursor?: string | undefined; readonly limit: number },
    atMs: number,
  ): Promise<{ readonly accounts: AccountStatement[]; readonly nextCursor: string | null }> {
    await this.refresh();
    const { rows } = await this.database.query<AccountRow>(PAGE, [tenantId, query.account ?? null, query.cursor ?? null, query.limit + 1]);
    const shown = rows.slice(0, query.limit);
    return {
      accounts: shown.map(({ account, usage }) => this.statement(tenantId, account, parseUsage(usage), atMs, true)),
      nextCursor: rows.length > query.limit ? (shown.at(-1)?.account ?? null) : null,
    };
  }

  /** Holds that stay until somebody resolves their calls. Throws `store.unavailable`. */
  async inDoubt(tenantId: string): Promise<HoldInDoubt[]> {
    const { rows } = await this.database.query<{ call_id: string; chain_id: string; state: string }>(IN_DOUBT, [tenantId]);
    return rows.flatMap((row) => {
      const { budget }: Pick<StoredCall, 'budget'> = JSON.parse(row.state);
      if (budget.status !== 'held') return [];
      const { accounts, amountMicros, currency, heldAtMs } = budget.hold;
      return [
        {
          callId: row.call_id,
          chainId: row.chain_id,
          accounts: [...accounts],
          amountMicros,
          currency,
          heldAt: new Date(heldAtMs).toISOString(),
        },
      ];
    });
  }

  private statement(tenantId: string, account: string, usage: AccountUsage, atMs: number, isWhole: boolean): AccountStatement {
    const inForce = this.terms.limitOf(tenantId, account);
    const windows = BUDGET_WINDOWS.filter((window) => isWhole || inForce?.limit[window] !== undefined);
    return {
      account,
      limitOf: inForce?.of ?? null,
      windows: windows.map((window) => statementOf(usage, window, inForce?.limit[window], atMs)),
    };
  }

  private async refresh(): Promise<void> {
    const { rows } = await this.database.query<{ version: string }>(VERSION);
    await this.terms.reach(this.database, BigInt(rows[0]?.version ?? '0'));
  }
}
