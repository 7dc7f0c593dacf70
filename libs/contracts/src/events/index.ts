import { ApprovalExpiredV1 } from './approval/approval-expired.v1.js';
import { ApprovalGrantedV1 } from './approval/approval-granted.v1.js';
import { ApprovalParamsUnmaskedV1 } from './approval/approval-params-unmasked.v1.js';
import { ApprovalRejectedV1 } from './approval/approval-rejected.v1.js';
import { ApprovalRequestedV1 } from './approval/approval-requested.v1.js';
import { ApprovalRuleChangedV1 } from './approval/approval-rule-changed.v1.js';
import { ApprovalWithdrawnV1 } from './approval/approval-withdrawn.v1.js';
import { AuditCheckpointV1 } from './audit/audit-checkpoint.v1.js';
import { OcsfApiActivityV1 } from './audit/ocsf-api-activity.v1.js';
import { OcsfAuthenticationV1 } from './audit/ocsf-authentication.v1.js';
import { BudgetAccountInForceV1 } from './budget/budget-account-in-force.v1.js';
import { BudgetLimitChangedV1 } from './budget/budget-limit-changed.v1.js';
import { BudgetOverranV1 } from './budget/budget-overran.v1.js';
import { BudgetQuotedV1 } from './budget/budget-quoted.v1.js';
import { BudgetReleasedV1 } from './budget/budget-released.v1.js';
import { BudgetReservationRefusedV1 } from './budget/budget-reservation-refused.v1.js';
import { BudgetReservedV1 } from './budget/budget-reserved.v1.js';
import { BudgetSettledV1 } from './budget/budget-settled.v1.js';
import { PriceListChangedV1 } from './budget/price-list-changed.v1.js';
import { CatalogChangedV1 } from './catalog/catalog-changed.v1.js';
import { DefinitionDriftedV1 } from './catalog/definition-drifted.v1.js';
import { DefinitionPinnedV1 } from './catalog/definition-pinned.v1.js';
import { ToolInCatalogV1 } from './catalog/tool-in-catalog.v1.js';
import { ChainClearedV1 } from './control/chain-cleared.v1.js';
import { ChainPoisonedV1 } from './control/chain-poisoned.v1.js';
import { ControlChangedV1 } from './control/control-changed.v1.js';
import { ControlInForceV1 } from './control/control-in-force.v1.js';
import { PolicyChangedV1 } from './policy/policy-changed.v1.js';
import { PolicyDecidedV1 } from './policy/policy-decided.v1.js';
import { PolicyDecidedV2 } from './policy/policy-decided.v2.js';
import { PolicySetInForceV1 } from './policy/policy-set-in-force.v1.js';
import { ConsoleSessionEndedV1 } from './session/console-session-ended.v1.js';
import { ConsoleSessionOpenedV1 } from './session/console-session-opened.v1.js';
import { RequestRejectedV1 } from './tool-call/request-rejected.v1.js';
import { ToolCallAbandonedV1 } from './tool-call/tool-call-abandoned.v1.js';
import { ToolCallCancelledV1 } from './tool-call/tool-call-cancelled.v1.js';
import { ToolCallCompletedV1 } from './tool-call/tool-call-completed.v1.js';
import { ToolCallDispatchedV1 } from './tool-call/tool-call-dispatched.v1.js';
import { ToolCallFailedV1 } from './tool-call/tool-call-failed.v1.js';
import { ToolCallInDoubtV1 } from './tool-call/tool-call-in-doubt.v1.js';
import { ToolCallInputRequiredV1 } from './tool-call/tool-call-input-required.v1.js';
import { ToolCallParkedV1 } from './tool-call/tool-call-parked.v1.js';
import { ToolCallPlannedV1 } from './tool-call/tool-call-planned.v1.js';
import { ToolCallReevaluationRequestedV1 } from './tool-call/tool-call-reevaluation-requested.v1.js';
import { ToolCallRefusedV1 } from './tool-call/tool-call-refused.v1.js';
import { ToolCallRequestedV1 } from './tool-call/tool-call-requested.v1.js';
import { ToolCallResolvedV1 } from './tool-call/tool-call-resolved.v1.js';
import { ToolCallResumedV1 } from './tool-call/tool-call-resumed.v1.js';
import { ToolDefinitionsObservedV1 } from './tool-call/tool-definitions-observed.v1.js';

/** Every event version there is, the only list of them. The newest version of a type comes last. */
export const EVENT_DEFINITIONS = [
  ToolCallRequestedV1,
  ToolCallReevaluationRequestedV1,
  ToolCallParkedV1,
  ToolCallResumedV1,
  ToolCallRefusedV1,
  ToolCallDispatchedV1,
  ToolCallCompletedV1,
  ToolCallFailedV1,
  ToolCallPlannedV1,
  ToolCallInputRequiredV1,
  ToolCallInDoubtV1,
  ToolCallResolvedV1,
  ToolCallAbandonedV1,
  ToolCallCancelledV1,
  RequestRejectedV1,
  ConsoleSessionOpenedV1,
  ConsoleSessionEndedV1,
  ToolDefinitionsObservedV1,
  PolicyDecidedV1,
  PolicyDecidedV2,
  PolicyChangedV1,
  PolicySetInForceV1,
  CatalogChangedV1,
  DefinitionPinnedV1,
  DefinitionDriftedV1,
  ToolInCatalogV1,
  ControlChangedV1,
  ControlInForceV1,
  ChainPoisonedV1,
  ChainClearedV1,
  BudgetReservedV1,
  BudgetReservationRefusedV1,
  BudgetSettledV1,
  BudgetReleasedV1,
  BudgetOverranV1,
  BudgetQuotedV1,
  BudgetLimitChangedV1,
  PriceListChangedV1,
  BudgetAccountInForceV1,
  ApprovalRequestedV1,
  ApprovalGrantedV1,
  ApprovalRejectedV1,
  ApprovalExpiredV1,
  ApprovalWithdrawnV1,
  ApprovalParamsUnmaskedV1,
  ApprovalRuleChangedV1,
  AuditCheckpointV1,
  OcsfApiActivityV1,
  OcsfAuthenticationV1,
] as const;

export { ApprovalExpiredV1 } from './approval/approval-expired.v1.js';
export { ApprovalGrantedV1 } from './approval/approval-granted.v1.js';
export { ApprovalParamsUnmaskedV1 } from './approval/approval-params-unmasked.v1.js';
export { ApprovalRejectedV1 } from './approval/approval-rejected.v1.js';
export { ApprovalRequestedV1 } from './approval/approval-requested.v1.js';
export { ApprovalRuleChangedV1 } from './approval/approval-rule-changed.v1.js';
export { ApprovalWithdrawnV1 } from './approval/approval-withdrawn.v1.js';
export { AuditCheckpointV1 } from './audit/audit-checkpoint.v1.js';
export { OcsfApiActivityV1 } from './audit/ocsf-api-activity.v1.js';
export { OcsfAuthenticationV1 } from './audit/ocsf-authentication.v1.js';
export { BudgetAccountInForceV1 } from './budget/budget-account-in-force.v1.js';
export { BudgetLimitChangedV1 } from './budget/budget-limit-changed.v1.js';
export { BudgetOverranV1 } from './budget/budget-overran.v1.js';
export { BudgetQuotedV1 } from './budget/budget-quoted.v1.js';
export { BudgetReleasedV1 } from './budget/budget-released.v1.js';
export { BudgetReservationRefusedV1 } from './budget/budget-reservation-refused.v1.js';
export { BudgetReservedV1 } from './budget/budget-reserved.v1.js';
export { BudgetSettledV1 } from './budget/budget-settled.v1.js';
export { PriceListChangedV1 } from './budget/price-list-changed.v1.js';
export { CatalogChangedV1 } from './catalog/catalog-changed.v1.js';
export { DefinitionDriftedV1 } from './catalog/definition-drifted.v1.js';
export { DefinitionPinnedV1 } from './catalog/definition-pinned.v1.js';
export { ToolInCatalogV1 } from './catalog/tool-in-catalog.v1.js';
export { ChainClearedV1 } from './control/chain-cleared.v1.js';
export { ChainPoisonedV1 } from './control/chain-poisoned.v1.js';
export { ControlChangedV1 } from './control/control-changed.v1.js';
export { ControlInForceV1 } from './control/control-in-force.v1.js';
export { PolicyChangedV1 } from './policy/policy-changed.v1.js';
export { PolicyDecidedV1 } from './policy/policy-decided.v1.js';
export { PolicyDecidedV2 } from './policy/policy-decided.v2.js';
export { PolicySetInForceV1 } from './policy/policy-set-in-force.v1.js';
export { ConsoleSessionEnd, ConsoleSessionEndedV1 } from './session/console-session-ended.v1.js';
export { ConsoleSessionOpenedV1 } from './session/console-session-opened.v1.js';
export { RequestRejectedV1 } from './tool-call/request-rejected.v1.js';
export { AWAITING_RESEND, ToolCallAbandonedV1 } from './tool-call/tool-call-abandoned.v1.js';
export { ToolCallCancelledV1 } from './tool-call/tool-call-cancelled.v1.js';
export { ToolCallCompletedV1 } from './tool-call/tool-call-completed.v1.js';
export { ToolCallDispatchedV1 } from './tool-call/tool-call-dispatched.v1.js';
export { ToolCallFailedV1 } from './tool-call/tool-call-failed.v1.js';
export { ToolCallInDoubtV1 } from './tool-call/tool-call-in-doubt.v1.js';
export { ToolCallInputRequiredV1 } from './tool-call/tool-call-input-required.v1.js';
export { ToolCallParkedV1 } from './tool-call/tool-call-parked.v1.js';
export { ToolCallPlannedV1 } from './tool-call/tool-call-planned.v1.js';
export { ToolCallReevaluationRequestedV1 } from './tool-call/tool-call-reevaluation-requested.v1.js';
export { ToolCallRefusedV1 } from './tool-call/tool-call-refused.v1.js';
export { ToolCallRequestedV1 } from './tool-call/tool-call-requested.v1.js';
export { ToolCallResolvedV1 } from './tool-call/tool-call-resolved.v1.js';
export { ToolCallResumedV1 } from './tool-call/tool-call-resumed.v1.js';
export { ToolDefinitionsObservedV1 } from './tool-call/tool-definitions-observed.v1.js';
