import type { OutboxPublisher } from '@sallyport/log';
import type { BudgetAccountantPorts } from '../budget-accountant.ports.js';
import { budgetRecord } from '../ledger/account-calls.js';
import type { LedgerStore } from '../ledger/ledger.store.js';
import { keyOf } from '../ledger/ledger.store.js';
import { accountsOfCall, LedgerBatch } from '../ledger/ledger-batch.js';
import type { Terms } from '../ledger/terms.js';

/** Often enough that a hold expires no later than its grace and a second. */
const TICK_MS = 1_000;
const FORGET_EVERY_MS = 3_600_000;
/** A second event of an ended call comes within minutes or not at all. */
const CALLS_KEPT_MS = 24 * 3_600_000;
/** Longer than a month and its grace: no window of such an account counts any more. */
const ACCOUNTS_KEPT_MS = 62 * 24 * 3_600_000;
const SWEEP_CALLS_MAX = 500;
/** Looks at the first row alone, by its number: until they are vacuumed the table holds all that was ever staged, and to go through it took 80 ms. */
export const FORSAKEN = `SELECT 1 FROM (SELECT staged_at FROM outbox ORDER BY number LIMIT 1) AS first
  WHERE staged_at < now() - interval '2 seconds'`;

/** What is to be done as time passes: publish what could not be published, end holds that nobody ends, forget what is over. */
export class LedgerUpkeep {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;
  private forgottenAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly ports: BudgetAccountantPorts,
    private readonly store: LedgerStore,
    private readonly terms: Terms,
    private readonly outbox: OutboxPublisher,
  ) {}

  /** Keeps going until `stop`. */
  start(): void {
    this.timer = setTimeout(() => {
      this.running = this.tick().then(() => {
        if (!this.stopped) this.start();
      });
    }, TICK_MS);
    this.timer.unref();
  }

  /** Ends after the work in hand. Never throws. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Does now what is due. Never throws. */
  async tick(): Promise<void> {
    if (this.ports.logInSameDatabase !== true) await this.attempt('publishing leftovers', () => this.publishForsaken());
    await this.attempt('ending holds that nobody ends', () => this.sweep());
    const nowMs = this.ports.clock.nowMs();
    if (nowMs - this.forgottenAtMs < FORGET_EVERY_MS) return;
    await this.attempt('forgetting calls that are over', () =>
      this.store.forget(this.ports.database, nowMs - CALLS_KEPT_MS, nowMs - ACCOUNTS_KEPT_MS),
    );
    this.forgottenAtMs = nowMs;
  }

  /**
   * Gives back what is held for calls that were never dispatched and can be no more, and lists what was dispatched and never ended as in
   * doubt. Alone in the ledger, so that no batch decides about the same call. Throws `store.unavailable`, with nothing changed.
   */
  async sweep(): Promise<void> {
    const { database, clock, holdGraceSeconds, inDoubtAfterSeconds, instanceId } = this.ports;
    const nowMs = clock.nowMs();
    // Looked for without the lock first: mostly there is nothing, and batches need not wait for that.
    if ((await this.store.overdue(database, nowMs, 1)).length === 0) return;
    await this.store.openAccounts(new Map());
    const staged = await database.transaction(async (tx) => {
      await this.store.takeAlone(tx);
      const keys = await this.store.overdue(tx, nowMs, SWEEP_CALLS_MAX);
      const calls = await this.store.readCalls(tx, keys);
      const accounts = new Map(
        keys.flatMap(({ tenantId, callId }) => {
          const call = calls.get(keyOf(tenantId, callId));
          if (call === undefined) return [];
          return accountsOfCall(call).map((account) => [keyOf(tenantId, account), { tenantId, account }] as const);
        }),
      );
      const { usage, termsVersion } = await this.store.lockAccounts(tx, accounts);
      await this.terms.reach(tx, termsVersion);
      const waits = { graceMs: holdGraceSeconds * 1_000, doubtAfterMs: inDoubtAfterSeconds * 1_000 };
      const ledger = new LedgerBatch(calls, usage, this.terms, waits);
      const source = { ...this.ports, source: `/budget-accountant/${instanceId}` };
      const records = keys.flatMap((key) => {
        const chainId = calls.get(keyOf(key.tenantId, key.callId))?.chainId ?? '';
        const of = { ...key, chainId, cause: null, edgeId: null };
        return ledger.expire(key, chainId, nowMs).map((fact) => budgetRecord(source, of, fact));
      });
      await this.store.write(tx, ledger.accountsToWrite(), ledger.callsToWrite(), ledger.bookingsToWrite());
      return this.outbox.stage(tx, records);
    });
    await this.outbox.publish(staged);
  }

  /** What nobody published for a while: its accountant died between commit and append. What is younger somebody is publishing now. */
  private async publishForsaken(): Promise<void> {
    const { rows } = await this.ports.database.query(FORSAKEN);
    if (rows.length > 0) await this.outbox.publishLeftovers();
  }

  private async attempt(doing: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.ports.onFault(doing, error);
    }
  }
}
