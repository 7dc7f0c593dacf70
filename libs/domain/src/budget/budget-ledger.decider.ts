import type { BudgetLimit, EventData } from '@sallyport/contracts';
import { type AccountUsage, type Movement, moved, unusedAccount } from './account-usage.js';
import { isBreached, refusalOf } from './limits.js';
import { windowStarts } from './windows.js';

/** The price of one call of a tool; `costMicros: null` is unknown, and nothing unknown is ever held. */
export interface Price {
  readonly costMicros: number | null;
  readonly currency: string | null;
  /** The price list it is from. */
  readonly version: string;
}

/** Who is charged for a call, and for how long its request is worth anything. */
export interface Payer {
  /** `null`: an account could not be named. */
  readonly accounts: readonly string[] | null;
  readonly tool: string;
  readonly ttlMs: number;
}

/** What is held for a call against each of its accounts. */
export interface Hold {
  readonly accounts: readonly string[];
  readonly amountMicros: number;
  readonly currency: string;
  /** The moment whose windows it is charged to. */
  readonly heldAtMs: number;
  readonly dispatched: boolean;
  readonly inDoubt: boolean;
}

/**
 * Where a call stands in the books. `released`: what was held is given back, as nobody went on with the call. Should it have run all the
 * same (another replica had it, or its edge was only thought dead), it is still charged; should it go on, it is held anew.
 */
export type CallBudget =
  | { readonly status: 'none' }
  | { readonly status: 'held'; readonly payer: Payer; readonly hold: Hold }
  | { readonly status: 'released'; readonly payer: Payer; readonly hold: Hold }
  | { readonly status: 'closed' };

/** Something of each account. */
type ByAccount<T> = Pick<ReadonlyMap<string, T>, 'get'>;

/** A call with what is known of its accounts. Accounts that are missing are unused. */
export interface LedgerState {
  readonly call: CallBudget;
  readonly usage: ByAccount<AccountUsage>;
  /** The limit in force, by account. */
  readonly limits: ByAccount<BudgetLimit>;
}

/** What a fact moves on every account of a hold. */
export interface Charge {
  readonly hold: Hold;
  readonly movement: Movement;
}

/** A call as a fact leaves it. */
export interface EvolvedCall {
  readonly call: CallBudget;
  /** `null`: its accounts stay as they are. */
  readonly charge: Charge | null;
}

type Published = 'BudgetReservationRefused' | 'BudgetQuoted' | 'BudgetSettled' | 'BudgetReleased' | 'BudgetOverran';

/** What the ledger says on the log. */
export type BudgetEvent =
  | {
      readonly type: 'BudgetReserved';
      readonly data: EventData<'BudgetReserved'>;
      readonly heldAtMs: number;
      readonly payer: Payer;
    }
  | { [T in Published]: { readonly type: T; readonly data: EventData<T> } }[Published];
/** What it notes for itself: the edge has told everybody already. */
export type LedgerNote = { readonly type: 'HoldDispatched' | 'HoldRecalled' | 'HoldDoubted' | 'CallClosed' };
export type LedgerFact = BudgetEvent | LedgerNote;

/** When something is asked for: appended at `atMs`, handled when the log's time was `logNowMs`. */
interface Asked {
  readonly price: Price;
  readonly atMs: number;
  readonly logNowMs: number;
}

export type LedgerCommand =
  | ({ readonly type: 'ReserveBudget'; readonly payer: Payer } & Asked)
  /** A person agreed: hold anew what was given back. `payer` is of use where the call is not known; `null`: nobody said who. */
  | ({ readonly type: 'ReserveAgain'; readonly payer: Payer | null } & Asked)
  | ({ readonly type: 'QuoteBudget'; readonly payer: Payer } & Asked)
  | { readonly type: 'NoteDispatch' }
  /** Nothing was sent of what was dispatched: the hold stands as before it, until the call is dispatched anew or given up. */
  | { readonly type: 'NoteRecall' }
  /** The call reached its tool. `actualMicros: null`: nobody said what it cost, so it cost its price. */
  | { readonly type: 'SettleBudget'; readonly actualMicros: number | null }
  /** `wasDispatched`: it is known of the dispatch itself, and not only of somebody who waited, that the tool is owed nothing. */
  | { readonly type: 'ReleaseBudget'; readonly reason: string; readonly wasDispatched: boolean }
  | { readonly type: 'KeepInDoubt' }
  | { readonly type: 'PassExpiry'; readonly nowMs: number; readonly graceMs: number; readonly doubtAfterMs: number };

export const initialCallBudget: CallBudget = { status: 'none' };
const closed: CallBudget = { status: 'closed' };

/** Folds one fact into its call. Never judges. */
export const evolveLedger = (call: CallBudget, fact: LedgerFact): EvolvedCall => {
  switch (fact.type) {
    case 'BudgetReserved': {
      const { data, heldAtMs, payer } = fact;
      // The hold of the call answers for this one too.
      if (call.status === 'held') return unmoved(call);
      const accounts = data.amounts.map(({ account }) => account);
      const amountMicros = data.amounts[0]?.amountMicros ?? 0;
      const hold: Hold = { accounts, amountMicros, currency: data.currency, heldAtMs, dispatched: false, inDoubt: false };
      const movement = { ...NO_MOVE, heldMicros: amountMicros, heldCalls: 1 };
      return { call: { status: 'held', payer, hold }, charge: { hold, movement } };
    }
    case 'BudgetSettled': {
      if (call.status !== 'held' && call.status !== 'released') return unmoved(closed);
      const actual = fact.data.amounts[0]?.amountMicros ?? 0;
      return { call: closed, charge: { hold: call.hold, movement: settlement(call, actual) } };
    }
    case 'BudgetReleased': {
      if (call.status !== 'held') return unmoved(call);
      const { hold, payer } = call;
      const movement = { ...NO_MOVE, heldMicros: -hold.amountMicros, heldCalls: -1 };
      return { call: { status: 'released', payer, hold }, charge: { hold, movement } };
    }
    case 'HoldDispatched':
      return unmoved(call.status === 'held' ? { ...call, hold: { ...call.hold, dispatched: true } } : call);
    case 'HoldRecalled':
      return unmoved(call.status === 'held' ? { ...call, hold: { ...call.hold, dispatched: false } } : call);
    case 'HoldDoubted':
      return unmoved('hold' in call ? { ...call, hold: { ...call.hold, dispatched: true, inDoubt: true } } : call);
    case 'BudgetReservationRefused':
      // What another replica may have sent meanwhile is still charged.
      return unmoved(call.status === 'released' ? call : closed);
    case 'BudgetQuoted':
    case 'CallClosed':
      return unmoved(closed);
    case 'BudgetOverran':
      return unmoved(call);
    default:
      return unreachable(fact);
  }
};

/** Charges every account of a hold, in `usage` itself. */
export const applyCharge = (usage: Map<string, AccountUsage>, { hold, movement }: Charge): void => {
  const { accounts, currency, heldAtMs } = hold;
  const starts = windowStarts(heldAtMs);
  for (const account of accounts) usage.set(account, moved(usage.get(account) ?? unusedAccount, starts, currency, movement));
};

/**
 * Decides what a command leads to. Guarantees: held against all accounts or none; nothing is held that a limit forbids, whose cost is
 * unknown, or whose request is older than its time to live; a call has one hold at most; every hold comes back once, in full, or is settled
 * once; what was dispatched is given back only by what is known of the dispatch; what was spent beyond a limit is said by `BudgetOverran`.
 * What comes late or twice leads to nothing. Never throws.
 */
export const decideLedger = (command: LedgerCommand, state: LedgerState): readonly LedgerFact[] => {
  const { call } = state;
  switch (command.type) {
    case 'ReserveBudget':
      return call.status === 'none' ? reserve(command.payer, command, state) : [];
    case 'ReserveAgain':
      return reserveAgain(command, state);
    case 'QuoteBudget':
      return call.status === 'none' ? quote(command.payer, command, state) : [];
    case 'NoteDispatch':
      return call.status === 'held' && !call.hold.dispatched ? [{ type: 'HoldDispatched' }] : [];
    case 'NoteRecall':
      return call.status === 'held' && call.hold.dispatched && !call.hold.inDoubt ? [{ type: 'HoldRecalled' }] : [];
    case 'SettleBudget':
      return settle(command.actualMicros, state);
    case 'ReleaseBudget':
      // Another replica may give up a call that this one has sent.
      if (!('hold' in call) || (call.hold.dispatched && !command.wasDispatched)) return [];
      if (call.status === 'held') return [released(call.hold, command.reason)];
      return call.hold.inDoubt ? [{ type: 'CallClosed' }] : [];
    case 'KeepInDoubt':
      return 'hold' in call && !call.hold.inDoubt ? [{ type: 'HoldDoubted' }] : [];
    case 'PassExpiry':
      return passExpiry(command, call);
    default:
      return unreachable(command);
  }
};

/** When a hold is to be looked at again although no event came; `null`: never, its end must come. */
export const holdDeadlineOf = (call: CallBudget, graceMs: number, doubtAfterMs: number): number | null => {
  if (call.status !== 'held' || call.hold.inDoubt) return null;
  const { heldAtMs, dispatched } = call.hold;
  return dispatched ? heldAtMs + call.payer.ttlMs + doubtAfterMs : heldAtMs + call.payer.ttlMs + graceMs;
};

/** Whether the ledger says this on the log, or only notes it. */
export const isBudgetEvent = (fact: LedgerFact): fact is BudgetEvent => 'data' in fact;

const NO_MOVE: Movement = { heldMicros: 0, spentMicros: 0, heldCalls: 0, spentCalls: 0 };
const NOBODY = { account: null, reason: 'unattributable', remainingMicros: null, currency: null, resetsAt: null } as const;

const unmoved = (call: CallBudget): EvolvedCall => ({ call, charge: null });

const usageOf = (state: LedgerState, account: string): AccountUsage => state.usage.get(account) ?? unusedAccount;

/** A hold that expired has been given back already. */
const settlement = (call: Extract<CallBudget, { hold: Hold }>, actualMicros: number): Movement =>
  call.status === 'held'
    ? { heldMicros: -call.hold.amountMicros, spentMicros: actualMicros, heldCalls: -1, spentCalls: 1 }
    : { heldMicros: 0, spentMicros: actualMicros, heldCalls: 0, spentCalls: 1 };

const refused = (data: EventData<'BudgetReservationRefused'>): BudgetEvent => ({ type: 'BudgetReservationRefused', data });

const released = ({ accounts, amountMicros, currency }: Hold, reason: string): BudgetEvent => ({
  type: 'BudgetReleased',
  data: { amounts: amountsOf(accounts, amountMicros), currency, reason: reason.slice(0, 64) },
});

const amountsOf = (accounts: readonly string[], amountMicros: number): EventData<'BudgetReserved'>['amounts'] =>
  accounts.map((account) => ({ account, amountMicros, calls: 1 }));

/** One moment for all accounts of a call, never before a window that one of them has already begun: time on the log is not the same everywhere. */
const effectiveMs = (accounts: readonly string[], state: LedgerState, atMs: number): number =>
  accounts.reduce((latest, account) => Math.max(latest, usageOf(state, account).minute.startMs), atMs);

/** What a call would be charged, or why it cannot be. */
const priced = (payer: Payer, { price, atMs }: Asked, state: LedgerState) => {
  const { accounts } = payer;
  const { costMicros, currency, version } = price;
  if (accounts === null || costMicros === null || currency === null) return { refusal: NOBODY, charge: null };
  const heldAtMs = effectiveMs(accounts, state, atMs);
  const wish = { amountMicros: costMicros, currency, starts: windowStarts(heldAtMs) };
  let refusal: EventData<'BudgetReservationRefused'> | null = null;
  for (const account of accounts) {
    const one = refusalOf(account, usageOf(state, account), state.limits.get(account), wish);
    // Of several that refuse, the one that does so longest: to come back sooner would be in vain.
    if (one !== null && isLonger(one, refusal)) refusal = one;
  }
  return { refusal, charge: { amounts: amountsOf(accounts, costMicros), currency, priceListVersion: version, heldAtMs } };
};

/** Whether one refusal outlasts another; one without an end outlasts all. RFC 3339 instants of one form sort as text. */
const isLonger = (one: { readonly resetsAt: string | null }, than: { readonly resetsAt: string | null } | null): boolean =>
  than === null || (than.resetsAt !== null && (one.resetsAt === null || one.resetsAt > than.resetsAt));

const isTooOld = ({ ttlMs }: Payer, { atMs, logNowMs }: Asked): boolean => atMs + ttlMs < logNowMs;

const reserve = (payer: Payer, asked: Asked, state: LedgerState): readonly LedgerFact[] => {
  if (isTooOld(payer, asked)) return [];
  const { refusal, charge: held } = priced(payer, asked, state);
  if (refusal !== null || held === null) return [refused({ ...(refusal ?? NOBODY) })];
  const { heldAtMs, ...data } = held;
  return [{ type: 'BudgetReserved', data, heldAtMs, payer }];
};

/**
 * A resumed call is always answered, or its edge would wait in vain. One that holds already (two replicas resumed it) is told so by a
 * reservation of nothing more: it has one hold, and only one of them gets to send it.
 */
const reserveAgain = (command: Extract<LedgerCommand, { type: 'ReserveAgain' }>, state: LedgerState): readonly LedgerFact[] => {
  const { call } = state;
  const payer = 'payer' in call ? call.payer : command.payer;
  if (payer === null) return [refused({ ...NOBODY })];
  if (call.status !== 'held') return reserve(payer, command, state);
  if (isTooOld(payer, command)) return [];
  const { currency, heldAtMs } = call.hold;
  return [{ type: 'BudgetReserved', data: { amounts: [], currency, priceListVersion: command.price.version }, heldAtMs, payer }];
};

const quote = (payer: Payer, asked: Asked, state: LedgerState): readonly LedgerFact[] => {
  if (isTooOld(payer, asked)) return [];
  const { refusal, charge: quoted } = priced(payer, asked, state);
  if (quoted === null || refusal?.reason === 'unattributable') return [refused({ ...(refusal ?? NOBODY) })];
  const { heldAtMs: _heldAtMs, ...data } = quoted;
  return [{ type: 'BudgetQuoted', data: { ...data, affordable: refusal === null } }];
};

const settle = (actualMicros: number | null, state: LedgerState): readonly LedgerFact[] => {
  const { call } = state;
  if (call.status !== 'held' && call.status !== 'released') return [];
  const { accounts, amountMicros, currency, heldAtMs } = call.hold;
  const actual = actualMicros ?? amountMicros;
  const heldMicros = call.status === 'held' ? amountMicros : 0;
  const settled: BudgetEvent = { type: 'BudgetSettled', data: { amounts: amountsOf(accounts, actual), currency } };
  // Within what was held nothing can be breached that was not breached before.
  if (call.status === 'held' && actual <= amountMicros) return [settled];
  const [starts, movement] = [windowStarts(heldAtMs), settlement(call, actual)];
  const breached = accounts.filter((account) =>
    isBreached(moved(usageOf(state, account), starts, currency, movement), state.limits.get(account), heldAtMs),
  );
  return [
    settled,
    ...breached.map((account): BudgetEvent => ({ type: 'BudgetOverran', data: { account, heldMicros, actualMicros: actual, currency } })),
  ];
};

const passExpiry = (
  { nowMs, graceMs, doubtAfterMs }: Extract<LedgerCommand, { type: 'PassExpiry' }>,
  call: CallBudget,
): readonly LedgerFact[] => {
  const deadlineMs = holdDeadlineOf(call, graceMs, doubtAfterMs);
  if (call.status !== 'held' || deadlineMs === null || nowMs < deadlineMs) return [];
  return call.hold.dispatched ? [{ type: 'HoldDoubted' }] : [released(call.hold, 'expired')];
};

const unreachable = (value: never): never => {
  throw new TypeError(`not a command or fact of the ledger: ${JSON.stringify(value)}`);
};
