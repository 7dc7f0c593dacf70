import { consumptionMigrations } from '@sallyport/log';
import type { MigrationClass } from '@sallyport/platform';
import { CreateControlState1795262000000 } from './migrations/1795262000000-create-control-state.js';
import { CreateApprovalGrants1795266000000 } from './migrations/1795266000000-create-approval-grants.js';

/** Migrations of the schema `policy_decision`, in order. */
export const policyDecisionMigrations = (): MigrationClass[] => [
  ...consumptionMigrations(),
  CreateControlState1795262000000,
  CreateApprovalGrants1795266000000,
];
