import type { BudgetLimit, EventData } from '@sallyport/contracts';
import { describe, expect, test } from 'vitest';
import { type AccountUsage, unusedAccount, usageAt } from './account-usage.js';
import { accountsOf } from './accounts.js';
import {
  applyCharge,
  decideLedger,
  evolveLedger,
  initialCallBudget,
  type LedgerCommand,
  type LedgerFact,
  type LedgerState,
  type Payer,
  type Price,
} from './budget-ledger.decider.js';
import { statementOf } from './limits.js';

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0);
const ACCOUNTS = ['tenant:acme', 'user:ada', 'agent:triage', 'tool:crm/search'];
const payer: Payer = { accounts: ACCOUNTS, tool: 'crm/search', ttlMs: 8_000 };
const price = (costMicros: number | null, currency: string | null = 'USD'): Price => ({ costMicros, currency, version: '7' });
const asked = (cost: number | null, atMs = NOON, over: Partial<{ logNowMs: number; currency: string | null }> = {}) => ({
  price: price(cost, over.currency === undefined ? 'USD' : over.currency),
  atMs,
  logNowMs: over.logNowMs ?? atMs,
});
const reserve = (cost: number | null, atMs = NOON, over = {}): LedgerCommand => ({
  type: 'ReserveBudget',
  payer,
  ...asked(cost, atMs, over),
});
const reserveAgain = (cost: number, atMs = NOON, by: Payer | null = null): LedgerCommand => ({
  type: 'ReserveAgain',
  payer: by,
  ...asked(cost, atMs),
});
/** Whoever waited gives up; the tool is known to be owed nothing. */
const release = (reason: string): LedgerCommand => ({ type: 'ReleaseBudget', reason, wasDispatched: false });
const returned = (reason: string): LedgerCommand => ({ type: 'ReleaseBudget', reason, wasDispatched: true });
const amounts = (amountMicros: number) => ACCOUNTS.map((account) => ({ account, amountMicros, calls: 1 }));
const held = (amountMicros: number, heldAtMs = NOON): LedgerFact => ({
  type: 'BudgetReserved',
  data: { amounts: amounts(amountMicros), currency: 'USD', priceListVersion: '7' },
  heldAtMs,
  payer,
});
const released = (amountMicros: number, reason: string): LedgerFact => ({
  type: 'BudgetReleased',
  data: { amounts: amounts(amountMicros), currency: 'USD', reason },
});
const settled = (amountMicros: number): LedgerFact => ({
  type: 'BudgetSettled',
  data: { amounts: amounts(amountMicros), currency: 'USD' },
});
const refused = (data: Partial<EventData<'BudgetReservationRefused'>>): LedgerFact => ({
  type: 'BudgetReservationRefused',
  data: { account: null, reason: 'unattributable', remainingMicros: null, currency: null, resetsAt: null, ...data },
});

type Limits = Record<string, BudgetLimit>;
type Books = LedgerState & { readonly usage: ReadonlyMap<string, AccountUsage> };
const folded = (state: Books, fact: LedgerFact): Books => {
  const { call, charge } = evolveLedger(state.call, fact);
  const usage = new Map(state.usage);
  if (charge !== null) applyCharge(usage, charge);
  return { ...state, call, usage };
};
const given = (limits: Limits, ...facts: readonly LedgerFact[]) => {
  const initial: Books = { call: initialCallBudget, usage: new Map(), limits: new Map(Object.entries(limits)) };
  const state = facts.reduce(folded, initial);
  const outcome = (command: LedgerCommand) => {
    const decided = decideLedger(command, state);
    const after = decided.reduce(folded, state);
    return {
      thenSays: (...expected: readonly LedgerFact[]) => {
        expect(decided).toEqual(expected);
        return after;
      },
      thenNothingHappens: () => expect(decided).toEqual([]),
    };
  };
  return { when: outcome, state };
};
/** The same accounts, for another call. */
const another = (state: Books, limits: Limits): Books => ({
  call: initialCallBudget,
  usage: state.usage,
  limits: new Map(Object.entries(limits)),
});
const perDay = (maxMicros: number): BudgetLimit => ({ day: { maxMicros, currency: 'USD' } });
const usedOf = (state: LedgerState, account: string, atMs = NOON) => {
  const usage: AccountUsage = state.usage.get(account) ?? unusedAccount;
  const { calls, money } = usageAt(usage, 'day', atMs);
  return { calls, money };
};

describe('who is charged', () => {
  test('the tenant, the person, every agent of the chain, the tool and the verified workflow, each once', () =>
    expect(
      accountsOf({ tenantId: 'acme', subject: 'user:ada', actors: ['agent:a', 'agent:b', 'agent:a'], workflow: 'q3' }, 'crm/search'),
    ).toEqual(['tenant:acme', 'user:ada', 'agent:a', 'agent:b', 'tool:crm/search', 'workflow:q3']));

  test('nobody, when an account cannot be named', () =>
    expect(accountsOf({ tenantId: 'acme', subject: 'user:ada', actors: [], workflow: 'w'.repeat(256) }, 'crm/search')).toBeNull());
});

describe('to reserve', () => {
  test('holds against every account, limited or not', () => {
    const after = given({}).when(reserve(150)).thenSays(held(150));
    for (const account of ACCOUNTS)
      expect(usedOf(after, account)).toEqual({ calls: { held: 1, spent: 0 }, money: { USD: { held: 150, spent: 0 } } });
  });

  test('holds against all or none: one account that cannot pay is enough, and the answer says which and what is left', () =>
    given({ 'user:ada': perDay(100), 'tenant:acme': perDay(1_000) })
      .when(reserve(150))
      .thenSays(
        refused({
          account: 'user:ada',
          reason: 'exhausted',
          remainingMicros: 100,
          currency: 'USD',
          resetsAt: '2026-11-22T00:00:00.000Z',
          window: 'day',
          remainingCalls: null,
        }),
      ));

  test('fills a limit to the last millionth and not beyond', () => {
    const limits = { 'user:ada': perDay(300) };
    const { state } = given(limits, held(150));
    const second = decideLedger(reserve(150), another(state, limits));
    expect(second).toEqual([held(150)]);
    const third = decideLedger(reserve(1), another(second.reduce(folded, another(state, limits)), limits));
    expect(third).toMatchObject([{ type: 'BudgetReservationRefused', data: { reason: 'exhausted', remainingMicros: 0 } }]);
  });

  test('counts calls, also of tools that cost nothing', () => {
    const limits: Limits = { 'agent:triage': { minute: { maxCalls: 1 } } };
    const { state } = given(limits, held(0));
    expect(decideLedger(reserve(0, NOON + 1_000), another(state, limits))).toMatchObject([
      {
        data: {
          account: 'agent:triage',
          reason: 'rate-limited',
          remainingCalls: 0,
          window: 'minute',
          resetsAt: '2026-11-21T12:01:00.000Z',
        },
      },
    ]);
    expect(decideLedger(reserve(0, NOON + 60_000), another(state, limits))).toMatchObject([{ type: 'BudgetReserved' }]);
  });

  test('names the limit that refuses longest, for to come back sooner would be in vain', () =>
    given({ 'user:ada': { minute: { maxMicros: 1, currency: 'USD' } }, 'tool:crm/search': { month: { maxMicros: 2, currency: 'USD' } } })
      .when(reserve(3))
      .thenSays(
        refused({
          account: 'tool:crm/search',
          reason: 'exhausted',
          remainingMicros: 2,
          currency: 'USD',
          resetsAt: '2026-12-01T00:00:00.000Z',
          window: 'month',
          remainingCalls: null,
        }),
      ));

  test('refuses what nobody can attribute: no price, no currency, another currency than the limit, an account without a name', () => {
    given({}).when(reserve(null)).thenSays(refused({}));
    given({})
      .when(reserve(5, NOON, { currency: null }))
      .thenSays(refused({}));
    given({ 'user:ada': perDay(100) })
      .when(reserve(5, NOON, { currency: 'EUR' }))
      .thenSays(refused({ account: 'user:ada', currency: 'USD' }));
    given({})
      .when({ type: 'ReserveBudget', payer: { ...payer, accounts: null }, ...asked(5) })
      .thenSays(refused({}));
  });

  test('a price of nothing is paid in any currency and from an empty budget', () => {
    given({ 'user:ada': perDay(0) })
      .when(reserve(0, NOON, { currency: 'EUR' }))
      .thenSays({ ...held(0), data: { amounts: amounts(0), currency: 'EUR', priceListVersion: '7' } } as LedgerFact);
  });

  test('skips a request that is older than its time to live by the time of the log', () => {
    given({})
      .when(reserve(5, NOON, { logNowMs: NOON + 8_001 }))
      .thenNothingHappens();
    given({})
      .when(reserve(5, NOON, { logNowMs: NOON + 8_000 }))
      .thenSays(held(5));
  });

  test('a request from a partition whose clock is behind is charged to the window that has begun', () => {
    const limits = { 'user:ada': { minute: { maxCalls: 1 } } };
    const { state } = given(limits, held(5, NOON));
    expect(decideLedger(reserve(5, NOON - 1), another(state, limits))).toMatchObject([{ data: { reason: 'rate-limited' } }]);
    const late = decideLedger(reserve(5, NOON - 1), another(state, {}));
    expect(late).toMatchObject([{ type: 'BudgetReserved', heldAtMs: NOON }]);
  });

  test('an amount as great as exact numbers can be is held, and given back exactly', () =>
    given({}, held(Number.MAX_SAFE_INTEGER)).when(release('x')).thenSays(released(Number.MAX_SAFE_INTEGER, 'x')));

  test('twice is once', () => given({}, held(5)).when(reserve(5)).thenNothingHappens());
});

describe('to end a hold', () => {
  test('books the price when nobody said what it cost', () => {
    const after = given({}, held(150), { type: 'HoldDispatched' })
      .when({ type: 'SettleBudget', actualMicros: null })
      .thenSays(settled(150));
    expect(usedOf(after, 'user:ada')).toEqual({ calls: { held: 0, spent: 1 }, money: { USD: { held: 0, spent: 150 } } });
  });

  test('books what was reported, and gives back the rest', () => {
    const after = given({ 'user:ada': perDay(150) }, held(150))
      .when({ type: 'SettleBudget', actualMicros: 140 })
      .thenSays(settled(140));
    expect(usedOf(after, 'user:ada').money).toEqual({ USD: { held: 0, spent: 140 } });
  });

  test('records that a limit was overrun, for each account whose limit it was', () =>
    given({ 'user:ada': perDay(200), 'tenant:acme': perDay(1_000) }, held(150))
      .when({ type: 'SettleBudget', actualMicros: 500 })
      .thenSays(settled(500), {
        type: 'BudgetOverran',
        data: { account: 'user:ada', heldMicros: 150, actualMicros: 500, currency: 'USD' },
      }));

  test('gives back exactly what was held', () => {
    const after = given({}, held(150)).when(release('policy.denied')).thenSays(released(150, 'policy.denied'));
    for (const account of ACCOUNTS)
      expect(usedOf(after, account)).toEqual({ calls: { held: 0, spent: 0 }, money: { USD: { held: 0, spent: 0 } } });
  });

  test('once: what comes after the end changes nothing', () => {
    for (const command of [
      { type: 'SettleBudget', actualMicros: 9 },
      release('x'),
      returned('x'),
      { type: 'KeepInDoubt' },
      { type: 'NoteDispatch' },
      { type: 'NoteRecall' },
    ] as const) {
      given({}, held(150), settled(150)).when(command).thenNothingHappens();
    }
  });

  test('books an answer in the window it was held in, although another has begun', () => {
    const tomorrow = NOON + 86_400_000;
    const { state } = given({}, held(150));
    const next = decideLedger(reserve(10, tomorrow), another(state, {})).reduce(folded, another(state, {}));
    const after = decideLedger({ type: 'SettleBudget', actualMicros: 150 }, { ...next, call: state.call }).reduce(folded, {
      ...next,
      call: state.call,
    });
    expect(usedOf(after, 'user:ada', tomorrow)).toEqual({ calls: { held: 1, spent: 0 }, money: { USD: { held: 10, spent: 0 } } });
  });
});

describe('a dispatch of which nothing was sent', () => {
  const recalled = [held(150), { type: 'HoldDispatched' }, { type: 'HoldRecalled' }] as const;

  test('leaves the hold where it was: given back when the call is refused after all, and when nobody goes on with it', () => {
    const after = given({}, held(150), { type: 'HoldDispatched' }).when({ type: 'NoteRecall' }).thenSays({ type: 'HoldRecalled' });
    expect(after).toEqual(given({}, held(150)).state);
    given({}, ...recalled)
      .when(release('policy.denied'))
      .thenSays(released(150, 'policy.denied'));
    given({}, ...recalled)
      .when({ type: 'PassExpiry', nowMs: NOON + 1_000_000_000, graceMs: 60_000, doubtAfterMs: 3_600_000 })
      .thenSays(released(150, 'expired'));
  });

  test('is dispatched anew, charged once, and in doubt as any other', () => {
    given({}, ...recalled, { type: 'HoldDispatched' })
      .when({ type: 'SettleBudget', actualMicros: null })
      .thenSays(settled(150));
    given({}, ...recalled, { type: 'HoldDispatched' })
      .when(release('parked'))
      .thenNothingHappens();
  });

  test('and a question asked anew before any dispatch, or behind one that is in doubt, is nothing to the ledger', () => {
    given({}, held(150)).when({ type: 'NoteRecall' }).thenNothingHappens();
    given({}, held(150), { type: 'HoldDispatched' }, { type: 'HoldDoubted' }).when({ type: 'NoteRecall' }).thenNothingHappens();
    given({}, held(150), released(150, 'parked')).when({ type: 'NoteRecall' }).thenNothingHappens();
  });
});

describe('waiting for a person', () => {
  test('holds no money, and what is held after is the price of then', () => {
    const after = given({}, held(150)).when(release('parked')).thenSays(released(150, 'parked'));
    expect(usedOf(after, 'user:ada').money).toEqual({ USD: { held: 0, spent: 0 } });
    const resumed = decideLedger(reserveAgain(170, NOON + 60_000), after);
    expect(resumed).toEqual([held(170, NOON + 60_000)]);
    expect(usedOf(resumed.reduce(folded, after), 'user:ada').money).toEqual({ USD: { held: 170, spent: 0 } });
  });

  test('and never granted, ends without a charge', () =>
    given({}, held(150), released(150, 'parked')).when(release('abandoned')).thenNothingHappens());

  test('and resumed when the budget is spent is refused, and could be resumed once more', () => {
    const limits = { 'user:ada': perDay(100) };
    const after = given(limits, held(100), released(100, 'parked'))
      .when(reserveAgain(101))
      .thenSays(
        refused({
          ...{ account: 'user:ada', reason: 'exhausted', remainingMicros: 100, currency: 'USD' },
          ...{ resetsAt: '2026-11-22T00:00:00.000Z', window: 'day', remainingCalls: null },
        }),
      );
    expect(decideLedger(reserveAgain(100), after)).toEqual([held(100)]);
  });

  test('parked again by the replica that its client came back to, it still holds nothing, and goes on from there', () => {
    given({}, held(150), released(150, 'parked')).when(release('parked')).thenNothingHappens();
    given({}, held(150), released(150, 'parked'), held(150)).when(release('parked')).thenSays(released(150, 'parked'));
  });

  test('a resumed call that was given up, or settled, or never heard of is held for the payer that its resumption names', () => {
    for (const before of [[], [held(150), released(150, 'abandoned')], [held(150), settled(150)], [refused({})]])
      given({}, ...before)
        .when(reserveAgain(150, NOON, payer))
        .thenSays(held(150));
  });

  test('a resumed call that nobody knows and that names no payer is refused, or its edge would wait in vain', () =>
    given({}).when(reserveAgain(5)).thenSays(refused({})));

  test('resumed by two replicas has one hold: the second is told that nothing more is held', () => {
    const nothingMore: LedgerFact = {
      type: 'BudgetReserved',
      data: { amounts: [], currency: 'USD', priceListVersion: '7' },
      heldAtMs: NOON,
      payer,
    };
    const after = given({}, held(150))
      .when(reserveAgain(150, NOON + 5))
      .thenSays(nothingMore);
    expect(after.call).toEqual(given({}, held(150)).state.call);
    expect(usedOf(after, 'user:ada').money).toEqual({ USD: { held: 150, spent: 0 } });
    given({}, held(150), { type: 'HoldDispatched' })
      .when(reserveAgain(150, NOON + 5))
      .thenSays(nothingMore);
  });

  test('a replica that lost the grant and parks, refuses or gives up leaves the hold of the one that sent the call', () => {
    for (const reason of ['parked', 'approval.rejected', 'abandoned'])
      given({}, held(150), { type: 'HoldDispatched' }).when(release(reason)).thenNothingHappens();
  });

  test('a call that was sent while another replica gave it up is charged all the same', () => {
    const after = given({}, held(150), released(150, 'parked'), { type: 'HoldDispatched' })
      .when({ type: 'SettleBudget', actualMicros: null })
      .thenSays(settled(150));
    expect(usedOf(after, 'user:ada')).toEqual({ calls: { held: 0, spent: 1 }, money: { USD: { held: 0, spent: 150 } } });
  });
});

describe('an upstream that asks back', () => {
  test('is owed nothing for the round: its hold is given back, for the retry reserves for itself', () => {
    const after = given({}, held(150), { type: 'HoldDispatched' })
      .when(returned('input-required'))
      .thenSays(released(150, 'input-required'));
    expect(usedOf(after, 'user:ada')).toEqual({ calls: { held: 0, spent: 0 }, money: { USD: { held: 0, spent: 0 } } });
  });
});

describe('calls without an end', () => {
  const expiry = (nowMs: number): LedgerCommand => ({ type: 'PassExpiry', nowMs, graceMs: 60_000, doubtAfterMs: 3_600_000 });

  test('a hold that was never dispatched expires after its time to live and the grace', () => {
    given({}, held(150))
      .when(expiry(NOON + 67_999))
      .thenNothingHappens();
    given({}, held(150))
      .when(expiry(NOON + 68_000))
      .thenSays(released(150, 'expired'));
  });

  test('a dispatched one never expires: it is in doubt and keeps its hold', () => {
    given({}, held(150), { type: 'HoldDispatched' })
      .when(expiry(NOON + 3_608_000))
      .thenSays({ type: 'HoldDoubted' });
    given({}, held(150), { type: 'HoldDoubted' })
      .when(expiry(NOON + 1e12))
      .thenNothingHappens();
    const { state } = given({}, held(150), { type: 'HoldDoubted' });
    expect(usedOf(state, 'user:ada').money).toEqual({ USD: { held: 150, spent: 0 } });
  });

  test('in doubt, settled by a person: what was executed is charged, what was not is given back', () => {
    const doubted = given({}, held(150), { type: 'HoldDispatched' }).when({ type: 'KeepInDoubt' });
    doubted.thenSays({ type: 'HoldDoubted' });
    given({}, held(150), { type: 'HoldDoubted' }).when({ type: 'SettleBudget', actualMicros: null }).thenSays(settled(150));
    given({}, held(150), { type: 'HoldDoubted' }).when(returned('not-executed')).thenSays(released(150, 'not-executed'));
  });

  test('in doubt, is ended by a person alone: who waits elsewhere ends nothing', () =>
    given({}, held(150), { type: 'HoldDoubted' }).when(release('abandoned')).thenNothingHappens());

  test('in doubt after its hold was given back is remembered, charged when it was executed, and forgotten when it was not', () => {
    const after = given({}, held(150), released(150, 'expired')).when({ type: 'KeepInDoubt' }).thenSays({ type: 'HoldDoubted' });
    expect(after.call).toMatchObject({ status: 'released', hold: { inDoubt: true } });
    expect(decideLedger({ type: 'SettleBudget', actualMicros: null }, after)).toEqual([settled(150)]);
    expect(decideLedger(returned('not-executed'), after)).toEqual([{ type: 'CallClosed' }]);
  });

  test('an answer after all is charged, and recorded where it overruns', () => {
    const limits = { 'user:ada': perDay(200) };
    const { state } = given(limits, held(150), released(150, 'expired'));
    const taken = { ...decideLedger(reserve(200), another(state, limits)).reduce(folded, another(state, limits)), call: state.call };
    expect(decideLedger({ type: 'SettleBudget', actualMicros: null }, taken)).toEqual([
      settled(150),
      { type: 'BudgetOverran', data: { account: 'user:ada', heldMicros: 0, actualMicros: 150, currency: 'USD' } },
    ]);
  });
});

describe('a plan', () => {
  const plan = (cost: number | null): LedgerCommand => ({ type: 'QuoteBudget', payer, ...asked(cost) });
  test('is quoted, affordable or not, and holds nothing', () => {
    const quoted = (affordable: boolean): LedgerFact => ({
      type: 'BudgetQuoted',
      data: { amounts: amounts(150), currency: 'USD', priceListVersion: '7', affordable },
    });
    const after = given({ 'user:ada': perDay(150) })
      .when(plan(150))
      .thenSays(quoted(true));
    expect(after.usage.size).toBe(0);
    given({ 'user:ada': perDay(149) })
      .when(plan(150))
      .thenSays(quoted(false));
  });

  test('that is tried out as a dry run holds and charges nothing, whatever becomes of it', () => {
    for (const command of [
      { type: 'NoteDispatch' },
      { type: 'SettleBudget', actualMicros: null },
      { type: 'KeepInDoubt' },
      release('planned'),
    ] as const)
      given(
        {},
        {
          type: 'BudgetQuoted',
          data: { amounts: amounts(150), currency: 'USD', priceListVersion: '7', affordable: true },
        },
      )
        .when(command)
        .thenNothingHappens();
  });

  test('without a price has no quote', () => given({}).when(plan(null)).thenSays(refused({})));
});

test('a statement says what is held, spent and left of each window, and when it resets', () => {
  const limit = { maxMicros: 200, currency: 'USD', maxCalls: 5 };
  const { state } = given({}, held(150));
  const usage = state.usage.get('user:ada') ?? unusedAccount;
  expect(statementOf(usage, 'hour', limit, NOON)).toEqual({
    window: 'hour',
    startsAt: '2026-11-21T12:00:00.000Z',
    resetsAt: '2026-11-21T13:00:00.000Z',
    limit,
    calls: { held: 1, spent: 0 },
    money: { USD: { held: 150, spent: 0 } },
    leftMicros: 50,
    leftCalls: 4,
    forecast: {
      perHour: { calls: 20, money: { USD: 3_000 } },
      atReset: { calls: 20, money: { USD: 3_000 } },
      runsOutAt: '2026-11-21T12:01:00.000Z',
    },
  });
  expect(statementOf(usage, 'hour', limit, NOON + 3_600_000)).toMatchObject({
    leftMicros: 200,
    leftCalls: 5,
    calls: { held: 0, spent: 0 },
  });
});
