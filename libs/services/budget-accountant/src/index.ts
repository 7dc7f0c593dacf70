export { BUDGET_SCHEMA, budgetAccountantMigrations } from './budget-accountant.migrations.js';
export { BudgetAccountantModule } from './budget-accountant.module.js';
export { budgetAccountantPart } from './budget-accountant.part.js';
export {
  ACCOUNTANT_GROUP,
  type Authenticator,
  type BudgetAccountantPorts,
  type DeclaredBudgets,
  PRICES_GROUP,
} from './budget-accountant.ports.js';
export { LedgerUpkeep } from './upkeep/ledger-upkeep.js';
