import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisionServices, type ServiceToProvision, type ServiceUrls, startEmbeddedPostgres } from '@sallyport/platform';
import pg from 'pg';
import { until } from '../cluster/until.js';

/** A database of its own for one test file, on a server shared with others. */
export interface TestDatabase {
  readonly name: string;
  /** The superuser's address. */
  readonly url: string;
  /** Schemas and roles as the product makes them, in this database alone. */
  provision(services: readonly ServiceToProvision[]): Promise<ReadonlyMap<string, ServiceUrls>>;
}

export interface TestPostgres {
  /** The superuser's address of the default database. */
  readonly adminUrl: string;
  readonly pid: number;
  createDatabase(): Promise<TestDatabase>;
  /** Runs one statement as the superuser, in `url` or the default database. */
  admin<R extends pg.QueryResultRow = Record<string, unknown>>(text: string, url?: string): Promise<R[]>;
  /** SIGKILL of the server and every process of it at once; the data stay. Linux only, as is `restart`. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data after `kill()`; resolves when it takes connections. */
  restart(): Promise<void>;
  /** Ends PostgreSQL and removes its data. */
  stop(): Promise<void>;
}

/** Bump when the options of initdb change: the template is kept between runs. */
const TEMPLATE = join(tmpdir(), `sallyport-test-postgres-3-${process.getuid?.() ?? 0}`);

/** A crash recovery replays what was not written out. */
const RESTART_MS = 60_000;

/** A cluster made once per machine and copied for each server, which is ten times faster than making it. */
const ensureTemplate = async (): Promise<void> => {
  if (existsSync(join(TEMPLATE, 'cluster'))) return;
  const unfinished = mkdtempSync(`${TEMPLATE}-`);
  const postgres = await startEmbeddedPostgres({ dataDir: unfinished });
  await postgres.stop();
  try {
    renameSync(unfinished, TEMPLATE);
  } catch {
    // Another test file made it meanwhile.
    rmSync(unfinished, { recursive: true, force: true });
  }
};

/**
 * Starts a real PostgreSQL with the product's own launcher on a folder of its own; durable as in production unless `settings` say otherwise.
 * It ends with the test process at the latest.
 */
export const startTestPostgres = async (settings?: Readonly<Record<string, string>>): Promise<TestPostgres> => {
  await ensureTemplate();
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  // Node's own copy does not keep owners, and a cluster made under root belongs to another account.
  execFileSync('cp', ['-a', `${TEMPLATE}/.`, dataDir]);
  const postgres = await startEmbeddedPostgres({ dataDir, settings, staysDown: true });
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  const admin = async <R extends pg.QueryResultRow>(text: string, url = postgres.url()): Promise<R[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<R>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const server = new KillableServer(postgres.pid);
  return {
    adminUrl: postgres.url(),
    get pid() {
      return server.pid;
    },
    admin,
    createDatabase: async () => {
      const name = `t_${randomBytes(6).toString('hex')}`;
      await admin(`CREATE DATABASE ${name}`);
      const url = postgres.url(name);
      return { name, url, provision: (services) => provisionServices(url, services) };
    },
    kill: () => server.kill(),
    restart: async () => {
      const answers = async (): Promise<true | undefined> => {
        // It refuses to start while a process of the killed one, each of which leads a session of its own, has not noticed its end.
        if (!server.isRunning) server.start();
        return (await admin('SELECT 1 AS one')).length > 0 || undefined;
      };
      await until('PostgreSQL takes connections again', answers, RESTART_MS);
    },
    stop: async () => {
      await server.end();
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

/** A server that is killed and started again with what it was started with first. */
class KillableServer {
  private child: ChildProcess | undefined;
  private command: readonly string[] = [];
  private environment: NodeJS.ProcessEnv = {};
  private owner: { readonly uid: number; readonly gid: number } | undefined;

  constructor(private readonly firstPid: number) {
    process.once('exit', () => this.signal('SIGKILL'));
  }

  get pid(): number {
    return this.child?.pid ?? this.firstPid;
  }

  /** Whether what was started last has not ended. */
  get isRunning(): boolean {
    const { child } = this;
    return child === undefined ? existsSync(`/proc/${this.firstPid}/exe`) : child.exitCode === null && child.signalCode === null;
  }

  async kill(): Promise<void> {
    const { pid } = this;
    if (this.command.length === 0) {
      this.command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').slice(0, -1);
      this.environment = Object.fromEntries(variables.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
      const { uid, gid } = statSync(`/proc/${pid}`);
      this.owner = process.getuid?.() === 0 ? { uid, gid } : undefined;
    }
    // It leads a group of its own.
    process.kill(-pid, 'SIGKILL');
    await until('PostgreSQL is gone', () => (existsSync(`/proc/${pid}/exe`) ? undefined : true));
  }

  start(): void {
    const [program = '', ...args] = this.command;
    this.child = spawn(program, args, { stdio: 'ignore', detached: true, env: this.environment, ...this.owner });
    this.child.unref();
  }

  /** Ends what was started again; what was started first belongs to its launcher. */
  async end(): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, 'exit');
    this.signal('SIGQUIT');
    await gone;
  }

  private signal(name: NodeJS.Signals): void {
    if (this.isRunning) this.child?.kill(name);
  }
}
