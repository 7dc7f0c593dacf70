import type { IncomingHttpHeaders } from 'node:http';
import type { AppError } from '@sallyport/contracts';
import type { Clock } from '@sallyport/platform';
import type { InboundMessage, WireLimits } from './inbound/inbound-message.js';
import type { Era } from './inbound/versions.js';
import type { JsonObject, RequestId } from './json/json-types.js';
import type { RewriteOptions, RewrittenAnswer } from './rewrite/rewrite-options.js';
import type { ServerInfo, ToolDefinition } from './upstream/tool-definition.js';
import type { BreakerState, UpstreamAnswer, UpstreamExchange, UpstreamRoute } from './upstream/upstream-route.js';

export type {
  InboundMessage,
  InboundNotification,
  InboundRequest,
  InboundResponse,
  InboundSessionDelete,
  InboundStreamOpen,
  WireLimits,
} from './inbound/inbound-message.js';
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
export { isJsonObject, type JsonObject, type RequestId } from './json/json-types.js';
export type { AnswerLimits, RewriteOptions, RewrittenAnswer } from './rewrite/rewrite-options.js';
export { openSessionId, type SessionBinding, type SessionSealer, sealSessionId } from './sessions/session-id.js';
export type { ServerInfo, ToolDefinition } from './upstream/tool-definition.js';
export type { BreakerState, Reached, UpstreamAnswer, UpstreamExchange, UpstreamRoute } from './upstream/upstream-route.js';

export declare function parseInbound(input: {
  httpMethod: string;
  headers: IncomingHttpHeaders;
  body: Buffer | null;
  limits: WireLimits;
}): InboundMessage;
/** Compares `Mcp-Param-*` with the annotated arguments. Throws WireError request.header-mismatch. `id` is echoed. */
export declare function checkParamHeaders(inputSchema: JsonObject, args: JsonObject, headers: IncomingHttpHeaders, id: RequestId): void;
/** Headers for a modern request to an upstream, recomputed from the (masked, renamed) message: version, method, name, annotated parameters. */
export declare function standardHeaders(input: { message: JsonObject; inputSchema?: JsonObject }): Record<string, string>;
export declare function rewriteAnswer(options: RewriteOptions): RewrittenAnswer;

export declare class UpstreamHttp {
  constructor(route: UpstreamRoute, dependencies: { clock: Clock });
  readonly route: UpstreamRoute;
  exchange(request: UpstreamExchange): Promise<UpstreamAnswer>;
  state(): BreakerState;
  close(): Promise<void>;
}

export interface UpstreamClientOptions {
  readonly clock: Clock;
  readonly clientInfo: { readonly name: string; readonly version: string };
  readonly maxMessageBytes?: number;
  readonly verdictTtlMs?: number;
}
export interface UpstreamCall {
  readonly method: string;
  readonly params: JsonObject;
  readonly token: string | null;
  readonly signal: AbortSignal;
  /** `traceparent`, `tracestate`, `baggage` for the upstream's `_meta`. */
  readonly traceMeta?: Readonly<Record<string, string>>;
  /** The tool's pinned schema, for `Mcp-Param-*`. */
  readonly inputSchema?: JsonObject;
  /** Legacy sessions are shared among calls of the same key only: give a digest of the principal. */
  readonly sessionKey?: string;
  onInterim?(message: JsonObject): void;
}
export declare class UpstreamClient {
  constructor(http: UpstreamHttp, options: UpstreamClientOptions);
  request(call: UpstreamCall): Promise<{ message: JsonObject; era: Era }>;
  listAllTools(
    token: string | null,
    signal: AbortSignal,
  ): Promise<{ protocolVersion: string; serverInfo: ServerInfo; tools: ToolDefinition[] }>;
  close(): Promise<void>;
}

export declare function digestDefinition(tool: ToolDefinition): `sha256:${string}`;

/** `server__tool`, at most 64 characters: longer names end in a digest. */
export declare function aggregatedName(server: string, tool: string): string;
/** Names of the aggregated list to what they stand for. */
export declare function indexAggregatedNames<T extends { readonly server: string; readonly tool: string }>(
  tools: Iterable<T>,
): Map<string, T>;
/** Splits a name that was not shortened. */
export declare function splitAggregatedName(name: string): { server: string; tool: string } | null;

/** A JSON-RPC response that carries a refusal: a tool result with isError for tools/call, a JSON-RPC error for every other method. */
export declare function refusal(input: { id: RequestId; era: Era; method: string; error: AppError; callId: string | null }): JsonObject;
export declare function rpcError(input: { id: RequestId | null; error: AppError; callId: string | null }): JsonObject;
export declare function rpcResult(input: { id: RequestId; era: Era; result: JsonObject }): JsonObject;
export declare function initializeResult(input: {
  id: RequestId;
  requestedVersion: string;
  serverInfo: ServerInfo;
  capabilities: JsonObject;
  instructions?: string;
}): JsonObject;
export declare function discoverResult(input: {
  id: RequestId;
  serverInfo: ServerInfo;
  capabilities: JsonObject;
  instructions?: string;
  ttlMs: number;
}): JsonObject;
export declare function toolsListResult(input: {
  id: RequestId;
  era: Era;
  tools: readonly JsonObject[];
  nextCursor?: string;
  ttlMs: number;
}): JsonObject;
/** Turns an upstream's response into one for a client of the other era, with the client's id. */
export declare function bridgeResponse(input: { message: JsonObject; id: RequestId; clientEra: Era }): JsonObject;

export interface StdioChild {
  readonly tenantId: string;
  readonly server: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Variables the child gets beside PATH, HOME and LANG. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its own folder: working folder and HOME. */
  readonly cwd: string;
  readonly maxMemoryMib?: number;
}
export interface StdioHostEvent {
  readonly type: 'started' | 'ready' | 'exited' | 'stderr' | 'gave-up';
  readonly tenantId: string;
  readonly server: string;
  readonly pid?: number;
  readonly text?: string;
}
export interface StdioHost {
  readonly port: number;
  url(server: string, tenantId?: string): URL;
  status(server: string, tenantId?: string): { state: 'starting' | 'ready' | 'down' | 'stopped'; pid: number | null; restarts: number };
  /** Resolves when the child is ready to take requests. */
  whenReady(server: string, tenantId?: string): Promise<void>;
  restart(server: string, tenantId?: string): Promise<void>;
  kill(server: string, tenantId?: string): Promise<void>;
  close(): Promise<void>;
}
export declare function startStdioHost(options: {
  readonly children: readonly StdioChild[];
  readonly host?: string;
  readonly port?: number;
  /** Bearer secret the edge must send. */
  readonly secret: string;
  readonly onEvent?: (event: StdioHostEvent) => void;
}): Promise<StdioHost>;
