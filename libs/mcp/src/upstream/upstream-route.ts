/** Where an upstream is and how patient we are with it. */
export interface UpstreamRoute {
  readonly server: string;
  readonly tenantId: string;
  readonly url: URL;
  readonly routeVersion: string;
  readonly connectTimeoutMs: number;
  /** From the start of an exchange to the headers of its answer. */
  readonly answerTimeoutMs: number;
  /** Longest silence inside an answer's body. */
  readonly idleStreamTimeoutMs: number;
  readonly breaker: { readonly failures: number; readonly openSeconds: number };
  /** Extra headers for every exchange, such as an API key from the environment. Secret: never logged. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Connections for calls; GET streams have as many of their own. 64 when absent. */
  readonly maxConnections?: number;
  /** True for a child of our own stdio host: its 503 says that the child got nothing, its 502 that the child died with the request. */
  readonly viaStdioHost?: boolean;
}

/** How sure it is that the upstream got something of the request: `detail.reached` of every `upstream.*` error thrown here. */
export type Reached = 'no' | 'yes' | 'unknown';

export interface UpstreamExchange {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Only protocol and trace headers are forwarded (`forwardedHeaders`); the agent's own `Authorization` never is. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string | null;
  /** The upstream token minted for this attempt. */
  readonly token: string | null;
  readonly signal: AbortSignal;
  /**
   * Asked when the request is about to be written, after every wait for a connection. `false` keeps it from being written: `policy.unavailable`
   * with `detail.reached` `no`.
   */
  readonly isCleared?: () => boolean;
}

export interface UpstreamAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** From the start of the exchange to these headers. */
  readonly waitedMs: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';
