export {
  approvalPending,
  discoverResult,
  initializeResult,
  inputRequired,
  type PendingApproval,
  planResult,
  RETRY_AFTER_MS,
  refusal,
  rpcError,
  rpcResult,
  toolRefusal,
  toolsListResult,
} from './answers/answers.js';
export { bridgeResponse, withoutReservedMeta } from './answers/bridge.js';
export { digestDefinition, pinnedDefinition } from './definitions/digest-definition.js';
export { aggregatedName, indexAggregatedNames, splitAggregatedName } from './definitions/names.js';
export { META_ENVELOPE } from './inbound/envelope.js';
export type {
  InboundMessage,
  InboundNotification,
  InboundRequest,
  InboundResponse,
  InboundSessionDelete,
  InboundStreamOpen,
  WireLimits,
} from './inbound/inbound-message.js';
export { parseInbound } from './inbound/parse-inbound.js';
export { checkParamHeaders, paramHeaders, standardHeaders, targetNameOf } from './inbound/standard-headers.js';
export {
  ASSUMED_LEGACY_VERSION,
  type Era,
  LATEST_LEGACY_VERSION,
  LATEST_MODERN_VERSION,
  LEGACY_VERSIONS,
  MODERN_VERSIONS,
  negotiateLegacyVersion,
  SUPPORTED_VERSIONS,
} from './inbound/versions.js';
export { WireError, type WireErrorOptions } from './inbound/wire-error.js';
export { type JsonBounds, JsonFault, type JsonFaultKind, parseBounded } from './json/bounded-parse.js';
export { isJsonObject, type JsonObject, type RequestId } from './json/json-types.js';
export { rewriteAnswer } from './rewrite/rewrite-answer.js';
export type { AnswerLimits, RewriteOptions, RewrittenAnswer } from './rewrite/rewrite-options.js';
export { openSessionId, type SessionBinding, type SessionSealer, sealSessionId } from './sessions/session-id.js';
export { SECRET_HEADER as STDIO_HOST_SECRET_HEADER } from './stdio-host/host-front.js';
export { startStdioHost } from './stdio-host/stdio-host.js';
export {
  type ChildStatus,
  DEFAULT_HOST_LIMITS,
  type HostLimits,
  type StdioChild,
  type StdioHost,
  type StdioHostEvent,
  type StdioHostOptions,
} from './stdio-host/stdio-host-types.js';
export type { ServerInfo, ToolDefinition } from './upstream/tool-definition.js';
export { type UpstreamCall, UpstreamClient, type UpstreamClientOptions, type UpstreamResult } from './upstream/upstream-client.js';
export { UpstreamHttp } from './upstream/upstream-http.js';
export type { BreakerState, Reached, UpstreamAnswer, UpstreamExchange, UpstreamRoute } from './upstream/upstream-route.js';
