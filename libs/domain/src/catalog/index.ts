export { judged, MISSING, missingOf, reviewIsOld, type UnjudgedToolRecord } from './completeness.js';
export {
  acceptDefinition,
  observeDefinition,
  type PinFact,
  type PinOutcome,
  type PinRule,
  type PinState,
  type SeenDefinition,
} from './definition-pin.decider.js';
