import { consumptionMigrations } from '@sallyport/log';
import type { MigrationClass } from '@sallyport/platform';
import { CreateDispatchClaims1763726400000 } from './1763726400000-create-dispatch-claims.js';
import { AddIdempotency1795264000000 } from './1795264000000-add-idempotency.js';
import { AddApprovalToClaims1795265000000 } from './1795265000000-add-approval-to-claims.js';
import { CreateRecovery1795267000000 } from './1795267000000-create-recovery.js';
import { CreateConsoleSessions1795271000000 } from './1795271000000-create-console-sessions.js';

/** Everything the gateway keeps in its own schema, in order. */
export const EDGE_GATEWAY_MIGRATIONS: readonly MigrationClass[] = [
  CreateDispatchClaims1763726400000,
  AddIdempotency1795264000000,
  AddApprovalToClaims1795265000000,
  CreateRecovery1795267000000,
  CreateConsoleSessions1795271000000,
  ...consumptionMigrations(),
];
