import type { ApprovalPorts } from '../approval.ports.js';
import type { ApprovalOutbox } from '../approval-outbox.js';
import { applyCommand, callsToTell, recordsOfApplied } from '../requests/apply-command.js';
import { claimDue, dropEnded, nextDueMs, readCalls, updateApproval } from '../requests/approval.store.js';
import type { EventSource } from '../requests/approval-events.js';
import { acrossTenants } from '../tenant-scope.js';

/** Requests ended in one transaction. */
const BATCH = 100;
/** How long a request that another replica was asked may be overdue before this one notices. */
const POLL_MS = 5_000;
/** How long what ended can be looked up and counts in the history of others like it. The record keeps its events for as long as itself. */
const KEPT_MS = 90 * 86_400_000;
/** How often what is older is looked for. */
const DROP_EVERY_MS = 3_600_000;

/**
 * Ends what nobody answered in time. What is due stands in PostgreSQL: one timer for the next of all, none for each, so that a restart or
 * the end of a replica delays nothing. An answer that comes after its time is refused whether or not this ran.
 */
export class EndInSilence {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopped = true;
  private nextDropMs = 0;

  constructor(
    private readonly ports: Pick<ApprovalPorts, 'database' | 'clock' | 'onFault'>,
    private readonly outbox: ApprovalOutbox,
    private readonly source: EventSource,
  ) {}

  start(): void {
    this.stopped = false;
    this.schedule(0);
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.running;
  }

  /** Ends all that is due now; resolves to how many. What another replica is ending is left to it. Throws `store.unavailable`. */
  async endDue(): Promise<number> {
    let ended = 0;
    for (;;) {
      const count = await this.endSome();
      ended += count;
      if (count < BATCH) return ended;
    }
  }

  /** Drops requests that ended more than 90 days ago, with their votes and waits; resolves to how many. Throws `store.unavailable`. */
  async dropOld(): Promise<number> {
    const { database, clock } = this.ports;
    let dropped = 0;
    for (;;) {
      const count = await acrossTenants(database, (tx) => dropEnded(tx, clock.nowMs() - KEPT_MS, BATCH));
      dropped += count;
      if (count < BATCH) return dropped;
    }
  }

  private async endSome(): Promise<number> {
    const { database, clock } = this.ports;
    const { staged, count } = await acrossTenants(database, async (tx) => {
      const nowMs = clock.nowMs();
      const due = await claimDue(tx, nowMs, BATCH);
      const records = [];
      for (const request of due) {
        const applied = applyCommand(request, { type: 'Expire', nowMs });
        await updateApproval(tx, applied.approval);
        records.push(...recordsOfApplied(this.source, applied, await readCalls(tx, request.tenantId, callsToTell(request))));
      }
      return { staged: await this.outbox.stage(tx, records), count: due.length };
    });
    await this.outbox.publish(staged);
    return count;
  }

  private schedule(delayMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.run();
    }, delayMs);
    this.timer.unref();
  }

  private async run(): Promise<void> {
    let delayMs = POLL_MS;
    try {
      await this.outbox.retry();
      await this.endDue();
      const nowMs = this.ports.clock.nowMs();
      if (nowMs >= this.nextDropMs) {
        await this.dropOld();
        this.nextDropMs = nowMs + DROP_EVERY_MS;
      }
      const next = await acrossTenants(this.ports.database, nextDueMs);
      if (next !== null) delayMs = Math.min(Math.max(next - this.ports.clock.nowMs(), 0), POLL_MS);
    } catch (error) {
      this.ports.onFault('ending what nobody answered in time', error);
    }
    this.schedule(delayMs);
  }
}
