import { AppError, eventTypeOf } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import type { Clock, Logger, Sql } from '@sallyport/platform';

/** Time between two signs of life. */
const HEARTBEAT_MS = 3_000;
/** So long after the last sign of life that the database took, this process still sends. */
const LEASE_MS = 10_000;
/**
 * No byte goes out later than the lease and the second of a decision after a sign of life (`DECISION_AGE_MS_MAX`), so a run that was replaced
 * is given up after this, and one that merely fell silent, with more patience for a database that is away.
 */
const SILENT_SECONDS_REPLACED = 15;
export const SILENT_SECONDS = 30;
/** Events of a version before this one name no run. */
const NAMELESS_HOURS = 1;
/** Runs that fell silent before this are forgotten. */
const FORGOTTEN_DAYS = 7;

/** Who wrote an event of a call. */
export interface Writer {
  readonly edgeId: string;
  /** Empty where the source names no run. */
  readonly bootId: string;
}

/** Reads `/edge-gateway/<instance>/<run>`. */
export const writerOf = (source: string): Writer => {
  const [, , edgeId = '', bootId = ''] = source.split('/');
  return { edgeId, bootId };
};

/** SQL: whether the run `run` (a row of `edge_instances` or none) that wrote the open call `call` will tell nothing any more. By the database's clock. */
export const IS_LOST = `CASE
  WHEN run.boot_id IS NULL THEN call.boot_id <> '' OR call.opened_at < now() - interval '${NAMELESS_HOURS} hours'
  WHEN run.ended_at IS NOT NULL THEN true
  WHEN run.seen_at < now() - interval '${SILENT_SECONDS} seconds' THEN true
  ELSE run.seen_at < now() - interval '${SILENT_SECONDS_REPLACED} seconds' AND EXISTS (
    SELECT FROM edge_instances later WHERE later.edge_id = run.edge_id AND later.started_at > run.started_at) END`;

/**
 * One run of one gateway instance: tells the others that it lives, and stops itself from sending when it could not tell them. Between a sign of
 * life that the others saw and the moment they take its calls over lies more time than its lease, so a run that was frozen or cut off from
 * the database sends nothing for a call that was declared lost.
 */
export class Incarnation {
  /** Monotonic; before the last sign of life that the database took was asked for. */
  private seenAtMs: number | null = null;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> = Promise.resolve();
  private hasEnded = false;

  constructor(
    readonly writer: Writer,
    private readonly sql: Sql,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the others know of this run. Throws `store.unavailable`. */
  async start(): Promise<void> {
    await this.beat();
    // What is not there counts as lost: dropping a row says nothing new.
    await this.sql.query(`DELETE FROM edge_instances WHERE seen_at < now() - interval '${FORGOTTEN_DAYS} days'`);
    this.timer = setInterval(() => {
      this.beating = this.beat().catch((err: unknown) => this.logger.warn({ err }, 'no sign of life could be given'));
    }, HEARTBEAT_MS).unref();
  }

  /** Whether others still count on this run to end its calls by itself. */
  isAlive(): boolean {
    return !this.hasEnded && this.seenAtMs !== null && this.clock.monotonicMs() - this.seenAtMs <= LEASE_MS;
  }

  /** Ends this run: what it left open is recovered at once. Sends nothing from now on. */
  async end(): Promise<void> {
    this.hasEnded = true;
    clearInterval(this.timer);
    await this.beating;
    const { edgeId, bootId } = this.writer;
    await this.sql
      .query('UPDATE edge_instances SET ended_at = now() WHERE edge_id = $1 AND boot_id = $2', [edgeId, bootId])
      // Then it is found by its silence.
      .catch(() => {});
  }

  /** The log, without dispatches while this run is not known to live. Throws `store.unavailable` for those; nothing is appended then. */
  guard(log: Pick<EventLog, 'append' | 'isHealthy'>): Pick<EventLog, 'append' | 'isHealthy'> {
    return {
      append: (records) => {
        const isSending = records.some(({ headers }) => eventTypeOf(headers) === 'ToolCallDispatched');
        if (isSending && !this.isAlive())
          return Promise.reject(new AppError('store.unavailable', 'no sign of life could be given, so nothing may be sent'));
        return log.append(records);
      },
      isHealthy: () => log.isHealthy(),
    };
  }

  private async beat(): Promise<void> {
    const askedAtMs = this.clock.monotonicMs();
    const { edgeId, bootId } = this.writer;
    await this.sql.query({
      name: 'sign-of-life',
      text: `INSERT INTO edge_instances (edge_id, boot_id) VALUES ($1, $2)
             ON CONFLICT (edge_id, boot_id) DO UPDATE SET seen_at = now()`,
      values: [edgeId, bootId],
    });
    this.seenAtMs = askedAtMs;
  }
}
