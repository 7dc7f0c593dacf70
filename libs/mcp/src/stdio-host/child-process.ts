import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { StdioChild } from './stdio-host-types.js';

const NEWLINE = 0x0a;
const MAX_OUTPUT_CHARACTERS = 4_096;
/** A child that floods its stderr is heard this many lines a window. */
const MAX_OUTPUT_LINES = 200;
const OUTPUT_WINDOW_MS = 10_000;
/** What a child wrote before it died is read this long. */
const LAST_WORDS_MS = 100;

export interface ChildListener {
  /** One line of stdout, without its end. */
  onLine(line: Buffer): void;
  onOutput(text: string): void;
  /** Called once, when the process is gone or could not be started. */
  onExit(reason: string): void;
}

/** Splits bytes at newlines; a line longer than the bound is reported instead of kept. */
class LineSplitter {
  private held: Buffer[] = [];
  private heldBytes = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly onLine: (line: Buffer) => void,
    private readonly onTooLong: () => void,
  ) {}

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.held.push(chunk.subarray(from, at));
      this.heldBytes += at - from;
      const line = this.held.length === 1 ? this.held[0] : Buffer.concat(this.held);
      const tooLong = this.heldBytes > this.maxBytes;
      this.held = [];
      this.heldBytes = 0;
      from = at + 1;
      if (tooLong) this.onTooLong();
      else if (line !== undefined && line.length > 0) this.onLine(line);
    }
    if (from === chunk.length) return;
    this.heldBytes += chunk.length - from;
    if (this.heldBytes > this.maxBytes) {
      this.held = [];
      this.onTooLong();
      return;
    }
    this.held.push(chunk.subarray(from));
  }
}

/** The environment of a child: a search path that finds our own Node first, its own folder as home, a language, and what was allowed by name. */
const environmentOf = (child: StdioChild): Record<string, string> => ({
  PATH: [path.dirname(process.execPath), process.env.PATH ?? '/usr/bin:/bin'].join(path.delimiter),
  HOME: child.cwd,
  LANG: 'C.UTF-8',
  ...(child.maxMemoryMib === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${child.maxMemoryMib}` }),
  ...child.env,
});

/** One run of a child: its own process group, so that what it started ends with it. */
export class ChildRun {
  private readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly gone: Promise<void>;
  private outputLines = 0;
  private outputWindowStart = 0;
  private exited = false;

  constructor(
    child: StdioChild,
    private readonly maxLineBytes: number,
    private readonly listener: ChildListener,
  ) {
    mkdirSync(child.cwd, { recursive: true, mode: 0o700 });
    this.process = spawn(child.command, [...child.args], {
      cwd: child.cwd,
      env: environmentOf(child),
      shell: false,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.gone = new Promise((resolve) => {
      const end = (reason: string): void => {
        if (this.exited) return;
        this.exited = true;
        // What the child started may still run in its group.
        this.signal('SIGKILL');
        resolve();
        listener.onExit(reason);
      };
      this.process.once('error', (error) => end(`could not be started: ${error.message}`));
      this.process.once('close', (code, signal) => end(signal === null ? `ended with code ${code}` : `ended by ${signal}`));
      // `close` waits for whoever holds the pipes; a grandchild that keeps them open must not keep a dead child alive.
      this.process.once('exit', (code, signal) => {
        this.signal('SIGKILL');
        setTimeout(() => end(signal === null ? `ended with code ${code}` : `ended by ${signal}`), LAST_WORDS_MS);
      });
    });
    this.listen();
  }

  get pid(): number | null {
    return this.process.pid ?? null;
  }

  /** Bytes that the child has not taken yet. */
  get backlogBytes(): number {
    return this.process.stdin.writableLength;
  }

  write(text: string): void {
    if (!this.exited && this.process.stdin.writable) this.process.stdin.write(`${text}\n`);
  }

  /** Kills the whole group at once. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.gone;
  }

  /** Closes stdin and asks the group to end (2025-11-25, stdio shutdown); kills what is left after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.process.stdin.end();
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.gone;
    clearTimeout(timer);
  }

  private listen(): void {
    const lines = new LineSplitter(
      this.maxLineBytes,
      (line) => this.listener.onLine(line),
      () => {
        this.output('a message larger than allowed; the process is killed');
        this.signal('SIGKILL');
      },
    );
    const errors = new LineSplitter(
      MAX_OUTPUT_CHARACTERS,
      (line) => this.output(line.toString('utf8')),
      () => this.output('a line too long to keep'),
    );
    this.process.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    this.process.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    // A pipe of a process that just died reports EPIPE; the exit says all there is to say.
    for (const stream of [this.process.stdin, this.process.stdout, this.process.stderr]) stream.on('error', () => undefined);
  }

  private output(text: string): void {
    const now = performance.now();
    if (now - this.outputWindowStart > OUTPUT_WINDOW_MS) {
      this.outputWindowStart = now;
      this.outputLines = 0;
    }
    this.outputLines++;
    if (this.outputLines <= MAX_OUTPUT_LINES) this.listener.onOutput(text.slice(0, MAX_OUTPUT_CHARACTERS));
  }

  private signal(signal: NodeJS.Signals): void {
    if (this.process.pid === undefined) return;
    try {
      process.kill(-this.process.pid, signal);
    } catch (error) {
      // The group is gone already.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}
