import type { AnyEnvelope, BudgetLimit, BudgetWindow, EventData, EventType } from '@sallyport/contracts';
import { BUDGET_WINDOWS, type BudgetEvent, unusedAccount, usageAt, windowStart } from '@sallyport/domain';
import { anEvent, requestFacts, toolCallCompleted } from '@sallyport/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wishOf } from './command-of.js';
import { accountsIn, parseUsage, type StoredCall, type UsageByTenant } from './ledger.store.js';
import { type AccountableEvent, LedgerBatch } from './ledger-batch.js';
import { Terms } from './terms.js';

/** A history that went wrong is made again with `SALLYPORT_SEED`. */
const SEED = Number(process.env.SALLYPORT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const HISTORIES = 10_000;
const START_MS = Date.UTC(2026, 10, 30, 22, 0, 0);
const TTL_MS = 8_000;
const WAITS = { graceMs: 60_000, doubtAfterMs: 3_600_000 };
const TOOLS = { 'crm/search': 150, 'crm/export': 900, 'crm/ping': 0, 'crm/mystery': null } as const;

type Step = readonly [type: EventType, data: Record<string, unknown>];
const data = {
  parked: {
    approvalRuleIds: [],
    paramsHash: 'h'.repeat(43),
    toolDigest: `sha256:${'a'.repeat(64)}`,
    expiresAt: '2026-12-01T00:00:00.000Z',
  },
  inputRequired: { round: 1, requests: ['confirm'] },
  failed: (reached: string) => ({ code: 'upstream.failed', reasons: [], reached, upstreamMicros: 0, totalMicros: 0 }),
  cancelled: (reached: string) => ({ stage: 'requested', reached, totalMicros: 0 }),
};
/** What an edge may write about a call after it asked; `%` of what was held is what the upstream reports, `null` nothing. */
const endings: readonly (readonly Step[])[] = [
  [['ToolCallRefused', { code: 'policy.denied' }]],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallCompleted', { cost: null }],
  ],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallCompleted', { cost: 40 }],
  ],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallCompleted', { cost: 400 }],
  ],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallFailed', data.failed('yes')],
  ],
  [['ToolCallFailed', data.failed('no')]],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallFailed', data.failed('unknown')],
  ],
  [['ToolCallCancelled', data.cancelled('no')]],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallCancelled', data.cancelled('yes')],
  ],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallInDoubt', {}],
  ],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallInDoubt', {}],
    ['ToolCallResolved', { resolution: 'executed' }],
  ],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallInDoubt', {}],
    ['ToolCallResolved', { resolution: 'not-executed' }],
  ],
  [['ToolCallAbandoned', { stage: 'requested', reason: 'lost' }]],
  [
    ['ToolCallDispatched', {}],
    ['ToolCallInputRequired', data.inputRequired],
  ],
  // The edge died: before it sent anything, or after.
  [],
  [['ToolCallDispatched', {}]],
];
const PARKED: Step = ['ToolCallParked', data.parked];
/** `stands`: with the request as recorded first, as edges of today write it. */
const RESUMED: Step = ['ToolCallResumed', { stands: true }];
const ABANDONED: Step = ['ToolCallAbandoned', { stage: 'parked', reason: 'awaiting-resend' }];
const SENT: Step = ['ToolCallDispatched', {}];
/** Asked for anew: behind a dispatch, of which nothing was sent then. */
const ASKED_ANEW: Step = ['ToolCallReevaluationRequested', {}];
const ANSWERED: Step = ['ToolCallCompleted', { cost: 100 }];
const REFUSED: Step = ['ToolCallRefused', { code: 'approval.rejected' }];
/** A call that waits for people: on one replica or on two, which know nothing of each other. */
const waits: readonly (readonly Step[])[] = [
  [PARKED, ABANDONED],
  [PARKED],
  [PARKED, REFUSED],
  [PARKED, ['ToolCallCancelled', { stage: 'parked', reached: 'no', totalMicros: 0 }]],
  [PARKED, ['ToolCallResumed', {}], SENT, ANSWERED],
  [PARKED, ABANDONED, PARKED, RESUMED, SENT, ANSWERED],
  [PARKED, PARKED, RESUMED, PARKED, RESUMED, SENT, ANSWERED],
  [PARKED, RESUMED, RESUMED, PARKED, SENT, ANSWERED],
  [PARKED, RESUMED, RESUMED, SENT, PARKED, ANSWERED, RESUMED, SENT, ANSWERED],
  [PARKED, RESUMED, SENT, RESUMED, REFUSED, ANSWERED],
  [PARKED, RESUMED, ABANDONED, SENT, ['ToolCallInDoubt', {}], ['ToolCallResolved', { resolution: 'executed' }]],
  [PARKED, RESUMED, ABANDONED, SENT, ['ToolCallInDoubt', {}], ['ToolCallResolved', { resolution: 'not-executed' }]],
];
const recalls: readonly (readonly Step[])[] = [
  [ASKED_ANEW, SENT, ANSWERED],
  [SENT, ASKED_ANEW, SENT, ANSWERED],
  [SENT, ASKED_ANEW, SENT, ASKED_ANEW, ['ToolCallRefused', { code: 'policy.denied' }]],
  [SENT, ASKED_ANEW, PARKED, RESUMED, SENT, ANSWERED],
  [SENT, ASKED_ANEW, ['ToolCallAbandoned', { stage: 'requested', reason: 'lost' }]],
  [SENT, ASKED_ANEW, SENT, ['ToolCallInDoubt', {}]],
  [SENT, ASKED_ANEW],
];
const scripts: readonly (readonly Step[])[] = [
  ...recalls,
  ...endings,
  ...endings.map((ending): Step[] => [PARKED, RESUMED, ...ending]),
  ...waits,
];
const steps: readonly Step[] = [...scripts.flat(), ['ToolCallPlanned', {}]];

const callPlan = fc.record({
  // What edges write, and now and then anything in any order: books that balance must not rest on the good behaviour of their writers.
  script: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...scripts) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...steps), { maxLength: 8 }) },
  ),
  /** Whether this accountant ever saw what was asked first. */
  isSeen: fc.constantFrom(true, true, true, true, false),
  tool: fc.constantFrom(...Object.keys(TOOLS)),
  subject: fc.constantFrom('user:ada', 'user:ben'),
  actors: fc.constantFrom(['agent:a'], ['agent:a', 'agent:b'], []),
  purpose: fc.constantFrom('execute', 'execute', 'execute', 'plan'),
});
const windowLimit = fc.record({ maxMicros: fc.constantFrom(0, 150, 500, 1_500), maxCalls: fc.constantFrom(1, 3, 10) });
const limitPlan = fc.dictionary(
  fc.constantFrom('tenant:acme', 'user:ada', 'user:*', 'agent:*', 'agent:b', 'tool:crm/export'),
  fc.dictionary(fc.constantFrom(...BUDGET_WINDOWS), windowLimit, { maxKeys: 2 }),
  { maxKeys: 4 },
);
const history = fc.record({
  limits: limitPlan,
  calls: fc.array(callPlan, { minLength: 1, maxLength: 7 }),
  picks: fc.array(
    fc.record({
      call: fc.nat(6),
      afterMs: fc.constantFrom(0, 0, 0, 5, 2_000, 40_000, 70_000, 4_000_000),
      again: fc.option(fc.nat(30), { nil: null, freq: 4 }),
    }),
    { maxLength: 35 },
  ),
});

/** The books kept a second time, the slow way: from what the ledger said, summed up anew each time. */
class Oracle {
  private readonly holds = new Map<string, { readonly amounts: EventData<'BudgetReserved'>['amounts']; readonly atMs: number }>();
  private readonly released = new Map<string, number>();
  private readonly spent: { readonly account: string; readonly micros: number; readonly atMs: number }[] = [];
  private readonly overran: { readonly account: string; readonly atMs: number }[] = [];

  hear(callId: string, { type, data: said }: BudgetEvent, nowMs: number): void {
    const hold = this.holds.get(callId);
    if (type === 'BudgetReserved') {
      // Nothing more is held only for what holds already.
      expect(hold === undefined).toBe(said.amounts.length > 0);
      if (hold !== undefined) return;
      this.holds.set(callId, { amounts: said.amounts, atMs: nowMs });
    } else if (type === 'BudgetReleased') {
      expect(said.amounts).toEqual(hold?.amounts);
      this.released.set(callId, hold?.atMs ?? Number.NaN);
      this.holds.delete(callId);
    } else if (type === 'BudgetSettled') {
      const atMs = hold?.atMs ?? this.released.get(callId) ?? Number.NaN;
      for (const { account, amountMicros } of said.amounts) this.spent.push({ account, micros: amountMicros, atMs });
      this.holds.delete(callId);
      this.released.set(callId, atMs);
    } else if (type === 'BudgetOverran') {
      this.overran.push({ account: said.account, atMs: this.released.get(callId) ?? Number.NaN });
    }
  }

  held(): ReadonlySet<string> {
    return new Set(this.holds.keys());
  }

  sums(account: string, window: BudgetWindow, nowMs: number): { held: number; spent: number; calls: number; overran: boolean } {
    const startMs = windowStart(window, nowMs);
    const isNow = ({ atMs }: { readonly atMs: number }): boolean => windowStart(window, atMs) === startMs;
    let [held, spent, calls] = [0, 0, 0];
    for (const hold of this.holds.values()) {
      for (const { account: of, amountMicros } of isNow(hold) ? hold.amounts : []) {
        if (of === account) {
          held += amountMicros;
          calls += 1;
        }
      }
    }
    for (const one of this.spent) {
      if (one.account === account && isNow(one)) {
        spent += one.micros;
        calls += 1;
      }
    }
    return { held, spent, calls, overran: this.overran.some((one) => one.account === account && isNow(one)) };
  }
}

const termsOf = async (limits: Record<string, BudgetLimit>): Promise<Terms> => {
  const terms = new Terms();
  const blank = { tenant_id: 'acme', limits: null, cost_micros: null, currency: null, list_version: null, version: '1' };
  const rows = [
    ...Object.entries(limits).map(([name, limit]) => ({ ...blank, kind: 'limit', name, limits: JSON.stringify(limit) })),
    ...Object.entries(TOOLS).map(([name, cost]) => ({
      ...{ ...blank, kind: 'price', name, currency: 'USD', list_version: '3', cost_micros: cost === null ? null : String(cost) },
    })),
  ];
  const answer = { rows, rowCount: rows.length };
  // The one statement that terms are loaded with.
  await terms.reach({ query: async <R>() => answer as { rows: R[]; rowCount: number } }, 1n);
  return terms;
};

const run = async ({ limits, calls: plans, picks }: typeof history extends fc.Arbitrary<infer H> ? H : never): Promise<void> => {
  const inForce: Record<string, BudgetLimit> = Object.fromEntries(
    Object.entries(limits).map(([account, windows]) => [
      account,
      Object.fromEntries(Object.entries(windows).map(([window, limit]) => [window, { ...limit, currency: 'USD' }])),
    ]),
  );
  const terms = await termsOf(inForce);
  const calls = new Map<string, StoredCall>();
  const usage: UsageByTenant = new Map();
  const ledger = new LedgerBatch(calls, usage, terms, WAITS);
  const oracle = new Oracle();
  const written: AccountableEvent[] = [];
  const accounts = new Set<string>();
  let nowMs = START_MS;
  let heard = 0;

  const check = (): void => {
    for (const account of accounts) {
      const limit = terms.limitOf('acme', account)?.limit;
      for (const window of BUDGET_WINDOWS) {
        const sums = oracle.sums(account, window, nowMs);
        const used = usageAt(usage.get('acme')?.get(account) ?? unusedAccount, window, nowMs);
        expect({ held: sums.held, spent: sums.spent }).toEqual(used.money.USD ?? { held: 0, spent: 0 });
        expect(sums.calls).toBe(used.calls.held + used.calls.spent);
        const bound = limit?.[window];
        if (bound === undefined || sums.overran) continue;
        expect(sums.held + sums.spent).toBeLessThanOrEqual(bound.maxMicros ?? Number.POSITIVE_INFINITY);
        expect(sums.calls).toBeLessThanOrEqual(bound.maxCalls ?? Number.POSITIVE_INFINITY);
      }
    }
  };
  const listen = (): void => {
    for (const { cause, fact } of ledger.answers.slice(heard)) {
      oracle.hear(cause.callId, fact, nowMs);
      if ('amounts' in fact.data) for (const { account } of fact.data.amounts) accounts.add(account);
    }
    heard = ledger.answers.length;
  };
  const expire = (): void => {
    for (const callId of [...calls.keys()].map((name) => name.slice(5))) {
      for (const fact of ledger.expire({ tenantId: 'acme', callId }, 'chain', nowMs)) oracle.hear(callId, fact, nowMs);
    }
  };
  const write = (callId: string, type: EventType, content: Record<string, unknown>, plan: (typeof plans)[number]): void => {
    const event = eventOf(callId, type, content, plan);
    const wish = wishOf(event);
    if (wish === null) throw new Error(`${type} is nothing to the ledger`);
    const one = { event, wish, tenantId: 'acme', callId, chainId: 'chain', appendedAtMs: nowMs };
    // What is said of a call before the ledger knows it is nothing to it, and is not remembered.
    if (calls.has(`acme ${callId}`) || type === 'ToolCallRequested' || type === 'ToolCallResumed') written.push(one);
    const before = ledger.answers.length;
    ledger.handle(one, nowMs);
    // No edge waits in vain, and none is told twice.
    const answers = ledger.answers.slice(before).filter(({ edgeId }) => edgeId !== null);
    expect(answers).toHaveLength(type === 'ToolCallRequested' || type === 'ToolCallResumed' ? 1 : 0);
    listen();
  };

  const places = plans.map(() => -1);
  const left = plans.map(({ script }) => script);
  for (const { call, afterMs, again } of picks) {
    nowMs += afterMs;
    if (afterMs >= 40_000) expire();
    const repeated = again === null ? undefined : written[again];
    if (repeated !== undefined) {
      const before = JSON.stringify([[...calls], [...accountsIn(usage, 'acme')]]);
      ledger.handle(repeated, nowMs);
      expect(ledger.answers.length).toBe(heard);
      expect(JSON.stringify([[...calls], [...accountsIn(usage, 'acme')]])).toBe(before);
      continue;
    }
    const index = call % plans.length;
    const plan = plans[index];
    const place = places[index];
    if (plan === undefined || place === undefined) continue;
    const callId = `call-${index}`;
    places[index] = place + 1;
    if (place === -1) {
      if (!plan.isSeen) continue;
      write(callId, 'ToolCallRequested', {}, plan);
      const answer = ledger.answers.findLast(({ cause }) => cause.callId === callId)?.fact;
      // What an edge does with a refusal, and at the end of a plan.
      if (answer?.type === 'BudgetReservationRefused') left[index] = [['ToolCallRefused', { code: 'budget.exhausted' }]];
      else if (plan.purpose === 'plan') {
        left[index] = [
          ['ToolCallDispatched', { dryRun: true }],
          ['ToolCallPlanned', {}],
        ];
      }
    } else {
      const step = left[index]?.[place];
      if (step === undefined) continue;
      write(callId, step[0], step[1], plan);
      const answer = ledger.answers.findLast(({ cause }) => cause.callId === callId)?.fact;
      if (step[0] === 'ToolCallResumed' && answer?.type === 'BudgetReservationRefused') {
        left[index] = [...(left[index] ?? []).slice(0, place + 1), ['ToolCallRefused', { code: 'budget.exhausted' }]];
      }
    }
    check();
  }
  nowMs += 100_000_000;
  expire();
  nowMs += 100_000_000;
  expire();
  check();
  // The store keeps what it writes, and hands it out in place of what it would parse.
  for (const used of accountsIn(usage, 'acme').values()) expect(parseUsage(JSON.stringify(used))).toStrictEqual(used);
  const held = oracle.held();
  for (const [name, { budget }] of calls) {
    expect(budget.status === 'held').toBe(held.has(name.slice(5)));
    if (budget.status === 'held') expect(budget.hold.inDoubt).toBe(true);
  }
};

const eventOf = (
  callId: string,
  type: EventType,
  content: Record<string, unknown>,
  {
    tool,
    subject,
    actors,
    purpose,
  }: { readonly tool: string; readonly subject: string; readonly actors: readonly string[]; readonly purpose: string },
): AnyEnvelope => {
  if (type === 'ToolCallCompleted') {
    const price = TOOLS[tool as keyof typeof TOOLS] ?? 0;
    const reportedCostMicros = typeof content.cost === 'number' ? Math.round((price * content.cost) / 100) : null;
    const { data: answer } = toolCallCompleted({ reportedCostMicros });
    return anEvent('ToolCallCompleted', answer as EventData<'ToolCallCompleted'>, { callId });
  }
  const facts = requestFacts({
    principal: { ...requestFacts().principal, subject, actors: [...actors] },
    target: { kind: 'tool', server: 'crm', name: tool.slice(4) },
    purpose: purpose === 'plan' ? 'plan' : 'execute',
  });
  if (type === 'ToolCallResumed') {
    const { stands, ...rest } = { approvalId: 'a-1', evaluation: 2, edgeId: 'edge-2', stands: content.stands };
    return anEvent(type, stands === true ? { ...rest, request: facts } : rest, { callId });
  }
  if (type !== 'ToolCallRequested') return anEvent(type, content as EventData<typeof type>, { callId });
  const request = {
    ...facts,
    sealedParams: 'sealed',
    idempotencyKeyHash: null,
    ttlMs: TTL_MS,
    requires: ['policy' as const, 'budget' as const],
  };
  return anEvent('ToolCallRequested', request, { callId });
};

test(`keeps the books over ${HISTORIES} random histories (seed ${SEED})`, { timeout: 300_000 }, async () => {
  await fc.assert(fc.asyncProperty(history, run), { numRuns: HISTORIES, seed: SEED });
});
