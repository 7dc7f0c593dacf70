import type { OutboxPublisher } from '@sallyport/log';
import { AUDIT_GROUP, type AuditFaultReport, type AuditProjectorPorts, DECISION_GRACE_SECONDS_DEFAULT } from './audit-projector.ports.js';
import { releaseOverdue } from './calls/released-calls.js';
import type { CheckpointWriter } from './checkpoints/checkpoint-writer.js';
import { acrossTenants } from './tenant-scope.js';

/** Often enough that a checkpoint is no later than its interval and a second, and an overdue call no later than its grace and a second. */
const TICK_MS = 1_000;

/** What is to be done as time passes: checkpoints that are due, calls that waited long enough. */
export class AuditUpkeep {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly ports: AuditProjectorPorts,
    private readonly outbox: OutboxPublisher,
    private readonly checkpoints: CheckpointWriter,
  ) {}

  /** Publishes what the last process left, then keeps going until `stop`. */
  start(): void {
    this.running = this.attempt('publish', () => this.outbox.publishLeftovers());
    this.schedule();
  }

  /** Ends after the work in hand and a last checkpoint, so that a record at rest is signed to its end. Never throws. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    await this.attempt('checkpoint', () => this.checkpoints.write());
  }

  /** Does now what is due. */
  async tick(): Promise<void> {
    // What could not be published while the log was away waits in the outbox.
    if (this.ports.logInSameDatabase !== true) await this.attempt('publish', () => this.outbox.publishLeftovers());
    await this.attempt('release', () => this.release());
    await this.attempt('checkpoint', () => this.checkpoints.writeWhenDue());
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.running = this.tick().then(() => {
        if (!this.stopped) this.schedule();
      });
    }, TICK_MS);
    this.timer.unref();
  }

  private async release(): Promise<void> {
    const graceSeconds = this.ports.decisionGraceSeconds ?? DECISION_GRACE_SECONDS_DEFAULT;
    const source = { source: `/${AUDIT_GROUP}/${this.ports.instance}`, nowIso: () => this.ports.clock.nowIso() };
    const staged = await acrossTenants(this.ports.database, async (tx) =>
      this.outbox.stage(tx, await releaseOverdue(tx, graceSeconds, source)),
    );
    await this.outbox.publish(staged);
  }

  private async attempt(doing: AuditFaultReport['doing'], work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.ports.onFault?.({ doing, error });
    }
  }
}
