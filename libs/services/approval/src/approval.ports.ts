import type { Principal } from '@sallyport/contracts';
import type { ApprovalRule } from '@sallyport/domain';
import type { EventLog } from '@sallyport/log';
import type { Clock, Database, IdSource, Sealer, Telemetry } from '@sallyport/platform';

/**
 * Verifies the Authorization header of a request; the scopes of the principal are those in force. Throws `identity.token-missing` or
 * `identity.token-invalid`. The tenant is the principal's and comes from nowhere else.
 */
export type Authenticator = (authorization: string | undefined) => Promise<Principal>;

/** The rules of one tenant, as the configuration declares them. */
export interface TenantRules {
  readonly tenantId: string;
  readonly rules: readonly ApprovalRule[];
}

/** What the approval service needs of the process it runs in. */
export interface ApprovalPorts {
  /** The service's own schema, opened with `approvalMigrations()`. */
  readonly database: Database;
  readonly log: EventLog;
  /** Whether the log lies in the same database: what is published then needs no outbox. */
  readonly logInSameDatabase?: boolean;
  /** Opens parameters for a recorded unmask. */
  readonly sealer: Sealer;
  readonly authenticate: Authenticator;
  readonly tenants: readonly TenantRules[];
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  /** Name of this replica: the source of the events it writes. */
  readonly instance: string;
  /** Told of what failed in the background and is tried again. Holds no parameters. */
  readonly onFault: (what: string, error: unknown) => void;
}

export const APPROVAL_PORTS = Symbol('approval-ports');
export const ANSWER_REQUESTS = Symbol('answer-requests');
export const HEAR_CALLS = Symbol('hear-calls');

/** The scope a token needs to see and answer requests. */
export const APPROVE_SCOPE = 'sallyport:approve';
/** The consumer group of the service. */
export const APPROVAL_GROUP = 'approval';
/** Who is on record where the service itself decided: undeclared rules, a question nobody could be shown. */
export const SYSTEM = 'system:approval';
