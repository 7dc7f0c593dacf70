import {
  type AccountStatement,
  AppError,
  type BudgetQuery,
  type HoldInDoubt,
  type OwnBudgets,
  type Principal,
  SPENDING_STEPS_MAX,
  type Spending,
  type SpendingQuery,
} from '@sallyport/contracts';
import { type AccountUsage, accountsOf, BUDGET_WINDOWS, instantOf, statementOf, unusedAccount, windowStart } from '@sallyport/domain';
import type { Database } from '@sallyport/platform';
import type { z } from 'zod';
import { parseUsage, type StoredCall } from '../ledger/ledger.store.js';
import { Terms } from '../ledger/terms.js';

interface AccountRow {
  readonly account: string;
  /** `null`: it was never used. */
  readonly usage: string | null;
}

interface SpendingRow {
  readonly account: string;
  readonly currency: string;
  readonly starts_ms: number;
  readonly spent: string;
  readonly calls: string;
}

const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;
const DEFAULT_STEPS = { hour: 23, day: 30 } as const;

const VERSION = 'SELECT version FROM terms_version';
const NAMED = 'SELECT account, usage FROM account WHERE tenant_id = $1 AND account = ANY($2)';
const WANTED = `tenant_id = $1 AND ($2::text IS NULL OR account = $2) AND ($3::text IS NULL OR account > $3)
  AND ($5::text IS NULL OR starts_with(account, $5 || ':'))`;
const PAGE = `SELECT n.account, a.usage FROM (
    (SELECT account FROM account WHERE ${WANTED} ORDER BY account LIMIT $4)
    UNION (SELECT account FROM account_limit WHERE ${WANTED} AND limits IS NOT NULL AND account NOT LIKE '%:*' ORDER BY account LIMIT $4)
  ) n LEFT JOIN account a ON a.tenant_id = $1 AND a.account = n.account ORDER BY n.account LIMIT $4`;
/** Micros and calls as text: a number of PostgreSQL may be greater than is exact here. */
const SPENDING = `SELECT account, currency, extract(epoch FROM date_trunc($3, hour, 'UTC'))::float8 * 1000 AS starts_ms,
    least(sum(spent_micros), ${Number.MAX_SAFE_INTEGER})::text AS spent, least(sum(calls), ${Number.MAX_SAFE_INTEGER})::text AS calls
  FROM spending WHERE tenant_id = $1 AND account = ANY($2) AND hour >= to_timestamp($4::float8 / 1000.0) AND hour < to_timestamp($5::float8 / 1000.0)
  GROUP BY 1, 2, 3 ORDER BY 1, 3, 2`;
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
    const usage = new Map(rows.map(({ account, usage: text }) => [account, text === null ? unusedAccount : parseUsage(text)]));
    return names
      .map((account) => this.statement(tenantId, account, usage.get(account) ?? unusedAccount, atMs, account === subject))
      .filter(({ windows }) => windows.length > 0);
  }

  /** Accounts of a tenant that were used or have a limit, by name; one, or those after a cursor. Throws `store.unavailable`. */
  async page(
    tenantId: string,
    { account: only, kind, cursor, limit }: z.infer<typeof BudgetQuery>,
    atMs: number,
  ): Promise<{ readonly accounts: AccountStatement[]; readonly nextCursor: string | null }> {
    await this.refresh();
    const { rows } = await this.database.query<AccountRow>(PAGE, [tenantId, only ?? null, cursor ?? null, limit + 1, kind ?? null]);
    const shown = rows.slice(0, limit);
    return {
      accounts: shown.map(({ account, usage }) =>
        this.statement(tenantId, account, usage === null ? unusedAccount : parseUsage(usage), atMs, true),
      ),
      nextCursor: rows.length > limit ? (shown.at(-1)?.account ?? null) : null,
    };
  }

  /** What accounts of a tenant spent over time, by the hour or day it was held in. Throws `request.invalid`, `store.unavailable`. */
  async spending(tenantId: string, { account, step, from, to }: SpendingQuery, atMs: number): Promise<Spending> {
    const lengthMs = STEP_MS[step];
    // The step that is not over counts as the last one.
    const lastMs = to === undefined ? atMs + 1 : Date.parse(to);
    const firstMs = from === undefined ? lastMs - DEFAULT_STEPS[step] * lengthMs : Date.parse(from);
    const fromMs = windowStart(step, firstMs);
    const toMs = windowStart(step, lastMs - 1) + lengthMs;
    if (toMs <= fromMs || (toMs - fromMs) / lengthMs > SPENDING_STEPS_MAX) {
      const faults = [`from, to: must be 1 to ${SPENDING_STEPS_MAX} steps apart`];
      throw new AppError('request.invalid', 'the span does not fit', { detail: { faults } });
    }
    const accounts = [...new Set([account].flat())];
    const { rows } = await this.database.query<SpendingRow>(SPENDING, [tenantId, accounts, step, fromMs, toMs]);
    return {
      ...{ step, from: instantOf(fromMs), to: instantOf(toMs) },
      accounts: accounts.map((name) => ({
        account: name,
        steps: rows
          .filter((row) => row.account === name)
          .map(({ starts_ms, currency, spent, calls }) => ({
            ...{ startsAt: instantOf(starts_ms), currency, spentMicros: Number(spent), calls: Number(calls) },
          })),
      })),
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
