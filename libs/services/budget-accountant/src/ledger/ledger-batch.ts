import type { AnyEnvelope, BudgetLimit, EventData } from '@sallyport/contracts';
import {
  type AccountUsage,
  type BudgetEvent,
  decideLedger,
  evolveLedger,
  holdDeadlineOf,
  initialCallBudget,
  isBudgetEvent,
  type LedgerCommand,
  type LedgerState,
  type Price,
  unusedAccount,
  windowStart,
} from '@sallyport/domain';
import type { CallWish } from './command-of.js';
import { type AccountKey, type Booking, type CallKey, type CallToWrite, keyOf, type StoredCall } from './ledger.store.js';
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

/** The calls and accounts of one batch, decided in memory between their lock and their write. */
export class LedgerBatch {
  readonly answers: LedgerAnswer[] = [];
  private readonly changedCalls = new Set<string>();
  private readonly changedAccounts = new Set<string>();
  private readonly keys = new Map<string, CallKey>();
  private readonly bookings = new Map<string, Booking>();

  constructor(
    private readonly calls: Map<string, StoredCall>,
    private readonly usage: Map<string, AccountUsage>,
    private readonly terms: Terms,
    private readonly waits: { readonly graceMs: number; readonly doubtAfterMs: number },
  ) {}

  /** Handles one event; a second time it changes nothing. */
  handle(cause: AccountableEvent, logNowMs: number): void {
    const call = this.callOf(cause, cause.chainId);
    if (call.handled.includes(cause.event.id)) return;
    const command = this.commandOf(cause, logNowMs, call);
    const facts = this.run(cause, call, command, cause.event.id, payerAccounts(cause.wish));
    // Only an answer that an edge waits for names it: the others are dropped there unread.
    const edgeId = cause.wish.type === 'end' ? null : cause.wish.edgeId;
    for (const fact of facts) this.answers.push({ cause, fact, edgeId });
  }

  /** Looks at a call whose deadline may have passed. Answers what is to be said. */
  expire(key: CallKey, chainId: string, nowMs: number): readonly BudgetEvent[] {
    return this.run(key, this.callOf(key, chainId), { type: 'PassExpiry', nowMs, ...this.waits }, null, []);
  }

  callsToWrite(): CallToWrite[] {
    return [...this.changedCalls].flatMap((name) => {
      const key = this.keys.get(name);
      const call = this.calls.get(name);
      if (key === undefined || call === undefined) return [];
      return [{ ...key, ...call, deadlineMs: holdDeadlineOf(call.budget, this.waits.graceMs, this.waits.doubtAfterMs) }];
    });
  }

  accountsToWrite(): (AccountKey & { readonly usage: AccountUsage })[] {
    return [...this.changedAccounts].map((name) => {
      const space = name.indexOf(' ');
      return { tenantId: name.slice(0, space), account: name.slice(space + 1), usage: this.usage.get(name) ?? unusedAccount };
    });
  }

  /** What was spent, by account and the hour it was held in. */
  bookingsToWrite(): Booking[] {
    return [...this.bookings.values()];
  }

  private callOf({ tenantId, callId }: CallKey, chainId: string): StoredCall {
    const name = keyOf(tenantId, callId);
    this.keys.set(name, { tenantId, callId });
    return this.calls.get(name) ?? { chainId, budget: initialCallBudget, handled: [] };
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

  private run(key: CallKey, call: StoredCall, command: LedgerCommand, eventId: string | null, accounts: readonly string[]): BudgetEvent[] {
    const { tenantId } = key;
    const name = keyOf(tenantId, key.callId);
    const state = this.stateOf(tenantId, call, accountsOfCall(call, accounts));
    const facts = decideLedger(command, state);
    // A call that the ledger knows nothing of leaves nothing behind: most events are of such.
    if (facts.length === 0 && call.budget.status === 'none') return [];
    let after = state;
    for (const fact of facts) {
      if (fact.type === 'BudgetSettled' && 'hold' in after.call) this.book(tenantId, after.call.hold.heldAtMs, fact.data);
      after = evolveLedger(after, fact);
    }
    const handled = eventId === null ? call.handled : [...call.handled, eventId].slice(-HANDLED_MAX);
    this.calls.set(name, { chainId: call.chainId, budget: after.call, handled });
    this.changedCalls.add(name);
    for (const [account, usage] of after.usage) {
      if (usage === state.usage.get(account)) continue;
      const accountName = keyOf(tenantId, account);
      this.usage.set(accountName, usage);
      this.changedAccounts.add(accountName);
    }
    return facts.filter(isBudgetEvent);
  }

  private book(tenantId: string, heldAtMs: number, { amounts, currency }: EventData<'BudgetSettled'>): void {
    const hourMs = windowStart('hour', heldAtMs);
    for (const { account, amountMicros, calls } of amounts) {
      const name = `${keyOf(tenantId, account)} ${hourMs} ${currency}`;
      const booked = this.bookings.get(name) ?? { tenantId, account, hourMs, currency, spentMicros: 0, calls: 0 };
      const spentMicros = Math.min(booked.spentMicros + amountMicros, Number.MAX_SAFE_INTEGER);
      this.bookings.set(name, { ...booked, spentMicros, calls: booked.calls + calls });
    }
  }

  private stateOf(tenantId: string, call: StoredCall, accounts: readonly string[]): LedgerState {
    const usage = new Map<string, AccountUsage>();
    const limits = new Map<string, BudgetLimit>();
    for (const account of accounts) {
      const used = this.usage.get(keyOf(tenantId, account));
      if (used !== undefined) usage.set(account, used);
      const inForce = this.terms.limitOf(tenantId, account);
      if (inForce !== null) limits.set(account, inForce.limit);
    }
    return { call: call.budget, usage, limits };
  }
}

/** The accounts that an event names by itself. */
export const payerAccounts = (wish: CallWish): readonly string[] => (wish.type === 'end' ? [] : (wish.payer?.accounts ?? []));

/** The accounts that a call is or would be charged to. */
export const accountsOfCall = ({ budget }: Pick<StoredCall, 'budget'>, wished: readonly string[] = []): readonly string[] => {
  if ('hold' in budget) return budget.hold.accounts;
  return wished;
};
