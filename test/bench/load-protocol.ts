import type { LatencySummary } from './statistics.ts';

/** The tools of the bench's upstream; the catalog says that `echo` reads and `add` writes. */
export type BenchTool = 'echo' | 'add';

/** What a load generator does: sessions spread over connections, one call in flight on each connection. */
export interface LoadJob {
  /** Endpoints; connections take them in turn. */
  readonly urls: readonly string[];
  /** Sessions take them in turn; none for a server that asks for none. */
  readonly tokens: readonly string[];
  readonly connections: number;
  readonly sessions: number;
  readonly tool: BenchTool;
  /** Until a time is over, or a number of calls made. */
  readonly until: { readonly warmupSeconds: number; readonly seconds: number } | { readonly calls: number };
}

/** What was measured. `latencyMs` and `callsPerSecond` are of the window alone, errors and `made` of everything. */
export interface LoadResult {
  readonly seconds: number;
  /** Calls that ended well inside the window. */
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly latencyMs: LatencySummary;
  /** Every call that ended well, the warm-up and the tail included. */
  readonly made: number;
  /** The longest time in which no call ended well, from the first call to the last: where a mean hides a stall. */
  readonly longestGapMs: number;
  /** What went wrong, with how often. */
  readonly errors: Readonly<Record<string, number>>;
}

/** From the load generator to its parent, in this order; `progress` while it counts calls. */
export type LoadMessage =
  | { readonly type: 'begun' }
  | { readonly type: 'progress'; readonly made: number }
  | { readonly type: 'ended' }
  | { readonly type: 'result'; readonly result: LoadResult }
  | { readonly type: 'failed'; readonly message: string };

/** From the parent: what to do, and when all is measured, to end the sessions and go. */
export type LoadOrder = { readonly type: 'run'; readonly job: LoadJob } | { readonly type: 'close' };
