import type { AnyEnvelope, EventData } from '@sallyport/contracts';
import {
  type AccountUsage,
  applyCharge,
  type BudgetEvent,
  decideLedger,
  evolveLedger,
  holdDeadlineOf,
  initialCallBudget,
  isBudgetEvent,
  type LedgerCommand,
  type LedgerFact,
  type LedgerState,
  type Price,
  unusedAccount,
  windowStart,
} from '@sallyport/domain';
import type { CallWish } from './command-of.js';
import {
  type AccountToWrite,
  accountsIn,
  type Booking,
  type CallKey,
  type CallToWrite,
  keyOf,
  type StoredCall,
  type UsageByTenant,
} from './ledger.store.js';
import type { Terms } from './terms.js';

/** One call event of a batch that means something to the ledger. */
export interface AccountableEvent extends CallKey {
  readonly event: AnyEnvelope;
  readonly chainId: string;
  readonly wish: CallWish;
  readonly appendedAtMs: number;
}

/** What the ledger has to say, the event that made it say so, and who waits for it. */
export interface LedgerAnswer {
  readonly cause: AccountableEvent;
  readonly fact: BudgetEvent;
  readonly edgeId: string | null;
}

/** The events of a call are few; more than this many were never told apart by anybody. */
const HANDLED_MAX = 64;
/** ISO 4217 for "no currency": the price of what has none. */
const FREE: Price = { costMicros: 0, currency: 'XXX', version: '0' };

/** The accounts of one tenant, and which of them were charged. */
interface TenantBooks extends Pick<LedgerState, 'limits'> {
  readonly usage: Map<string, AccountUsage>;
  readonly charged: Set<string>;
}

/** The calls and accounts of one batch, decided in memory between their lock and their write. */
export class LedgerBatch {
  readonly answers: LedgerAnswer[] = [];
  private readonly changedCalls = new Map<string, CallKey>();
  private readonly books = new Map<string, TenantBooks>();
  private readonly bookings = new Map<string, Booking>();

  constructor(
    private readonly calls: Map<string, StoredCall>,
    private readonly usage: UsageByTenant,
    private readonly terms: Terms,
    private readonly waits: { readonly graceMs: number; readonly doubtAfterMs: number },
  ) {}

  /** Handles one event; a second time it changes nothing. */
  handle(cause: AccountableEvent, logNowMs: number): void {
    const name = keyOf(cause.tenantId, cause.callId);
    const call = this.calls.get(name) ?? unknownCall(cause.chainId);
    if (call.handled.includes(cause.event.id)) return;
    const command = this.commandOf(cause, logNowMs, call);
    const facts = this.run(cause, name, call, command, cause.event.id);
    // Only an answer that an edge waits for names it: the others are dropped there unread.
    const edgeId = cause.wish.type === 'end' ? null : cause.wish.edgeId;
    for (const fact of facts) if (isBudgetEvent(fact)) this.answers.push({ cause, fact, edgeId });
  }

  /** Looks at a call whose deadline may have passed. Answers what is to be said. */
  expire(key: CallKey, chainId: string, nowMs: number): readonly BudgetEvent[] {
    const name = keyOf(key.tenantId, key.callId);
    const call = this.calls.get(name) ?? unknownCall(chainId);
    return this.run(key, name, call, { type: 'PassExpiry', nowMs, ...this.waits }, null).filter(isBudgetEvent);
  }

  callsToWrite(): CallToWrite[] {
    const { graceMs, doubtAfterMs } = this.waits;
    const written: CallToWrite[] = [];
    for (const [name, { tenantId, callId }] of this.changedCalls) {
      const call = this.calls.get(name);
      if (call === undefined) continue;
      const { chainId, budget, handled } = call;
      written.push({ tenantId, callId, chainId, budget, handled, deadlineMs: holdDeadlineOf(budget, graceMs, doubtAfterMs) });
    }
    return written;
  }

  accountsToWrite(): AccountToWrite[] {
    const written: AccountToWrite[] = [];
    for (const [tenantId, { usage, charged }] of this.books) {
      for (const account of charged) written.push({ tenantId, account, usage: usage.get(account) ?? unusedAccount });
    }
    return written;
  }

  /** What was spent, by account and the hour it was held in. */
  bookingsToWrite(): Booking[] {
    return [...this.bookings.values()];
  }

  private booksOf(tenantId: string): TenantBooks {
    let books = this.books.get(tenantId);
    if (books === undefined) {
      const limits = { get: (account: string) => this.terms.limitOf(tenantId, account)?.limit };
      books = { usage: accountsIn(this.usage, tenantId), limits, charged: new Set() };
      this.books.set(tenantId, books);
    }
    return books;
  }

  private commandOf({ wish, tenantId, appendedAtMs }: AccountableEvent, logNowMs: number, call: StoredCall): LedgerCommand {
    switch (wish.type) {
      case 'end':
        return wish.command;
      case 'reserve-again': {
        const tool = ('payer' in call.budget ? call.budget.payer.tool : wish.payer?.tool) ?? '';
        return { type: 'ReserveAgain', payer: wish.payer, price: this.terms.priceOf(tenantId, tool), atMs: appendedAtMs, logNowMs };
      }
      default: {
        const price = wish.priced ? this.terms.priceOf(tenantId, wish.payer.tool) : FREE;
        const type = wish.type === 'quote' ? 'QuoteBudget' : 'ReserveBudget';
        return { type, payer: wish.payer, price, atMs: appendedAtMs, logNowMs };
      }
    }
  }

  private run(key: CallKey, name: string, call: StoredCall, command: LedgerCommand, eventId: string | null): readonly LedgerFact[] {
    const { tenantId } = key;
    const { usage, limits, charged } = this.booksOf(tenantId);
    const facts = decideLedger(command, { call: call.budget, usage, limits });
    // A call that the ledger knows nothing of leaves nothing behind: most events are of such.
    if (facts.length === 0 && call.budget.status === 'none') return [];
    let { budget } = call;
    for (const fact of facts) {
      if (fact.type === 'BudgetSettled' && 'hold' in budget) this.book(tenantId, budget.hold.heldAtMs, fact.data);
      const after = evolveLedger(budget, fact);
      budget = after.call;
      if (after.charge === null) continue;
      applyCharge(usage, after.charge);
      for (const account of after.charge.hold.accounts) charged.add(account);
    }
    const handled = eventId === null ? call.handled : [...call.handled, eventId].slice(-HANDLED_MAX);
    this.calls.set(name, { chainId: call.chainId, budget, handled });
    this.changedCalls.set(name, key);
    return facts;
  }

  private book(tenantId: string, heldAtMs: number, { amounts, currency }: EventData<'BudgetSettled'>): void {
    const hourMs = windowStart('hour', heldAtMs);
    for (const { account, amountMicros, calls } of amounts) {
      const name = `${keyOf(tenantId, account)} ${hourMs} ${currency}`;
      let booked = this.bookings.get(name);
      if (booked === undefined) {
        booked = { tenantId, account, hourMs, currency, spentMicros: 0, calls: 0 };
        this.bookings.set(name, booked);
      }
      booked.spentMicros = Math.min(booked.spentMicros + amountMicros, Number.MAX_SAFE_INTEGER);
      booked.calls += calls;
    }
  }
}

const unknownCall = (chainId: string): StoredCall => ({ chainId, budget: initialCallBudget, handled: [] });

/** The accounts that an event names by itself. */
export const payerAccounts = (wish: CallWish): readonly string[] => (wish.type === 'end' ? [] : (wish.payer?.accounts ?? []));

/** The accounts that a call is charged to. */
export const accountsOfCall = ({ budget }: Pick<StoredCall, 'budget'>): readonly string[] => ('hold' in budget ? budget.hold.accounts : []);
