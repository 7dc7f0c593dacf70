import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from './until.js';

/** How a Node is started. */
export interface NodeStart {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** As `bin/sallyport.mjs` and `npm start` start the Node that runs everything in one process: for its memory. */
export const ONE_PROCESS: NodeStart = {
  flags: ['--max-semi-space-size=16', '--heap-growing-percent=40'],
  env: { MALLOC_MMAP_THRESHOLD_: '131072' },
};
/** As the image and the manual start the Node of a service of its own: for its speed. */
export const ONE_SERVICE: NodeStart = { flags: ['--max-semi-space-size=32'], env: {} };

export interface ServiceProcessOptions {
  readonly name: string;
  readonly node: NodeStart;
  /** The built program and its arguments, for the Node that runs the tests. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Where the service answers. */
  readonly url: string;
}

/** A machine that is busy with other tests gives five processes that start at once little. */
const READY_DEADLINE_MS = 240_000;
const STOP_DEADLINE_MS = 20_000;
const LINES_SHOWN = 40;

/** One built program as a child process: started, stopped, killed, paused, and everything it said kept. */
export class ServiceProcess {
  readonly lines: string[] = [];
  private child: ChildProcess | undefined;
  private ended: Promise<unknown> = Promise.resolve();
  private ending = false;
  private mayDie = false;

  constructor(private readonly options: ServiceProcessOptions) {
    process.once('exit', () => this.child?.kill('SIGKILL'));
  }

  get name(): string {
    return this.options.name;
  }

  get url(): string {
    return this.options.url;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Another process of the same service, not started yet: what is given replaces this one's, `env` is put over it. */
  beside(other: Pick<ServiceProcessOptions, 'name' | 'url' | 'env'> & { readonly command?: readonly string[] }): ServiceProcess {
    return new ServiceProcess({ ...this.options, ...other, env: { ...this.options.env, ...other.env } });
  }

  /** Starts it without waiting until it is ready. */
  start(): void {
    if (this.child !== undefined) throw new Error(`${this.name} runs already`);
    const { node, command, env, cwd } = this.options;
    const child = spawn(process.execPath, [...node.flags, ...command], {
      cwd,
      env: { ...inherited(), ...node.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.ending = false;
    this.mayDie = false;
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    // Not until the streams close: what the process started itself may outlive it and hold them.
    this.ended = once(child, 'exit').then(() => {
      if (this.child === child) this.child = undefined;
      // The test that meets this sees a refused connection and no more.
      if (!this.mayDie && (!this.ending || (child.exitCode !== 0 && !child.killed)))
        console.error(`${this.name} ended by itself (${child.exitCode ?? child.signalCode}):\n${this.tail()}`);
    });
  }

  /** Resolves when `/readyz` says yes. Throws when the process ends first, with what it said last. */
  async ready(): Promise<void> {
    const { url } = this.options;
    await until(
      `${this.name} is ready at ${url}`,
      async () => {
        if (this.child === undefined) return 'ended';
        const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
        await response?.body?.cancel();
        return response?.status === 200 ? 'ready' : undefined;
      },
      READY_DEADLINE_MS,
    ).then(
      (how) => {
        if (how === 'ended') throw new Error(`${this.name} ended before it was ready:\n${this.tail()}`);
      },
      (cause: unknown) => {
        throw new Error(`${this.name} did not become ready:\n${this.tail()}`, { cause });
      },
    );
  }

  /** Ends it as an operator would (SIGTERM) and waits; after 20 s as a crash would. Resolves with how it ended. */
  async stop(): Promise<'stopped' | 'killed'> {
    const { child } = this;
    if (child === undefined) return 'stopped';
    this.ending = true;
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    let how: 'stopped' | 'killed' = 'stopped';
    const timer = setTimeout(() => {
      how = 'killed';
      child.kill('SIGKILL');
    }, STOP_DEADLINE_MS);
    await this.ended;
    clearTimeout(timer);
    return how;
  }

  /** Ends it at once (SIGKILL). */
  async kill(): Promise<void> {
    this.ending = true;
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** From now on until it is started again its death is nobody's surprise. Resolves when it has ended. */
  async dies(): Promise<void> {
    this.mayDie = true;
    await this.ended;
  }

  /** Sends it a signal that it listens to. Throws when it does not run. */
  signal(signal: NodeJS.Signals): void {
    if (this.child?.kill(signal) !== true) throw new Error(`${this.name} does not run`);
  }

  /** Stops its clock without ending its connections (SIGSTOP). */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  private tail(): string {
    return this.lines.slice(-LINES_SHOWN).join('\n');
  }
}

/** What a process needs of this one's environment; nothing of ours leaks into the configuration under test. */
const inherited = (): Record<string, string> => {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'LANG', 'TMPDIR', 'NODE_EXTRA_CA_CERTS']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
};
