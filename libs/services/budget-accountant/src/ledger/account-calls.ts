import { type AnyEnvelope, AppError, decodeEvent, encodeEvent, isAppError } from '@sallyport/contracts';
import type { BudgetEvent } from '@sallyport/domain';
import type { LogRecord, OutboxPublisher, ReceivedRecord, RecordBatch, StagedRecords } from '@sallyport/log';
import { ATTRIBUTES, type Clock, type IdSource, type Sql, type Telemetry } from '@sallyport/platform';
import { LRUCache } from 'lru-cache';
import type { BudgetAccountantPorts } from '../budget-accountant.ports.js';
import { wishOf } from './command-of.js';
import type { AccountKey, AccountKeys, CallKey, LedgerStore, LockedAccounts, StoredCall } from './ledger.store.js';
import { keyOf } from './ledger.store.js';
import { type AccountableEvent, accountsOfCall, LedgerBatch, payerAccounts } from './ledger-batch.js';
import type { Terms } from './terms.js';

/** How far this machine's clock may be behind the log's before it is not believed any more. */
const CLOCK_SKEW_MS = 60_000;
/**
 * Calls may be charged to accounts not thought of, and accounts be swept away between their making and their lock, those and others; more
 * often than this something else is wrong.
 */
const TRIES = 4;
/** Many more than are ever under way at one accountant. */
const CHARGED_MAX = 20_000;

/** What a publication needs of its surroundings. */
export interface EventSource {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  /** `/budget-accountant/<instance>`. */
  readonly source: string;
}

/** An answer about a call as a record: in the trace and under the key of what caused it. */
export const budgetRecord = (
  { clock, ids, telemetry, source }: EventSource,
  of: CallKey & { readonly chainId: string; readonly cause: AnyEnvelope | null; readonly edgeId: string | null },
  { type, data }: BudgetEvent,
): LogRecord => {
  const span = telemetry.startSpan(type, { kind: 'consumer', parentTraceparent: of.cause?.traceparent ?? null });
  if (span.isRecording) {
    span.setAttributes({
      [ATTRIBUTES.callId]: of.callId,
      [ATTRIBUTES.tenantId]: of.tenantId,
      [ATTRIBUTES.chainId]: of.chainId,
      [ATTRIBUTES.budgetAccount]: 'amounts' in data ? data.amounts.map(({ account }) => account) : (data.account ?? undefined),
    });
  }
  span.end();
  return encodeEvent({
    id: ids.uuidv7(),
    type,
    version: 1,
    source,
    occurredAt: clock.nowIso(),
    tenantId: of.tenantId,
    key: of.chainId,
    callId: of.callId,
    chainId: of.chainId,
    subject: of.cause?.subject ?? null,
    actor: of.cause?.actor ?? null,
    causationId: of.cause?.id ?? null,
    traceparent: span.traceparent,
    edgeId: of.edgeId,
    data,
  } as AnyEnvelope);
};

/**
 * Keeps the books. A batch is one transaction over all its partitions: accounts are locked in one order, all is decided in memory, and the
 * ledger, what is to be said and the positions are written together. So a batch happened whole or not at all, however many accountants
 * there are, and one that comes again changes nothing.
 */
export class AccountCalls {
  private readonly source: EventSource;
  /**
   * The accounts that calls are charged to, by `keyOf`, as they were written here last: with them the locks need not wait for what is stored
   * of the calls. No more than a guess: of a call that another accountant had, or before a restart, nothing is known.
   */
  private readonly charged = new LRUCache<string, readonly string[]>({ max: CHARGED_MAX });

  constructor(
    private readonly ports: BudgetAccountantPorts,
    private readonly store: LedgerStore,
    private readonly terms: Terms,
    private readonly outbox: OutboxPublisher,
  ) {
    this.source = { ...ports, source: `/budget-accountant/${ports.instanceId}` };
  }

  /** Throws `store.unavailable`, `log.position-lost`, `contract.invalid-event` and `contract.unknown-event`, with nothing changed. */
  async handle(batch: RecordBatch): Promise<void> {
    const events = batch.records.flatMap((record) => accountableOf(record) ?? []);
    const logNowMs = this.logNowMs(batch.records);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(batch, events, logNowMs);
      } catch (error) {
        if (!isAppError(error, 'stream.conflict') || attempt === TRIES) throw error;
      }
    }
  }

  private async attempt(batch: RecordBatch, events: readonly AccountableEvent[], logNowMs: number): Promise<void> {
    const accounts = this.accountsOf(events);
    await this.store.openAccounts(accounts);
    const staged = await this.ports.database.transaction(
      async (tx, [, calls, locked]) => {
        const ledger = await this.decide(tx, events, calls, locked, logNowMs);
        const [, , written] = await Promise.all([
          ledger === null ? null : this.write(tx, ledger),
          batch.advance(tx),
          this.outbox.stage(tx, this.recordsOf(ledger)),
        ]);
        return written;
      },
      {
        opening: (tx) =>
          Promise.all([this.store.share(tx), this.store.readCalls(tx, distinct(events)), this.store.lockAccounts(tx, accounts)]),
      },
    );
    await this.publish(staged);
  }

  /** The accounts that events name, and those that their calls are charged to as far as that is known here. */
  private accountsOf(events: readonly AccountableEvent[]): AccountKeys {
    const accounts = new Map<string, AccountKey>();
    for (const { tenantId, callId, wish } of events) {
      addAccounts(accounts, tenantId, payerAccounts(wish));
      addAccounts(accounts, tenantId, this.charged.get(keyOf(tenantId, callId)) ?? []);
    }
    return accounts;
  }

  /** `null` when nothing of the ledger is concerned. Throws `stream.conflict` when an account of a call is not locked: the next try knows it. */
  private async decide(
    tx: Sql,
    events: readonly AccountableEvent[],
    calls: Map<string, StoredCall>,
    { usage, termsVersion }: LockedAccounts,
    logNowMs: number,
  ): Promise<LedgerBatch | null> {
    // The end of calls that hold nothing: nobody's account is concerned.
    const asksAgain = events.some(({ wish }) => wish.type !== 'end');
    if (calls.size === 0 && !asksAgain) return null;
    let isLocked = true;
    for (const { tenantId, callId } of events) {
      const name = keyOf(tenantId, callId);
      const call = calls.get(name);
      if (call === undefined || accountsOfCall(call).every((account) => usage.get(tenantId)?.has(account))) continue;
      this.charged.set(name, accountsOfCall(call));
      isLocked = false;
    }
    // Locked now they would be locked out of order.
    if (!isLocked) throw new AppError('stream.conflict', 'calls of a batch are charged to accounts that were not thought of');
    await this.terms.reach(tx, termsVersion);
    const { holdGraceSeconds, inDoubtAfterSeconds } = this.ports;
    const ledger = new LedgerBatch(calls, usage, this.terms, {
      graceMs: holdGraceSeconds * 1_000,
      doubtAfterMs: inDoubtAfterSeconds * 1_000,
    });
    for (const event of events) ledger.handle(event, logNowMs);
    return ledger;
  }

  private async write(tx: Sql, ledger: LedgerBatch): Promise<void> {
    const calls = ledger.callsToWrite();
    for (const call of calls) {
      const accounts = accountsOfCall(call);
      if (accounts.length > 0) this.charged.set(keyOf(call.tenantId, call.callId), accounts);
      else this.charged.delete(keyOf(call.tenantId, call.callId));
    }
    await this.store.write(tx, ledger.accountsToWrite(), calls, ledger.bookingsToWrite());
  }

  private recordsOf(ledger: LedgerBatch | null): LogRecord[] {
    return (ledger?.answers ?? []).map(({ cause, fact, edgeId }) =>
      budgetRecord(this.source, { ...cause, cause: cause.event, edgeId }, fact),
    );
  }

  private async publish(staged: StagedRecords): Promise<void> {
    try {
      await this.outbox.publish(staged);
    } catch (error) {
      if (!isAppError(error)) throw error;
      // Staged for good: it goes out before anything else once the log is back.
      this.ports.onFault('publishing answers; they stay staged', error);
    }
  }

  /** The log's time now: that of its newest record here, unless even a generous reading of our own clock is later. */
  private logNowMs(records: readonly ReceivedRecord[]): number {
    let newest = this.ports.clock.nowMs() - CLOCK_SKEW_MS;
    for (const { appendedAtMs } of records) if (appendedAtMs > newest) newest = appendedAtMs;
    return newest;
  }
}

const accountableOf = (record: ReceivedRecord): AccountableEvent | null => {
  const event = decodeEvent(record);
  const { callId, chainId, tenantId } = event;
  const wish = wishOf(event);
  if (wish === null || callId === null || chainId === null) return null;
  return { event, tenantId, callId, chainId, wish, appendedAtMs: record.appendedAtMs };
};

const addAccounts = (keys: Map<string, AccountKey>, tenantId: string, accounts: readonly string[]): void => {
  for (const account of accounts) {
    const name = keyOf(tenantId, account);
    if (!keys.has(name)) keys.set(name, { tenantId, account });
  }
};

const distinct = (keys: readonly CallKey[]): CallKey[] => [...new Map(keys.map((key) => [keyOf(key.tenantId, key.callId), key])).values()];
