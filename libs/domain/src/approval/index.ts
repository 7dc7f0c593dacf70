export {
  type Answer,
  type Answerer,
  type ApprovalCommand,
  type ApprovalFact,
  type ApprovalQuestion,
  type ApprovalState,
  type ApprovalVote,
  answeredBy,
  type CallEnd,
  decideApproval,
  evolveApproval,
  initialApproval,
  isLive,
  isSelf,
  type OpenApproval,
  quorumOf,
  refusalOf,
} from './approval.decider.js';
export { type ApprovalBinding, bindingOf, bindingText } from './approval-binding.js';
export { formatApproval, formatApprovalLine } from './approval-lines.js';
export { ANY, type ApprovalRule, type Demands, demandsOf, mayAnswerRule, type RuleDemand, sameDemands } from './approval-rule.js';
