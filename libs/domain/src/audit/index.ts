export { callAccount } from './call-account.js';
export { formatCallDetail } from './call-detail.js';
export { type CallMeasures, callMeasures, latencyBucket, latencyOfBucket, percentile } from './call-measures.js';
export { callSpans } from './call-spans.js';
export { type CallState, initialCallState, isWhole, storedCallState, toCallRecord } from './call-state.js';
export {
  type ChainEnd,
  type ChainEntry,
  type ChainFault,
  type ChainFaultKind,
  explainFault,
  follow,
  startOfChain,
} from './chain-verification.js';
export { chainHash, linkHash } from './event-chain.js';
export { evolveCall } from './evolve-call.js';
export { epochMsOf } from './instant.js';
export { labelsOfCall } from './label-flow.js';
export { toOcsfApiActivity } from './ocsf.js';
export { toOcsfAuthentication } from './ocsf-authentication.js';
export { formatMicros, formatPrice, formatRecordLine } from './record-line.js';
export { wordsOfEvent, wordsOfQuery } from './search-words.js';
export { visibleField, visibleText } from './visible-text.js';
