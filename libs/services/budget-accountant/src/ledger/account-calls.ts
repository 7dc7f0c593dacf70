import { type AnyEnvelope, decodeEvent, encodeEvent, isAppError } from '@sallyport/contracts';
import type { BudgetEvent } from '@sallyport/domain';
import type { LogRecord, OutboxPublisher, ReceivedRecord, RecordBatch, StagedRecords } from '@sallyport/log';
import { ATTRIBUTES, type Clock, type IdSource, type Sql, type Telemetry } from '@sallyport/platform';
import type { BudgetAccountantPorts } from '../budget-accountant.ports.js';
import { wishOf } from './command-of.js';
import type { AccountKey, AccountKeys, CallKey, LedgerStore, StoredCall } from './ledger.store.js';
import { keyOf } from './ledger.store.js';
import { type AccountableEvent, accountsOfCall, LedgerBatch, payerAccounts } from './ledger-batch.js';
import type { Terms } from './terms.js';

/** How far this machine's clock may be behind the log's before it is not believed any more. */
const CLOCK_SKEW_MS = 60_000;
/** Accounts may be swept away between their making and their lock; more often than this something else is wrong. */
const TRIES = 3;

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
    const wished = new Map<string, AccountKey>();
    for (const { tenantId, wish } of events) addAccounts(wished, tenantId, payerAccounts(wish));
    await this.store.openAccounts(wished);
    const staged = await this.ports.database.transaction(
      async (tx, [, calls]) => {
        const ledger = await this.decide(tx, events, wished, calls, logNowMs);
        const [, , written] = await Promise.all([
          ledger === null ? null : this.store.write(tx, ledger.accountsToWrite(), ledger.callsToWrite(), ledger.bookingsToWrite()),
          batch.advance(tx),
          this.outbox.stage(tx, this.recordsOf(ledger)),
        ]);
        return written;
      },
      { opening: (tx) => Promise.all([this.store.share(tx), this.store.readCalls(tx, distinct(events))]) },
    );
    await this.publish(staged);
  }

  /** `null` when nothing of the ledger is concerned. */
  private async decide(
    tx: Sql,
    events: readonly AccountableEvent[],
    wished: AccountKeys,
    calls: Map<string, StoredCall>,
    logNowMs: number,
  ): Promise<LedgerBatch | null> {
    const accounts = new Map(wished);
    for (const { tenantId, callId } of events) {
      const call = calls.get(keyOf(tenantId, callId));
      if (call !== undefined) addAccounts(accounts, tenantId, accountsOfCall(call));
    }
    // The end of calls that hold nothing: nobody's account is concerned.
    const asksAgain = events.some(({ wish }) => wish.type !== 'end');
    if (accounts.size === 0 && calls.size === 0 && !asksAgain) return null;
    const { usage, termsVersion } = await this.store.lockAccounts(tx, accounts);
    await this.terms.reach(tx, termsVersion);
    const { holdGraceSeconds, inDoubtAfterSeconds } = this.ports;
    const ledger = new LedgerBatch(calls, usage, this.terms, {
      graceMs: holdGraceSeconds * 1_000,
      doubtAfterMs: inDoubtAfterSeconds * 1_000,
    });
    for (const event of events) ledger.handle(event, logNowMs);
    return ledger;
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
