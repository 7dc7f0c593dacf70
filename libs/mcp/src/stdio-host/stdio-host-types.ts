import type { JsonObject } from '../json/json-types.js';

/** One process of a stdio server, for one tenant. */
export interface StdioChild {
  readonly tenantId: string;
  readonly server: string;
  /** Started without a shell. */
  readonly command: string;
  readonly args: readonly string[];
  /** Variables it gets beside PATH, HOME and LANG: the whole allow-list. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its own folder: working folder and HOME. Created when missing, for its owner only. */
  readonly cwd: string;
  /** Heap limit of a child that runs on Node, mebibytes. */
  readonly maxMemoryMib?: number;
  /**
   * What the child may ask of clients; sampling and elicitation when absent. Roots are left out on purpose: some servers let a client's roots
   * replace the folders they were started with, and then the agent chooses its own sandbox.
   */
  readonly clientCapabilities?: JsonObject;
}

export interface StdioHostEvent {
  /**
   * `output`: a line of stderr, or one of stdout that is no message. `gave-up`: it died five times in a row before it was ready; `text` says
   * how, and it is tried at the longest pause only.
   */
  readonly type: 'started' | 'ready' | 'exited' | 'output' | 'gave-up';
  readonly tenantId: string;
  readonly server: string;
  readonly pid: number | null;
  /** At most 4096 characters; from the child, so inspect it before it is shown. */
  readonly text: string;
}

export interface ChildStatus {
  readonly state: 'starting' | 'ready' | 'down' | 'stopped';
  readonly pid: number | null;
  readonly restarts: number;
}

export interface StdioHostOptions {
  readonly children: readonly StdioChild[];
  /** Loopback when absent; nothing else is meant to reach it. */
  readonly host?: string;
  /** Any free port when absent. */
  readonly port?: number;
  /** What the edge must send: `Authorization: Bearer` or `Sallyport-Host-Secret`. Choose a new one for each start. */
  readonly secret: string;
  readonly limits?: Partial<HostLimits>;
  onEvent?(event: StdioHostEvent): void;
}

export interface HostLimits {
  /** Requests a child may have in hand; more are refused unsent. */
  readonly maxInFlight: number;
  /** Size of one message in either direction. */
  readonly maxMessageBytes: number;
  readonly maxSessions: number;
  readonly initializeTimeoutMs: number;
  readonly firstRestartMs: number;
  readonly maxRestartMs: number;
  /** A child that lived this long is restarted at once when it dies. */
  readonly stableMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly keepAliveMs: number;
}

export const DEFAULT_HOST_LIMITS: HostLimits = {
  maxInFlight: 256,
  maxMessageBytes: 16 * 1024 * 1024,
  maxSessions: 4_096,
  initializeTimeoutMs: 30_000,
  firstRestartMs: 200,
  maxRestartMs: 30_000,
  stableMs: 30_000,
  graceMs: 2_000,
  keepAliveMs: 15_000,
};

/** Serves stdio children as streamable HTTP. A server name alone is enough while one tenant has it. */
export interface StdioHost {
  readonly port: number;
  url(server: string, tenantId?: string): URL;
  status(server: string, tenantId?: string): ChildStatus;
  /** Resolves when the child takes requests. */
  whenReady(server: string, tenantId?: string): Promise<void>;
  /** Stops the child in good order and starts it anew; resolves when it is ready. */
  restart(server: string, tenantId?: string): Promise<void>;
  /** Kills the child and leaves the rest to supervision. Resolves when it is gone. */
  kill(server: string, tenantId?: string): Promise<void>;
  /** Stops every child and its descendants, and the port. */
  close(): Promise<void>;
}
