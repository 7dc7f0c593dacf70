import { consumptionMigrations } from '@sallyport/log';
import type { MigrationClass } from '@sallyport/platform';
import { CreateLedger1795263000000 } from './migrations/1795263000000-create-ledger.js';
import { ForgetReleasedCalls1795270000000 } from './migrations/1795270000000-forget-released-calls.js';
import { BookSpending1795280000000 } from './migrations/1795280000000-book-spending.js';

/** Name of the schema, and of the service where databases are provisioned. */
export const BUDGET_SCHEMA = 'budget_accountant';

/** Migrations of the schema `budget_accountant`, in order. */
export const budgetAccountantMigrations = (): MigrationClass[] => [
  ...consumptionMigrations(),
  CreateLedger1795263000000,
  ForgetReleasedCalls1795270000000,
  BookSpending1795280000000,
];
