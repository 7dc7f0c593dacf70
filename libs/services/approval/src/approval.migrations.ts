import { consumptionMigrations } from '@sallyport/log';
import type { MigrationClass } from '@sallyport/platform';
import { CreateApprovals1795263000000 } from './migrations/1795263000000-create-approvals.js';
import { KeepNewestWait1795267000000 } from './migrations/1795267000000-keep-newest-wait.js';
import { TellChangedRequests1795280000000 } from './migrations/1795280000000-tell-changed-requests.js';

/** Name of the schema, and of the service where databases are provisioned. */
export const APPROVAL_SCHEMA = 'approval';

/** Everything the approval schema needs, in order. */
export const approvalMigrations = (): MigrationClass[] => [
  ...consumptionMigrations(),
  CreateApprovals1795263000000,
  KeepNewestWait1795267000000,
  TellChangedRequests1795280000000,
];
