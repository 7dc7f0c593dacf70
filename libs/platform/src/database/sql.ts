/** One statement. A `name` makes it a prepared statement, planned once per connection: give hot statements a name that is unique to their text. */
export interface SqlStatement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** The answer to a statement. `bigint` columns arrive as strings, so that no position loses digits. */
export interface SqlResult<R> {
  readonly rows: R[];
  /** Rows returned or changed. */
  readonly rowCount: number;
}

/**
 * Runs statements with `search_path` at the service's schema. Statements of one transaction that are not awaited one by one travel together and
 * run in the order they were made; after one that fails, those behind it fail too, and the transaction with them.
 * Throws `store.unavailable` when PostgreSQL cannot be reached, gives up or runs out of time or room; every other fault (a constraint, a
 * serialization failure) arrives as the driver's own error with its SQLSTATE in `code`.
 */
export interface Sql {
  query<R = Record<string, unknown>>(statement: string | SqlStatement, values?: readonly unknown[]): Promise<SqlResult<R>>;
}

export interface TransactionOptions {
  /**
   * `false` lets COMMIT return before its WAL is on disk: a crash may lose the transaction whole, never half of it, and never a later
   * synchronous one that it precedes. For results that nobody waits for.
   */
  readonly synchronousCommit?: boolean;
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
}

export interface OpeningOptions<O> extends TransactionOptions {
  /**
   * Statements that travel with BEGIN, one round trip for all; what they answer is given to the work. They must change nothing that outlives
   * the transaction, locks and settings of it alone: should BEGIN itself be given up, they ran without one.
   */
  readonly opening: (tx: Sql) => Promise<O>;
}

/** Stops a `listen`. */
export interface Listening {
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly channel: string;
  /** Called for every notification; must not throw. */
  readonly onNotification: (payload: string) => void;
  /** Called when the connection came back after a loss: notifications of the meantime are gone, read the table. */
  readonly onGap?: () => void;
}

/** A service's own schema in PostgreSQL. */
export interface Database extends Sql {
  readonly schema: string;
  /**
   * Runs `work` in one transaction on one connection. Commits when it resolves; rolls back and rethrows when it rejects. It resolves after every
   * statement that it made.
   * Throws `store.unavailable` when the connection is lost; lost during COMMIT, the outcome is unknown.
   */
  transaction<O, T>(work: (tx: Sql, opened: O) => Promise<T>, options: OpeningOptions<O>): Promise<T>;
  transaction<T>(work: (tx: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Waits for notifications on a connection of its own, which is opened again after a loss. Resolves once the first LISTEN is in force. */
  listen(options: ListenOptions): Promise<Listening>;
  /** Whether PostgreSQL answers now. Never throws. */
  isHealthy(): Promise<boolean>;
  /** Closes every connection; statements that run end first. A second call does nothing. */
  close(): Promise<void>;
}
