export { type Access, type AccessQuestion, accessOf } from './access.js';
export { approvalMeets, demandedRules, type GrantInContext, type SeenGrant } from './approval-grant.js';
export { type ControlsInForce, stoppedBy } from './controls.js';
export { type Decision, type DecisionFacts, type DecisionRequest, decideCall, NO_POLICY_SET, type VisibleTools } from './decision.js';
export { APPROVAL_STATUS_TOOL, DECIDED_METHODS, gatewayToolRuleOf, type MethodRule, methodRuleOf } from './method-table.js';
export {
  type CompiledPolicySet,
  failClosed,
  POLICY_ACTIONS,
  type PolicyAction,
  type PolicyBounds,
  type PolicyContext,
  type PolicyEvaluation,
  type PolicyFault,
  type PolicyPrincipal,
  type PolicyQuestion,
  type PolicyResource,
} from './policy-engine.port.js';
