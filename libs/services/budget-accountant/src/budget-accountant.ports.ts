import type { BudgetLimit, Principal } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import type { Clock, Database, IdSource, Telemetry } from '@sallyport/platform';

/** Who is asking, from the Authorization header of a request. */
export interface Authenticator {
  /**
   * Answers the principal with the scopes in force for it. Throws `identity.token-missing` without a header and `identity.token-invalid` for
   * a token that is not to be trusted here.
   */
  authenticate(authorization: string | undefined): Promise<Principal>;
}

/** The limits that files under version control declare for a tenant. */
export interface DeclaredBudgets {
  readonly tenantId: string;
  readonly limits: ReadonlyMap<string, BudgetLimit>;
}

/** What the budget accountant is given; it makes none of it itself. */
export interface BudgetAccountantPorts {
  /** Its own schema, with `budgetAccountantMigrations()` run. */
  readonly database: Database;
  readonly log: EventLog;
  /** Whether the log is a table in the same database, reachable by this service's role within its transactions. */
  readonly logInSameDatabase?: boolean;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  readonly authenticator: Authenticator;
  /** Put in force before the module is ready. */
  readonly declared: readonly DeclaredBudgets[];
  /** Name of this instance: the source of the events it writes. */
  readonly instanceId: string;
  readonly holdGraceSeconds: number;
  readonly inDoubtAfterSeconds: number;
  /** Told what failed in the background and is tried again. */
  readonly onFault: (what: string, error: unknown) => void;
}

export const BUDGET_PORTS = Symbol('budget-accountant-ports');

/** The consumer groups of the accountant. Their positions live in its own schema. */
export const ACCOUNTANT_GROUP = 'budget-accountant';
export const PRICES_GROUP = 'budget-accountant.prices';

/** Changes limits, and reads them. */
export const OPERATE_SCOPE = 'sallyport:operate';
/** Reads the budgets of a tenant. */
export const AUDIT_SCOPE = 'sallyport:audit';
