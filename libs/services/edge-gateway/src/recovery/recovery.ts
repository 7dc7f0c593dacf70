import type { EventLog, Subscription } from '@sallyport/log';
import { postgresPositions } from '@sallyport/log';
import type { Clock, Database, Logger, Telemetry } from '@sallyport/platform';
import { FollowCalls } from './follow-calls.js';
import { CALL_TOPIC, RECOVERY_GROUP, RecoverLostCalls } from './recover-lost-calls.js';
import { ResolveCalls } from './resolve-calls.js';

/** Time between two looks at what was lost, a quarter more or less, so that replicas do not look all at once. */
const SWEEP_MS = 5_000;
/** A batch gathers so long: most calls begin and end within one and cost nothing. */
const GATHER_MS = 500;
const GATHER_BYTES = 4 * 1024 * 1024;
const BATCH_RECORDS_MAX = 4_000;

export interface RecoveryDependencies {
  /** With `EDGE_GATEWAY_MIGRATIONS` applied. */
  readonly database: Database;
  readonly log: EventLog;
  /** As in `StoryDependencies`: of the gateway that recovers. */
  readonly source: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** Follows which calls are open and ends those whose gateway was lost. Every gateway runs it; the group and row locks share the work. */
export class Recovery {
  readonly calls: ResolveCalls;
  readonly lost: RecoverLostCalls;
  private readonly following: FollowCalls;
  private subscription: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();
  private readonly ending = new AbortController();

  constructor(private readonly dependencies: RecoveryDependencies) {
    this.calls = new ResolveCalls(dependencies);
    this.lost = new RecoverLostCalls(dependencies);
    this.following = new FollowCalls(dependencies.database);
  }

  /** Follows calls, and looks for lost ones from now on. Throws `log.unavailable`. */
  async start(): Promise<void> {
    await this.follow();
    this.schedule();
  }

  /** Follows calls alone. Throws `log.unavailable`. */
  async follow(): Promise<void> {
    const { log, database } = this.dependencies;
    this.subscription = await log.subscribe({
      group: RECOVERY_GROUP,
      topics: [CALL_TOPIC],
      from: 'earliest',
      // Everything counts as handled, whatever it is: positions must come to the end of the log.
      positions: postgresPositions(database),
      pauseMs: GATHER_MS,
      gatherBytes: GATHER_BYTES,
      batchRecordsMax: BATCH_RECORDS_MAX,
      handle: (batch) => this.following.handle(batch),
    });
  }

  /** Finishes the sweep and the batch in hand. */
  async close(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.timer);
    await this.sweeping;
    await this.subscription?.close();
  }

  private schedule(): void {
    if (this.ending.signal.aborted) return;
    this.timer = setTimeout(
      () => {
        this.sweeping = this.sweep().then(() => this.schedule());
      },
      SWEEP_MS * (0.75 + Math.random() / 2),
    ).unref();
  }

  private async sweep(): Promise<void> {
    await this.lost
      .sweep(this.ending.signal)
      .catch((err: unknown) => this.dependencies.logger.warn({ err }, 'lost calls could not be recovered; they are tried again'));
  }
}
