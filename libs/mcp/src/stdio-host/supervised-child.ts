import { AppError } from '@sallyport/contracts';
import { LATEST_LEGACY_VERSION } from '../inbound/versions.js';
import { JsonFault, parseBounded } from '../json/bounded-parse.js';
import { isJsonObject, type JsonObject } from '../json/json-types.js';
import { ChildRun } from './child-process.js';
import type { ChildStatus, HostLimits, StdioChild, StdioHostEvent } from './stdio-host-types.js';

const INITIALIZE_ID = 'initialize';
const BOUNDS = { maxDepth: 256, maxMembers: 2_000_000 };
const DEFAULT_CAPABILITIES: JsonObject = { sampling: {}, elicitation: {} };
/** A pipe holds this many messages' worth before further ones are refused. */
const BACKLOG_MESSAGES = 4;
/** A child that dies so often before it is ready will not start by itself. */
const HOPELESS_STARTS = 5;

export interface ChildEvents {
  /** A message of the child, after its handshake. */
  onMessage(message: JsonObject): void;
  /** The child is gone: whatever it had in hand is lost. */
  onDown(): void;
}

/** A child that is started again whenever it dies, after a pause that doubles while it keeps dying young. */
export class SupervisedChild {
  private run: ChildRun | null = null;
  private state: ChildStatus['state'] = 'starting';
  private restarts = -1;
  private startedAtMs = 0;
  private failedStarts = 0;
  private pauseMs: number;
  private timer: NodeJS.Timeout | undefined;
  private handshake: JsonObject | null = null;
  private waiting: { readonly resolve: () => void; readonly reject: (error: AppError) => void }[] = [];

  constructor(
    readonly child: StdioChild,
    private readonly limits: HostLimits,
    private readonly events: ChildEvents,
    private readonly onEvent: (event: StdioHostEvent) => void,
  ) {
    this.pauseMs = limits.firstRestartMs;
  }

  /** The child's own answer to `initialize`; null while it is not ready. */
  get initialized(): JsonObject | null {
    return this.state === 'ready' ? this.handshake : null;
  }

  get capabilities(): JsonObject {
    return this.child.clientCapabilities ?? DEFAULT_CAPABILITIES;
  }

  /** Whether the child can take one more message. */
  get takesMessages(): boolean {
    return this.state === 'ready' && this.run !== null && this.run.backlogBytes < this.limits.maxMessageBytes * BACKLOG_MESSAGES;
  }

  status(): ChildStatus {
    return { state: this.state, pid: this.run?.pid ?? null, restarts: Math.max(this.restarts, 0) };
  }

  start(): void {
    this.state = 'starting';
    this.restarts++;
    this.startedAtMs = performance.now();
    let run: ChildRun;
    try {
      run = new ChildRun(this.child, this.limits.maxMessageBytes, {
        onLine: (line) => this.onLine(line),
        onOutput: (text) => this.report('output', text),
        onExit: (reason) => this.onExit(run, reason),
      });
    } catch (error) {
      this.onExit(null, error instanceof Error ? error.message : 'could not be started');
      return;
    }
    this.run = run;
    this.report('started', '');
    this.timer = setTimeout(() => void run.kill(), this.limits.initializeTimeoutMs);
    const params = {
      protocolVersion: LATEST_LEGACY_VERSION,
      capabilities: this.capabilities,
      clientInfo: { name: 'sallyport', version: '0.1.0' },
    };
    this.send({ jsonrpc: '2.0', id: INITIALIZE_ID, method: 'initialize', params });
  }

  send(message: JsonObject): void {
    this.run?.write(JSON.stringify(message));
  }

  whenReady(): Promise<void> {
    if (this.state === 'ready') return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
    });
  }

  async kill(): Promise<void> {
    await this.run?.kill();
  }

  async restart(): Promise<void> {
    await this.end();
    this.pauseMs = this.limits.firstRestartMs;
    this.start();
    await this.whenReady();
  }

  /** Ends the child for good; whoever waits for it learns so. */
  async stop(): Promise<void> {
    await this.end();
    for (const { reject } of this.waiting.splice(0)) reject(new AppError('upstream.unreachable', `${this.child.server} was stopped`));
  }

  private async end(): Promise<void> {
    const { run } = this;
    this.state = 'stopped';
    clearTimeout(this.timer);
    await run?.stop(this.limits.graceMs);
  }

  private report(type: StdioHostEvent['type'], text: string): void {
    this.onEvent({ type, tenantId: this.child.tenantId, server: this.child.server, pid: this.run?.pid ?? null, text });
  }

  private onLine(line: Buffer): void {
    const message = this.messageOf(line);
    if (message === null) return;
    if (this.state === 'starting') {
      if (message.id === INITIALIZE_ID) this.onInitialized(message);
      return;
    }
    this.events.onMessage(message);
  }

  private messageOf(line: Buffer): JsonObject | null {
    try {
      const value = parseBounded(line, BOUNDS);
      if (isJsonObject(value) && value.jsonrpc === '2.0') return value;
    } catch (fault) {
      if (!(fault instanceof JsonFault)) throw fault;
      // An answer that cannot be read in one way only: the request must not wait for another.
      if (isJsonObject(fault.value) && fault.value.id !== undefined && fault.value.method === undefined)
        return { jsonrpc: '2.0', id: fault.value.id, error: { code: -32603, message: 'The answer of the tool server could not be read.' } };
    }
    this.report('output', line.toString('utf8').slice(0, 256));
    return null;
  }

  private onInitialized(message: JsonObject): void {
    if (!isJsonObject(message.result)) {
      this.report('output', 'refused to initialize');
      void this.run?.kill();
      return;
    }
    clearTimeout(this.timer);
    this.handshake = message.result;
    this.state = 'ready';
    this.failedStarts = 0;
    this.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    this.report('ready', '');
    for (const { resolve } of this.waiting.splice(0)) resolve();
  }

  private onExit(run: ChildRun | null, reason: string): void {
    if (run !== this.run && run !== null) return;
    clearTimeout(this.timer);
    this.report('exited', reason);
    this.run = null;
    this.events.onDown();
    if (this.state === 'stopped') return;
    if (this.state === 'starting') this.failedStarts++;
    this.state = 'down';
    if (this.failedStarts === HOPELESS_STARTS) {
      this.pauseMs = this.limits.maxRestartMs;
      this.report('gave-up', reason);
    }
    if (performance.now() - this.startedAtMs >= this.limits.stableMs) this.pauseMs = this.limits.firstRestartMs;
    this.timer = setTimeout(() => this.start(), this.pauseMs);
    this.pauseMs = Math.min(this.pauseMs * 2, this.limits.maxRestartMs);
  }
}
