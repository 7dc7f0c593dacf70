// The load generator, as a process of its own that its parent drives: closed loop, one call in flight for each connection. An answer that is
// not the expected one is an error; every call has arguments of its own, so that an answer meant for another call never passes.
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchTool, LoadJob, LoadMessage, LoadOrder, LoadResult } from './load-protocol.ts';
import { Connection, McpSession } from './mcp-session.ts';
import { latencySummary, rounded } from './statistics.ts';

const AFTER_ERROR_MS = 10;
const PROGRESS_EVERY_MS = 1_000;
/** A generator that only fails would otherwise never reach its number of calls. */
const ERRORS_MAX = 1_000;

const tell = (message: LoadMessage): void => void process.send?.(message);

const argumentsOf = (tool: BenchTool, n: number): { readonly args: Record<string, unknown>; readonly expected: string } => {
  if (tool === 'add') return { args: { a: 1, b: n }, expected: String(1 + n) };
  return { args: { message: `hello ${n}` }, expected: `hello ${n}` };
};

/** The same failure of many calls is one line. */
const withoutIds = (text: string): string =>
  text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '#').replaceAll(/"id":\d+/g, '"id":#');

/** The sessions of one connection, which take turns on it. */
interface Lane {
  readonly connection: Connection;
  readonly sessions: McpSession[];
}

class Load {
  private readonly job: LoadJob;
  private readonly lanes: Lane[];
  private readonly latencies: number[] = [];
  private readonly errors = new Map<string, number>();
  private begunCalls = 0;
  private made = 0;
  private failures = 0;
  private lastEndAt = 0;
  private longestGapMs = 0;
  private recording = false;
  private stopped = false;

  constructor(job: LoadJob) {
    this.job = job;
    const { urls, connections } = job;
    this.lanes = Array.from({ length: connections }, (_, n) => ({ connection: new Connection(urls[n % urls.length] ?? ''), sessions: [] }));
  }

  /** Opens the sessions and calls. Sessions that do not open are errors like any other, with no call made. */
  async result(): Promise<LoadResult> {
    try {
      await this.open();
    } catch (error) {
      const text = `a session does not open: ${withoutIds(error instanceof Error ? error.message : String(error))}`;
      return {
        seconds: 0,
        calls: 0,
        callsPerSecond: 0,
        latencyMs: latencySummary([]),
        made: 0,
        longestGapMs: 0,
        errors: { [text]: 1 },
      };
    }
    return await this.run();
  }

  private async open(): Promise<void> {
    const { sessions, tokens, connections } = this.job;
    await Promise.all(
      this.lanes.map(async ({ connection, sessions: own }, lane) => {
        for (let n = lane; n < sessions; n += connections) own.push(await McpSession.open(connection, tokens[n % tokens.length]));
      }),
    );
  }

  private async run(): Promise<LoadResult> {
    const { until } = this.job;
    this.lastEndAt = performance.now();
    const loops = this.lanes.map((lane) => this.loop(lane));
    if ('seconds' in until) await delay(until.warmupSeconds * 1_000);
    tell({ type: 'begun' });
    this.recording = true;
    const startedAt = performance.now();
    const progress = setInterval(() => tell({ type: 'progress', made: this.made }), PROGRESS_EVERY_MS);
    if ('seconds' in until) await delay(until.seconds * 1_000);
    else await Promise.all(loops);
    const seconds = (performance.now() - startedAt) / 1_000;
    this.recording = false;
    this.stopped = true;
    clearInterval(progress);
    tell({ type: 'ended' });
    await Promise.all(loops);
    return {
      seconds: rounded(seconds),
      calls: this.latencies.length,
      callsPerSecond: rounded(this.latencies.length / seconds),
      latencyMs: latencySummary(this.latencies),
      made: this.made,
      longestGapMs: rounded(this.longestGapMs),
      errors: Object.fromEntries(this.errors),
    };
  }

  async close(): Promise<void> {
    await Promise.all(
      this.lanes.map(async ({ connection, sessions }) => {
        for (const session of sessions) await session.end();
        await connection.close();
      }),
    );
  }

  private noteEnd(): void {
    const now = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.lastEndAt);
    this.lastEndAt = now;
  }

  private get isOver(): boolean {
    const { until } = this.job;
    return this.stopped || this.failures >= ERRORS_MAX || ('calls' in until && this.begunCalls >= until.calls);
  }

  private async loop({ sessions }: Lane): Promise<void> {
    for (let turn = 0; !this.isOver; turn++) {
      const session = sessions[turn % sessions.length];
      if (session === undefined) return;
      this.begunCalls += 1;
      const { args, expected } = argumentsOf(this.job.tool, this.begunCalls);
      const startedAt = performance.now();
      try {
        await session.call(this.job.tool, args, expected);
        this.made += 1;
        this.noteEnd();
        if (this.recording) this.latencies.push(performance.now() - startedAt);
      } catch (error) {
        this.failures += 1;
        const text = withoutIds(error instanceof Error ? error.message : String(error));
        this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
        await delay(AFTER_ERROR_MS);
      }
    }
  }
}

let load: Load | undefined;

const obey = async (order: LoadOrder): Promise<void> => {
  if (order.type === 'run') {
    load = new Load(order.job);
    tell({ type: 'result', result: await load.result() });
  } else {
    await load?.close();
    process.disconnect();
  }
};

process.on('message', (order: LoadOrder) => {
  obey(order).catch((error: unknown) => tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) }));
});
process.once('disconnect', () => process.exit());
