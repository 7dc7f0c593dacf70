import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, closeSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { POSTGRES_ENVIRONMENT } from './cluster.js';
import { isAlive, postmasterFileOf, readPostmasterFile } from './postmaster-file.js';
import type { RunAs } from './run-as.js';
import { hasSocket, refusesSocket } from './socket.js';

/**
 * Small in memory, durable on disk. Errors are logged without their statement and its values, which may be anybody's data.
 * Reasons beyond that: one host, so no replication and no parallel plans; a laptop, so few helpers.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // Of the account alone; the password is asked for all the same.
  unix_socket_permissions: '0700',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  password_encryption: 'scram-sha-256',
  max_connections: '80',
  shared_buffers: '32MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  temp_buffers: '1MB',
  wal_buffers: '4MB',
  min_wal_size: '80MB',
  max_wal_size: '512MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_worker_processes: '2',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  io_method: 'sync',
  autovacuum_max_workers: '1',
  huge_pages: 'off',
  jit: 'off',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_line_prefix: '%m [%p] %q%a ',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const LOG_BYTES_MAX = 8 * 1024 * 1024;
const POLL_MS = 10;
/** A crash recovery replays at most `max_wal_size`. */
const START_TIMEOUT_MS = 60_000;
/** A fast shutdown writes a checkpoint; a slow disk may need this long for it. */
const STOP_TIMEOUT_MS = 20_000;

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Present when this process started it. */
  readonly child?: ChildProcess;
}

export interface SpawnOptions {
  readonly postgres: string;
  readonly dataFolder: string;
  readonly clusterFolder: string;
  readonly account: RunAs | undefined;
  readonly settings?: Readonly<Record<string, string>>;
  /** Where it listens; default: a free port. */
  readonly port?: number;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const TCP_ALONE = { unix_socket_directories: '' };

/** Starts PostgreSQL with a socket where it can have one, and without where it cannot. Otherwise as `spawnOnce`. */
export const spawnServer = async (options: SpawnOptions): Promise<ServerProcess> => {
  const socket = hasSocket(options.dataFolder) ? { unix_socket_directories: options.dataFolder } : TCP_ALONE;
  try {
    return await spawnOnce({ ...options, settings: { ...socket, ...options.settings } });
  } catch (error) {
    if (!(error instanceof Error) || !refusesSocket(error.message)) throw error;
    return spawnOnce({ ...options, settings: { ...options.settings, ...TCP_ALONE } });
  }
};

/**
 * Starts PostgreSQL and resolves when it takes connections; rejects with what it printed. It gets a process group of its own: Ctrl-C in a
 * terminal reaches the whole foreground group, and the services must end before their database does.
 */
const spawnOnce = async ({
  postgres,
  dataFolder,
  clusterFolder,
  account,
  settings,
  port: wanted,
}: SpawnOptions): Promise<ServerProcess> => {
  const logFile = join(dataFolder, 'postgres.log');
  if (sizeOf(logFile) > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`);
  const logStart = sizeOf(logFile);
  const log = openSync(logFile, 'a', 0o600);
  if (account !== undefined) chownSync(logFile, account.uid, account.gid);
  const port = wanted ?? (await freePort());
  const options = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(postgres, ['-D', clusterFolder, '-p', String(port), ...options], {
    stdio: ['ignore', log, log],
    env: POSTGRES_ENVIRONMENT,
    detached: true,
    ...account,
  });
  closeSync(log);
  // What it printed is read only when somebody waits for it: long after its start the log may be gone with its folder.
  let ended: (() => Error) | undefined;
  child.on('error', (error) => {
    ended = () => error;
  });
  child.on('exit', (code, signal) => {
    ended ??= () => new Error(readFileSync(logFile).subarray(logStart).toString('utf8') || `PostgreSQL ended with ${code ?? signal}`);
  });
  child.unref();
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if (ended !== undefined) throw ended();
    const file = readPostmasterFile(clusterFolder);
    if (file?.ready === true && file.pid === child.pid) return { pid: file.pid, port, child };
    if (performance.now() > deadline) {
      child.kill('SIGQUIT');
      throw new Error(`PostgreSQL was not ready after ${START_TIMEOUT_MS} ms`);
    }
    await delay(POLL_MS);
  }
};

/** Whether the process is a PostgreSQL server at all: after a restart of the machine its id may be anybody's. */
export const isPostgres = (pid: number): boolean => {
  try {
    const program =
      process.platform === 'linux'
        ? (readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '')
        : execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return basename(program) === 'postgres';
  } catch {
    return false;
  }
};

/** Whether the server of this cluster is gone. A process that nobody reaps keeps its id for ever, so the file counts as well. */
const hasEnded = (clusterFolder: string, { pid, child }: ServerProcess): boolean =>
  (child !== undefined && (child.exitCode !== null || child.signalCode !== null)) ||
  readPostmasterFile(clusterFolder)?.pid !== pid ||
  !isAlive(pid) ||
  !isPostgres(pid);

const endsWithin = async (clusterFolder: string, server: ServerProcess, timeoutMs: number): Promise<boolean> => {
  const deadline = performance.now() + timeoutMs;
  while (!hasEnded(clusterFolder, server)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself meanwhile.
  }
};

/** Stops PostgreSQL: at once for its clients and clean for its data; where that takes too long, as in a crash, which costs a recovery. */
export const stopServer = async (clusterFolder: string, server: ServerProcess): Promise<void> => {
  signal(server.pid, 'SIGINT');
  if (await endsWithin(clusterFolder, server, STOP_TIMEOUT_MS)) return reaped(server);
  signal(server.pid, 'SIGQUIT');
  await endsWithin(clusterFolder, server, STOP_TIMEOUT_MS);
  return reaped(server);
};

/** The file goes a moment before the process does. */
const reaped = async ({ child }: ServerProcess): Promise<void> => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  await new Promise<void>((resolve) => child.once('exit', () => resolve()));
};

/** Removes the file of a server that is gone and whose process id now belongs to something else, which PostgreSQL would take for it. */
export const removeStaleFile = (clusterFolder: string): void => rmSync(postmasterFileOf(clusterFolder), { force: true });
