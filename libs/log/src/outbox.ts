import { type Database, type Sql, textArray } from '@sallyport/platform';
import { type EventLog, isTransactional, type LogRecord } from './event-log.port.js';

/** Records staged in a transaction, to be published after its commit. */
export interface StagedRecords {
  readonly numbers: readonly string[];
  readonly records: readonly LogRecord[];
  /** Hands over what was appended within the transaction itself. */
  readonly announce?: () => void;
}

interface OutboxRow {
  readonly number: string;
  readonly topic: string;
  readonly key: string;
  readonly id: string;
  readonly headers: string;
  readonly value: string;
}

const STAGE = `INSERT INTO outbox (topic, key, id, headers, value)
  SELECT topic, key, id, headers, value FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS r(topic, key, id, headers, value, n) ORDER BY n RETURNING number`;

const LEFTOVERS = 'SELECT number, topic, key, id, headers, value FROM outbox ORDER BY number LIMIT 500';
/** Nobody waits for the disk: what a crash brings back is published again, as if the crash had come before it was deleted. */
const DELETE = `WITH quietly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS how)
  DELETE FROM outbox USING quietly WHERE number = ANY($1) AND how = 'off'`;

/** Writes records into the outbox of the service's schema, in the transaction of the state they belong to. */
export const appendToOutbox = async (tx: Sql, records: readonly LogRecord[]): Promise<StagedRecords> => {
  if (records.length === 0) return { numbers: [], records };
  const { rows } = await tx.query<{ number: string }>({
    name: 'sallyport-stage',
    text: STAGE,
    values: [
      textArray(records.map(({ topic }) => topic)),
      textArray(records.map(({ key }) => key)),
      textArray(records.map(({ id }) => id)),
      textArray(records.map(({ headers }) => JSON.stringify(headers))),
      textArray(records.map(({ value }) => value)),
    ],
  });
  return { numbers: rows.map(({ number }) => number), records };
};

/**
 * Publishes what transactions staged. One per service and process. What was not published, because the log was away or the process died
 * between COMMIT and append, goes out first, in the order it was staged; an append whose outcome is unknown is repeated, and consumers
 * drop the second by its id.
 */
export class OutboxPublisher {
  private behind = true;
  private lane: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Database,
    private readonly log: EventLog,
    /** Whether the log is in the same database as `db`: records are then appended in the transaction itself, with no outbox between. */
    private readonly sameDatabase = false,
  ) {}

  /** Stages records within the transaction; make it the last statement. */
  async stage(tx: Sql, records: readonly LogRecord[]): Promise<StagedRecords> {
    if (this.sameDatabase && isTransactional(this.log)) {
      return { numbers: [], records: [], announce: await this.log.appendIn(tx, records) };
    }
    return appendToOutbox(tx, records);
  }

  /** Publishes staged records after their commit. Rejects with `log.unavailable` or `store.unavailable`: they stay staged, in order. */
  publish(staged: StagedRecords): Promise<void> {
    if (staged.announce !== undefined) {
      staged.announce();
      return Promise.resolve();
    }
    if (staged.records.length === 0) return Promise.resolve();
    return this.inOrder(async () => {
      // Leftovers hold these records too: they are committed, so nothing is left to do for them.
      if (this.behind) return this.sendLeftovers();
      this.behind = true;
      await this.log.append(staged.records);
      await this.db.query({ name: 'sallyport-published', text: DELETE, values: [staged.numbers] });
      this.behind = false;
    });
  }

  /** Publishes all that is staged. Call it before new work: at start, and whenever partitions moved over. */
  publishLeftovers(): Promise<void> {
    return this.inOrder(() => this.sendLeftovers());
  }

  private async sendLeftovers(): Promise<void> {
    this.behind = true;
    for (;;) {
      const { rows } = await this.db.query<OutboxRow>(LEFTOVERS);
      if (rows.length === 0) break;
      await this.log.append(rows.map(({ topic, key, id, headers, value }) => ({ topic, key, id, headers: JSON.parse(headers), value })));
      await this.db.query(DELETE, [rows.map(({ number }) => number)]);
    }
    this.behind = false;
  }

  private inOrder(work: () => Promise<void>): Promise<void> {
    const result = this.lane.then(work);
    this.lane = result.catch(() => {});
    return result;
  }
}
