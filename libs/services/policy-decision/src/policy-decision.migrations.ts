import { consumptionMigrations } from '@sallyport/log';
import type { MigrationClass } from '@sallyport/platform';
import { CreateControlState1795262000000 } from './migrations/1795262000000-create-control-state.js';

/** Migrations of the schema `policy_decision`, in order. */
export const policyDecisionMigrations = (): MigrationClass[] => [...consumptionMigrations(), CreateControlState1795262000000];
