import type { WireLimits } from '@sallyport/mcp';

/** What the gateway holds requests and answers to. Every name carries its unit; the composition root reads them from the configuration. */
export interface EdgeSettings {
  /** Names this instance; stable over restarts, unique among replicas. */
  readonly edgeId: string;
  /** Where clients reach the gateway, without a slash at the end: issuer of upstream tokens, base of resource identifiers. */
  readonly publicUrl: string;
  /** Host headers that are served, with port where it is not the scheme's own (DNS rebinding). The host of `publicUrl` is always among them. */
  readonly allowedHosts: readonly string[];
  /** Web origins that may call; the origin of `publicUrl` is always among them. A request without `Origin` comes from no browser. */
  readonly allowedOrigins: readonly string[];
  readonly tenants: readonly string[];
  /** How long the answers of the other services are waited for before the answer is no. */
  readonly decisionTimeoutMs: number;
  /** From the request until bytes go to the upstream: past it the call is worth nothing. */
  readonly callTtlMs: number;
  /** How long a client is held while people are asked; after it, it comes back or is told to send the call again. */
  readonly approvalHoldMs: number;
  readonly callsInFlightMaxPerTenant: number;
  /** Open GET and listen streams; they are not calls in flight. */
  readonly streamsMaxPerTenant: number;
  /** A stream is closed after this long, so that its next opening is decided anew. */
  readonly streamLifetimeMs: number;
  readonly argumentBytesMax: number;
  readonly argumentDepthMax: number;
  readonly wire: WireLimits;
  readonly answerBytesMax: number;
  readonly keepAliveMs: number;
  /** Time between two looks at what an upstream says its tools are. */
  readonly observeEveryMs: number;
  /** Scopes a first token should ask for; further ones are named when a call needs them. */
  readonly scopesSupported: readonly string[];
  /** `ttlMs` of lists: how long a client may keep one. */
  readonly listTtlMs: number;
}

/**
 * The defaults: `architecture.md` where it names a number (arguments 256 KiB, decision 8 s), MCP's SDK for keep-alive (15 s); clients give up at 60 s
 * unless their host raises it, so none is held for people longer than 45.
 */
export const EDGE_DEFAULTS = {
  decisionTimeoutMs: 8_000,
  callTtlMs: 30_000,
  approvalHoldMs: 45_000,
  callsInFlightMaxPerTenant: 512,
  streamsMaxPerTenant: 512,
  streamLifetimeMs: 600_000,
  argumentBytesMax: 256 * 1024,
  argumentDepthMax: 32,
  wire: { maxBodyBytes: 1024 * 1024, maxDepth: 64, maxMembers: 100_000 },
  answerBytesMax: 16 * 1024 * 1024,
  keepAliveMs: 15_000,
  observeEveryMs: 60_000,
  scopesSupported: ['tools:read'],
  listTtlMs: 30_000,
} as const satisfies Partial<EdgeSettings>;
