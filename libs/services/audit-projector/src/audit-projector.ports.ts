import type { Principal } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import type { Clock, Database, IdSource, Telemetry } from '@sallyport/platform';
import type { CheckpointKey } from './checkpoints/checkpoint-key.js';

/**
 * Verifies the Authorization header of a request for the record. Throws `identity.token-missing` or `identity.token-invalid`. The tenant whose
 * record is read is the principal's and comes from nowhere else.
 */
export type Authenticator = (authorization: string | undefined) => Promise<Principal>;

/** What the audit projector needs of the process it runs in. */
export interface AuditProjectorPorts {
  /** The service's own schema, opened with `auditMigrations()`. */
  readonly database: Database;
  readonly log: EventLog;
  /** Whether the log lies in the same database: what is published then needs no outbox. */
  readonly logInSameDatabase?: boolean;
  readonly authenticate: Authenticator;
  readonly checkpointKey: CheckpointKey;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  /** Name of this replica, e.g. the host's: the source of the events it writes. */
  readonly instance: string;
  /** Name of this installation's record in its checkpoints. */
  readonly logId?: string;
  /** How often the heads are signed when they moved; default 60 s. */
  readonly checkpointSeconds?: number;
  /** How long the end of a call waits for the decision it rests on before it is passed on without; default 10 s. */
  readonly decisionGraceSeconds?: number;
  /** Where the operator's tracing system shows a trace: an address with `{traceId}` in it. Default: nowhere. */
  readonly traceUrlTemplate?: string;
  /** Streams that one tenant may have open at once; default 32. */
  readonly tailsPerTenant?: number;
  /** Told of what failed in the background and is tried again. */
  readonly onFault?: (fault: AuditFaultReport) => void;
}

/** What failed in the background. Holds no record contents. */
export interface AuditFaultReport {
  readonly doing: 'checkpoint' | 'release' | 'publish' | 'decode' | 'tail';
  readonly error: unknown;
  readonly topic?: string;
  readonly partition?: number;
  readonly position?: bigint;
}

export const AUDIT_PORTS = Symbol('audit-projector-ports');

/** The scope a token needs to read or verify the record. */
export const AUDIT_SCOPE = 'sallyport:audit';
/** The consumer group that takes what the catalog says now. */
export const CATALOG_GROUP = 'audit-projector.catalog';
/** The consumer group of the projection. */
export const AUDIT_GROUP = 'audit-projector';
export const CHECKPOINT_SECONDS_DEFAULT = 60;
export const DECISION_GRACE_SECONDS_DEFAULT = 10;
export const LOG_ID_DEFAULT = 'sallyport';
