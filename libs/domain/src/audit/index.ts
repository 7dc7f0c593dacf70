export { formatCallDetail } from './call-detail.js';
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
export { CHAIN_GENESIS, type ChainRecord, canonicalRecord, chainHash, type Sha256 } from './event-chain.js';
export { evolveCall } from './evolve-call.js';
export { epochMsOf } from './instant.js';
export { toOcsfApiActivity } from './ocsf.js';
export { formatMicros, formatPrice, formatRecordLine } from './record-line.js';
export { visibleField, visibleText } from './visible-text.js';
