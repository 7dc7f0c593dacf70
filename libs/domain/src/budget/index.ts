export { type AccountUsage, unusedAccount, usageAt, type WindowUsage } from './account-usage.js';
export { ACCOUNT_NAME_LENGTH_MAX, accountsOf, type PayingPrincipal, sharedAccountOf } from './accounts.js';
export {
  applyCharge,
  type BudgetEvent,
  type CallBudget,
  decideLedger,
  evolveLedger,
  type Hold,
  holdDeadlineOf,
  initialCallBudget,
  isBudgetEvent,
  type LedgerCommand,
  type LedgerFact,
  type LedgerState,
  type Payer,
  type Price,
} from './budget-ledger.decider.js';
export { forecastOf } from './forecast.js';
export { statementOf } from './limits.js';
export { BUDGET_WINDOWS, instantOf, windowEnd, windowStart } from './windows.js';
