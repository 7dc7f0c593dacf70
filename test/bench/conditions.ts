import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { ROOT_FOLDER } from '@sallyport/testing';
import type { BenchOptions } from './options.ts';

/** Under what a measurement was made: enough to make it again, and to see what it is not comparable with. */
export interface Conditions {
  readonly commit: string;
  /** Whether the sources differ from that commit. */
  readonly isModified: boolean;
  readonly node: string;
  readonly kernel: string;
  readonly cores: number;
  readonly cpu: string;
  readonly memoryMb: number;
  /** Of the machine, over one minute, before anything was started: others at work make the figures worthless. */
  readonly loadBefore: number;
  readonly shared: string;
  readonly product: readonly string[];
  readonly options: BenchOptions;
}

const git = (...args: readonly string[]): string => {
  try {
    return execFileSync('git', [...args], { cwd: ROOT_FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
};

/** To be asked before anything is started. */
export const conditionsOf = (options: BenchOptions): Conditions => ({
  commit: git('rev-parse', 'HEAD'),
  isModified: git('status', '--porcelain', '--untracked-files=no') !== '',
  node: process.version,
  kernel: release(),
  cores: cpus().length,
  cpu: cpus()[0]?.model ?? 'unknown',
  memoryMb: Math.round(totalmem() / 1_000_000),
  loadBefore: loadavg()[0] ?? Number.NaN,
  shared: 'Load generator, upstream, PostgreSQL, broker and all services share these cores.',
  product: [
    'Built programs, started as users start them; configuration as shipped but for addresses, identities and limits.',
    'Every call: access token verified, schema checked against the pinned definition, arguments inspected, decided by the shipped policies,',
    'charged to two limits (tenant and user) before and settled after, answer inspected and masked, a token minted for the upstream,',
    'every step on the log before it counts, chained and projected into the record, signed checkpoints every 60 s.',
    'Kafka: one KRaft broker, replication factor 1, acks of all; PostgreSQL: durable as shipped (settings below).',
    'Sessions: MCP 2025-06-18 over streamable HTTP, initialized through /mcp/bench, a keep-alive connection for each call in flight.',
  ],
  options,
});
