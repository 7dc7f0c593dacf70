export { CLIENT_GONE, mayHaveEffect } from './effect.js';
export {
  foldOpenChange,
  GATEWAY_LOST,
  type LostCall,
  mayComeBack,
  type OpenChange,
  type OpenStage,
  openChangeOf,
  recoverCall,
} from './recovery.js';
export { requiredAnswersOf } from './required-answers.js';
export {
  type Asked,
  asksForPeople,
  DECISION_AGE_MS_MAX,
  decideToolCall,
  evolveToolCall,
  initialToolCall,
  missingAnswers,
  parkedToolCall,
  type Question,
  type RequiredAnswer,
  type ToolCallCommand,
  type ToolCallEvent,
  type ToolCallFact,
  type ToolCallState,
} from './tool-call.decider.js';
