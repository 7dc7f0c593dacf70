export { builtInDetector } from './built-in-detector.js';
export { type ContractTest as ContentContractTest, contentDetectorContract } from './content-detector.contract.js';
export {
  CONTENT_LABELS,
  type ContentDetector,
  type ContentLabel,
  type Finding,
  maskOf,
  type TextContext,
} from './content-detector.port.js';
export {
  type Inspection,
  type InspectOptions,
  inspect,
  inspectAndMask,
  isOpaqueBlob,
  type LocatedFinding,
  type MaskedInspection,
  mask,
  UNINSPECTED,
} from './inspect.js';
export { holdsMask, maskText } from './mask-text.js';
