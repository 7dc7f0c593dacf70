import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@sallyport/contracts';
import pg from 'pg';
import { plainIdentifier } from '../database/identifier.js';
import { locateBinaries, type PostgresBinaries } from './binaries.js';
import { assertVersionFits, clusterFolderOf, initializeCluster, isInitialized, readPassword, SUPERUSER } from './cluster.js';
import { folderFault } from './folder-fault.js';
import { isAlive, readPostmasterFile } from './postmaster-file.js';
import { accountFor, assertReachable, type RunAs } from './run-as.js';
import { isPostgres, removeStaleFile, type ServerProcess, spawnServer, stopServer } from './server-process.js';
import { isSocketThere, removeOtherSockets } from './socket.js';
import { forgetServer, stopWithParent } from './stop-with-parent.js';

export interface EmbeddedPostgresOptions {
  /** Folder of the data; made when missing. Belongs to one running process at a time. */
  readonly dataDir: string;
  /** Called with one line for each step that takes a while. */
  readonly onProgress?: (line: string) => void;
  /** Overrides of postgresql.conf, for tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether a server that ended unasked stays down, for tests; default `false`. */
  readonly staysDown?: boolean;
}

export interface EmbeddedPostgres {
  /** Of the server that runs, or ran last. */
  readonly pid: number;
  readonly port: number;
  /** Whether an earlier process had left it running. */
  readonly adopted: boolean;
  /** The superuser's address of a database; default `sallyport`, which exists. */
  url(database?: string): string;
  /**
   * The same by the server's Unix socket, which costs a fifth less for each statement; by TCP where there is none. The socket's folder stands in the
   * query (`host`), so take the address apart to change it.
   */
  localUrl(database?: string): string;
  /** Fast shutdown: ends every connection, keeps every commit, resolves when the process is gone. A second call waits for the same. */
  stop(): Promise<void>;
}

/** The database of the product in the embedded cluster. */
export const EMBEDDED_DATABASE = 'sallyport';

/** "own" and a version, in ASCII: the lock that makes one process the owner of a running server. PostgreSQL frees it when the owner dies. */
const OWNER_LOCK = 0x6f776e31;
const ADOPT_TIMEOUT_MS = 30_000;
const OWNER_WAIT_MS = 2_000;
const POLL_MS = 25;
const ATTEMPTS = 4;
/** Between two attempts to have a server back that ended unasked. */
const REVIVAL_PAUSE_MS = 1_000;

/**
 * Starts PostgreSQL from the npm package of its binaries on a random port of 127.0.0.1 and on a Unix socket in the folder, creating its data on first use, or adopts the one
 * that a killed process left running on the same folder. Started by root it runs as the folder's owner or `nobody`.
 * Ends with this process on every way out but `kill -9`. A server that ends unasked (killed by the system, say, when memory is short) is
 * started again on the same port, with everything it had committed, for as long as it takes.
 * Throws `store.platform-unsupported`, and `store.start-failed` with one line that says what to do: folder in use, read-only, not ours,
 * disk full, closed to the account. Nothing keeps running then.
 */
export const startEmbeddedPostgres = async (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const onProgress = options.onProgress ?? (() => {});
  const dataFolder = resolve(options.dataDir);
  const binaries = locateBinaries();
  const account = prepareFolder(dataFolder, binaries);
  if (!isInitialized(dataFolder)) {
    onProgress('Creating the database (once, a few seconds)');
    await initializeCluster(dataFolder, binaries, account);
  }
  assertVersionFits(dataFolder, binaries);
  const place: Place = { dataFolder, clusterFolder: clusterFolderOf(dataFolder), binaries, account, password: readPassword(dataFolder) };
  const server = new OwnedServer(place, options, onProgress, await ownServer(place, options, onProgress));
  try {
    await server.begin();
  } catch (error) {
    await server.stop();
    throw folderFault(dataFolder, error);
  }
  return server;
};

/** A server of which this process is the owner, until it stops it. */
class OwnedServer implements EmbeddedPostgres {
  readonly port: number;
  readonly adopted: boolean;
  private reviving: Promise<void> = Promise.resolve();
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly place: Place,
    private readonly options: EmbeddedPostgresOptions,
    private readonly onProgress: (line: string) => void,
    private owned: Owned,
  ) {
    this.port = owned.server.port;
    this.adopted = owned.adopted;
  }

  get pid(): number {
    return this.owned.server.pid;
  }

  url(database = EMBEDDED_DATABASE): string {
    return urlOf(this.port, this.place.password, database);
  }

  localUrl(database = EMBEDDED_DATABASE): string {
    const { dataFolder } = this.place;
    const url = new URL(this.url(database));
    if (isSocketThere(dataFolder, this.port)) url.searchParams.set('host', dataFolder);
    return url.href;
  }

  async begin(): Promise<void> {
    this.watch();
    removeOtherSockets(this.place.dataFolder, this.port);
    await ensureDatabase(this.owned.keeper);
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    await this.reviving;
    await stopOwned(this.place, this.owned.server, this.owned.keeper);
  }

  /** The connection that holds the owner's lock ends with the server, and with each of its own recoveries. */
  private watch(): void {
    const { server, keeper } = this.owned;
    stopWithParent(server.pid);
    if (this.options.staysDown === true) return;
    keeper.once('end', () => {
      if (this.stopping === undefined) this.reviving = this.revive();
    });
  }

  private async revive(): Promise<void> {
    this.onProgress('PostgreSQL ended by itself');
    forgetServer(this.owned.server.pid);
    while (this.stopping === undefined) {
      try {
        this.owned = await ownServer(this.place, { ...this.options, port: this.port }, this.onProgress);
        this.watch();
        return;
      } catch (error) {
        this.onProgress(`PostgreSQL does not start again, and is tried anew: ${error instanceof Error ? error.message : String(error)}`);
        await delay(REVIVAL_PAUSE_MS);
      }
    }
  }
}

interface Place {
  readonly dataFolder: string;
  readonly clusterFolder: string;
  readonly binaries: PostgresBinaries;
  readonly account: RunAs | undefined;
  readonly password: string;
}

interface Owned {
  readonly server: ServerProcess;
  /** The connection that holds the owner's lock. */
  readonly keeper: pg.Client;
  readonly adopted: boolean;
}

const urlOf = (port: number, password: string, database: string): string =>
  `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${plainIdentifier(database)}`;

/** One level after the other: Node's recursive mkdir reports a read-only file system as a missing folder. */
const makeFolder = (folder: string): void => {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  if (folder !== dirname(folder)) makeParents(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
};

const makeParents = (folder: string): void => {
  if (existsSync(folder)) return;
  makeParents(dirname(folder));
  mkdirSync(folder);
};

const prepareFolder = (dataFolder: string, binaries: PostgresBinaries): RunAs | undefined => {
  try {
    const account = accountFor(isInitialized(dataFolder) ? clusterFolderOf(dataFolder) : dataFolder);
    makeFolder(dataFolder);
    assertReachable(dirname(dataFolder), account);
    if (account !== undefined) chownSync(dataFolder, account.uid, account.gid);
    assertReachable(dataFolder, account);
    assertReachable(join(binaries.folder, 'native', 'bin'), account);
    return account;
  } catch (error) {
    throw folderFault(dataFolder, error);
  }
};

const ownServer = async (
  place: Place,
  options: Pick<EmbeddedPostgresOptions, 'settings'> & { readonly port?: number },
  onProgress: (line: string) => void,
): Promise<Owned> => {
  for (let attempt = 1; ; attempt++) {
    const left = await adopt(place, onProgress);
    if (left !== undefined) return { ...left, keeper: await own(place, left.keeper, left.server), adopted: true };
    try {
      onProgress('Starting PostgreSQL');
      const { binaries, ...where } = place;
      const server = await spawnServer({ ...where, postgres: binaries.postgres, settings: options.settings, port: options.port });
      return { server, keeper: await own(place, await connect(place, server.port), server), adopted: false };
    } catch (error) {
      // Another start came first, or took the port: look again.
      const lostRace =
        error instanceof Error && /lock file "postmaster\.pid" already exists|could not create any TCP\/IP sockets/.test(error.message);
      if (!lostRace || attempt === ATTEMPTS) throw folderFault(place.dataFolder, error);
    }
  }
};

const connect = async (place: Place, port: number): Promise<pg.Client> => {
  const client = new pg.Client({
    connectionString: urlOf(port, place.password, 'postgres'),
    application_name: 'sallyport-owner',
    connectionTimeoutMillis: 5_000,
  });
  // The server may stop under it; who uses it next learns of that.
  client.on('error', () => {});
  await client.connect();
  return client;
};

/** The server that runs on this cluster, once it answers; `undefined` when there is none. One that does not answer is stopped. */
const adopt = async (place: Place, onProgress: (line: string) => void): Promise<Pick<Owned, 'server' | 'keeper'> | undefined> => {
  const deadline = performance.now() + ADOPT_TIMEOUT_MS;
  let told = false;
  for (;;) {
    const file = readPostmasterFile(place.clusterFolder);
    if (file === undefined || !isAlive(file.pid)) return undefined;
    if (!isPostgres(file.pid)) {
      removeStaleFile(place.clusterFolder);
      return undefined;
    }
    if (!told) onProgress('Found a PostgreSQL that is still running');
    told = true;
    const server = { pid: file.pid, port: file.port };
    try {
      const keeper = await connect(place, file.port);
      if (await servesCluster(keeper, place.clusterFolder)) return { server, keeper };
      await keeper.end();
      removeStaleFile(place.clusterFolder);
      return undefined;
    } catch {
      if (performance.now() > deadline) {
        await stopServer(place.clusterFolder, server);
        return undefined;
      }
    }
    await delay(POLL_MS);
  }
};

const servesCluster = async (client: pg.Client, clusterFolder: string): Promise<boolean> => {
  const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
  return rows[0]?.data_directory === clusterFolder;
};

/** Takes the owner's lock; throws `store.start-failed` when a living process holds it. The dead one's may take a moment to fall. */
const own = async (place: Place, keeper: pg.Client, server: ServerProcess): Promise<pg.Client> => {
  const deadline = performance.now() + OWNER_WAIT_MS;
  for (;;) {
    const { rows } = await keeper.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [OWNER_LOCK]);
    if (rows[0]?.got === true) return keeper;
    if (performance.now() > deadline) break;
    await delay(POLL_MS);
  }
  await keeper.end().catch(() => {});
  throw new AppError(
    'store.start-failed',
    `${place.dataFolder} is in use by another Sallyport (its PostgreSQL is process ${server.pid}): stop that one first, or keep the data elsewhere`,
  );
};

const ensureDatabase = async (keeper: pg.Client): Promise<void> => {
  const present = await keeper.query('SELECT 1 FROM pg_database WHERE datname = $1', [EMBEDDED_DATABASE]);
  if (present.rowCount === 0) await keeper.query(`CREATE DATABASE ${EMBEDDED_DATABASE}`);
};

const stopOwned = async (place: Place, server: ServerProcess, keeper: pg.Client): Promise<void> => {
  await stopServer(place.clusterFolder, server);
  forgetServer(server.pid);
  await keeper.end().catch(() => {});
};
