import type { Writable } from 'node:stream';
import pg from 'pg';
import { plainIdentifier } from './identifier.js';
import { listenOn } from './listening.js';
import { type MigrationClass, runMigrations } from './migrations.js';
import type { Database, Listening, ListenOptions, OpeningOptions, Sql, SqlResult, SqlStatement, TransactionOptions } from './sql.js';
import { isConnectionFault, toStoreError } from './store-error.js';

export interface DatabaseOptions {
  /** Where the service's role connects: `postgresql://role:password@host:port/database`. */
  readonly url: string;
  /** Where migrations connect, when another role owns the schema. Default: `url`. */
  readonly migrationsUrl?: string;
  readonly schema: string;
  /** Seen in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly migrations: readonly MigrationClass[];
  /** Most connections of this process to this schema; default 8. */
  readonly poolMax?: number;
  /** How long to wait for a connection before `store.unavailable`; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** After how long PostgreSQL gives up a statement; default 30,000. 2 s later its connection is given up. */
  readonly statementTimeoutMs?: number;
}

/** Beyond the time of a statement, for PostgreSQL to say that it gave it up. */
const SILENCE_MS = 2_000;

/**
 * Opens a service's schema: runs what is missing of its migrations, then keeps a pool of connections that find their tables by
 * `search_path`. A connection that breaks is dropped and replaced, and never ends the process.
 * Throws `store.unavailable` when PostgreSQL does not answer; what a migration throws arrives as it is, with its changes rolled back.
 */
export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const schema = plainIdentifier(options.schema);
  const connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
  const statementTimeoutMs = options.statementTimeoutMs ?? 30_000;
  try {
    await runMigrations({
      url: options.migrationsUrl ?? options.url,
      schema,
      applicationName: options.applicationName,
      migrations: options.migrations,
      connectTimeoutMs,
    });
  } catch (error) {
    throw toStoreError(error, `migrating ${schema}`);
  }
  const connection: pg.ClientConfig = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // A server that fell silent, or a network that lost it, gives up nothing: the connection goes, with all that is under way on it.
    query_timeout: statementTimeoutMs + SILENCE_MS,
    // A transaction that its owner forgot must not hold locks for ever.
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    // Statements go out without waiting for the answers to those before them.
    pipeline: true,
    options: `-c search_path=${schema}`,
  };
  return new PostgresDatabase(schema, connection, options.poolMax ?? 8);
};

class PostgresDatabase implements Database {
  private readonly pool: pg.Pool;
  private readonly listenings = new Set<Listening>();
  private closing: Promise<void> | undefined;

  constructor(
    readonly schema: string,
    private readonly connection: pg.ClientConfig,
    poolMax: number,
  ) {
    this.pool = new pg.Pool({ ...connection, max: poolMax, idleTimeoutMillis: 30_000 });
    // The pool drops an idle connection that breaks; without a listener Node would end the process.
    this.pool.on('error', () => {});
    // The pool stops listening when it hands a connection out, and what ends it may come before its taker listens: in the same read.
    this.pool.on('connect', (client) => client.on('error', () => {}));
  }

  query<R = Record<string, unknown>>(statement: string | SqlStatement, values?: readonly unknown[]): Promise<SqlResult<R>> {
    return run<R>(this.pool, statement, values);
  }

  transaction<O, T>(work: (tx: Sql, opened: O) => Promise<T>, options: OpeningOptions<O>): Promise<T>;
  transaction<T>(work: (tx: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>;
  async transaction<O, T>(
    work: (tx: Sql, opened: O | undefined) => Promise<T>,
    options: TransactionOptions & Partial<OpeningOptions<O>> = {},
  ): Promise<T> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw toStoreError(error, 'connecting');
    });
    let ended = false;
    let broken: Error | undefined;
    const onBroken = (error: Error): void => {
      broken = error;
    };
    client.on('error', onBroken);
    try {
      const tx: Sql = {
        // What comes too late would run, and last, without a transaction.
        query: (statement, values) => {
          if (ended) return Promise.reject(new Error('the transaction has ended'));
          gather(client);
          return run(client, statement, values);
        },
      };
      gather(client);
      const [, opened] = await Promise.all([run(client, beginOf(options)), options.opening?.(tx)]);
      const result = await work(tx, opened);
      ended = true;
      await commit(client);
      return result;
    } catch (error) {
      ended = true;
      broken ??= await rollBack(client);
      throw toStoreError(error, 'in a transaction');
    } finally {
      client.off('error', onBroken);
      // A connection whose state is not known goes, or its transaction would leak into the next one.
      client.release(broken);
    }
  }

  async listen(options: ListenOptions): Promise<Listening> {
    const listening = await listenOn(this.connection, options);
    this.listenings.add(listening);
    return {
      close: () => {
        this.listenings.delete(listening);
        return listening.close();
      },
    };
  }

  async isHealthy(): Promise<boolean> {
    try {
      await this.query('SELECT 1');
      return true;
    } catch {
      return false;
    }
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      await Promise.all([...this.listenings].map((listening) => listening.close()));
      await this.pool.end();
    })();
    return this.closing;
  }
}

const beginOf = ({ isolation, synchronousCommit }: TransactionOptions): string =>
  [
    `BEGIN${isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation}`}`,
    ...(synchronousCommit === false ? ['SET LOCAL synchronous_commit = off'] : []),
  ].join('; ');

/** Sends the statements that are made at one stretch in one write: each wakes the server, and what wakes it costs more than what it does. */
const gather = ({ connection }: { readonly connection?: { readonly stream: Writable } }): void => {
  if (connection === undefined) return;
  const { stream } = connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
};

/** A statement that failed unheard has undone the transaction, and PostgreSQL answers COMMIT all the same. */
const commit = async (client: pg.PoolClient): Promise<void> => {
  const { command } = await client.query('COMMIT');
  if (command !== 'COMMIT') throw new Error('a statement of the transaction had failed');
};

const rollBack = async (client: pg.PoolClient): Promise<Error | undefined> => {
  try {
    await client.query('ROLLBACK');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error('ROLLBACK failed', { cause: error });
  }
};

interface Queryable {
  query(config: pg.QueryConfig): Promise<pg.QueryResult>;
}

const NUL = '\u0000';
const REPLACEMENT = '\ufffd';

/**
 * No text of PostgreSQL can hold a NUL, and a consumer that was refused for one would never get past it: what came from strangers is stored
 * with U+FFFD in its place. Events keep theirs, as their JSON escapes it.
 */
const storable = (value: unknown): unknown => {
  if (typeof value === 'string') return value.includes(NUL) ? value.replaceAll(NUL, REPLACEMENT) : value;
  return Array.isArray(value) ? value.map(storable) : value;
};

const run = async <R>(on: Queryable, statement: string | SqlStatement, values?: readonly unknown[]): Promise<SqlResult<R>> => {
  const { name, text, values: own } = typeof statement === 'string' ? { name: undefined, text: statement, values: undefined } : statement;
  const parameters = values ?? own;
  try {
    const result = await on.query({ name, text, values: parameters === undefined ? undefined : parameters.map(storable) });
    return { rows: result.rows, rowCount: result.rowCount ?? 0 };
  } catch (error) {
    if (!isConnectionFault(error)) throw error;
    throw toStoreError(error, name ?? 'a statement');
  }
};
