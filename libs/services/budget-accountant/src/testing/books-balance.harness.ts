import { type AnyEnvelope, type EventData, type EventType, encodeEvent } from '@sallyport/contracts';
import { anEvent, requestFacts, type TestPostgres, toolCallCompleted, toolCallRefused } from '@sallyport/testing';
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  type AccountantHarness,
  declared,
  type OpenLog,
  of,
  openAccountantHarness,
  type RunningAccountant,
  requested,
} from './accountant.harness.js';

const COST = 100;
const CALLS = 90;
const CHAINS = 9;
const LIMITS = { 'tenant:acme': 4_000, 'user:ada': 1_500, 'agent:loop': 900 } as const;
/** Longer than any hold that ends by itself waits for its end, and than any that does not waits for being listed. */
const LATER_MS = 2 * 3_600_000;

type Step = readonly [type: EventType, data: Record<string, unknown>];
const SENT: Step = [
  'ToolCallDispatched',
  { server: 'crm', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: null, decisionId: 'd', dryRun: false, redactions: [] },
];
/** Behind a dispatch: nothing of it was sent. */
const ASKED_ANEW: Step = [
  'ToolCallReevaluationRequested',
  { evaluation: 2, reason: 'decision-too-old', sealedParams: null, paramsHash: 'h'.repeat(43), labels: [], edgeId: 'edge-1' },
];
const PARKED: Step = [
  'ToolCallParked',
  { approvalRuleIds: ['r'], paramsHash: 'h'.repeat(43), toolDigest: `sha256:${'a'.repeat(64)}`, expiresAt: '2026-12-01T00:00:00.000Z' },
];
const RESUMED: Step = ['ToolCallResumed', { approvalId: 'a-1', evaluation: 2, edgeId: 'edge-2' }];
const ABANDONED: Step = ['ToolCallAbandoned', { stage: 'parked', reason: 'awaiting-resend' }];
const ANSWERED: Step = ['ToolCallCompleted', { reportedCostMicros: null }];
const DEARER: Step = ['ToolCallCompleted', { reportedCostMicros: 350 }];
const CHEAPER: Step = ['ToolCallCompleted', { reportedCostMicros: 40 }];
const REFUSED: Step = ['ToolCallRefused', {}];
const DOUBTED: Step = ['ToolCallInDoubt', { attempt: 1, reason: 'the edge died' }];
const resolved = (resolution: 'executed' | 'not-executed'): Step => [
  'ToolCallResolved',
  { resolution, resolvedBy: 'user:grace', note: '' },
];
const failed = (reached: string): Step => [
  'ToolCallFailed',
  { code: 'upstream.failed', reasons: [], reached, upstreamMicros: 0, totalMicros: 0 },
];
const ASKED_BACK: Step = [
  'ToolCallInputRequired',
  {
    ...{ round: 1, requests: ['confirm'], outputHash: 'h'.repeat(43), labels: [], redactions: [] },
    ...{ upstreamMicros: 0, totalMicros: 0 },
  },
];

const LIVES: readonly (readonly Step[])[] = [
  [SENT, ANSWERED],
  [SENT, DEARER],
  [SENT, CHEAPER],
  [REFUSED],
  [SENT, ASKED_ANEW, SENT, ANSWERED],
  [SENT, ASKED_ANEW, SENT, ASKED_ANEW, REFUSED],
  [SENT, ASKED_ANEW],
  [SENT, failed('unknown')],
  [failed('no')],
  [SENT, ASKED_BACK],
  [SENT, DOUBTED],
  [SENT, DOUBTED, resolved('executed')],
  [SENT, DOUBTED, resolved('not-executed')],
  // The edge died before and after it sent.
  [],
  [SENT],
  [PARKED],
  [PARKED, ABANDONED],
  [PARKED, RESUMED],
  [PARKED, RESUMED, SENT, ANSWERED],
  [PARKED, ABANDONED, PARKED, RESUMED, SENT, DOUBTED],
  // Two replicas, one grant.
  [PARKED, PARKED, RESUMED, RESUMED, SENT, PARKED, ANSWERED],
  [PARKED, RESUMED, RESUMED, PARKED, SENT, DEARER],
];
/** Another accountant may have seen what was asked first; this log begins where people agreed. */
const UNSEEN_LIVES: readonly (readonly Step[])[] = [
  [RESUMED, SENT, ANSWERED],
  [RESUMED, SENT, DOUBTED],
];

const callPlan = fc.record({
  life: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...LIVES).map((steps) => ({ steps, isSeen: true })) },
    { weight: 1, arbitrary: fc.constantFrom(...UNSEEN_LIVES).map((steps) => ({ steps, isSeen: false })) },
  ),
  subject: fc.constantFrom('user:ada', 'user:ben'),
  actors: fc.constantFrom(['agent:triage'], ['agent:loop', 'agent:triage']),
  purpose: fc.constantFrom<('execute' | 'plan')[]>('execute', 'execute', 'execute', 'execute', 'plan'),
});
type CallPlan = typeof callPlan extends fc.Arbitrary<infer P> ? P : never;
const historyPlan = fc.record({
  calls: fc.array(callPlan, { minLength: CALLS, maxLength: CALLS }),
  turns: fc.array(fc.nat(CALLS - 1), { minLength: CALLS * 4, maxLength: CALLS * 4 }),
  /** How many records go to the log at once, and whether the same once more. */
  appends: fc.array(fc.record({ size: fc.integer({ min: 1, max: 24 }), twice: fc.boolean() }), { minLength: 20, maxLength: 20 }),
});

const eventsOf = ({ life, subject, actors, purpose }: CallPlan, index: number): AnyEnvelope[] => {
  const callId = `call-${index}`;
  const here = of(callId, `chain-${index % CHAINS}`);
  const facts = { purpose };
  const first = requested(callId, { subject, actors, chainId: here.chainId, facts });
  const request = requestFacts({
    principal: { ...requestFacts().principal, subject, actors: [...actors] },
    target: { kind: 'tool', server: 'crm', name: 'search' },
  });
  const steps = purpose === 'plan' && life.isSeen ? PLANNED : life.steps;
  const told = steps.map(([type, data], step): AnyEnvelope => {
    const its = { ...here, id: `${callId}-${step}` };
    if (type === 'ToolCallCompleted') return { ...toolCallCompleted(data), ...its };
    if (type === 'ToolCallRefused') return { ...toolCallRefused(), ...its };
    const whole = type === 'ToolCallResumed' ? { ...data, request } : data;
    return anEvent(type, whole as EventData<typeof type>, its);
  });
  return life.isSeen ? [first, ...told] : told;
};
const PLANNED: readonly Step[] = [
  [SENT[0], { ...SENT[1], dryRun: true }],
  ['ToolCallPlanned', { decisionId: 'd', quoteMicros: COST, redactions: [], dryRunHash: null, totalMicros: 0 }],
];

/** One history: the events of each call in their order, calls in any. */
const interleaved = (calls: readonly AnyEnvelope[][], turns: readonly number[]): AnyEnvelope[] => {
  const left = calls.map((events) => [...events]);
  const mixed = turns.flatMap((turn) => left[turn]?.shift() ?? []);
  return [...mixed, ...left.flat()];
};

interface Book {
  held: number;
  spent: number;
}

/** What the books must be by what was said of each call. */
const booksBySaid = (said: readonly AnyEnvelope[]): Map<string, Book> => {
  const books = new Map<string, Book>();
  const open = new Map<string, number>();
  for (const { type, data, callId } of said) {
    if (type !== 'BudgetReserved' && type !== 'BudgetReleased' && type !== 'BudgetSettled') continue;
    const id = callId ?? '';
    const amount = data.amounts[0]?.amountMicros;
    if (amount === undefined) continue;
    const before = open.get(id) ?? 0;
    for (const { account } of data.amounts) {
      const book = books.get(account) ?? { held: 0, spent: 0 };
      book.held += type === 'BudgetReserved' ? amount : -before;
      if (type === 'BudgetSettled') book.spent += amount;
      books.set(account, book);
    }
    if (type === 'BudgetReserved') open.set(id, amount);
    else open.delete(id);
  }
  return books;
};

/**
 * Runs a random history of calls through two accountants that are killed and replaced meanwhile, and holds the books against what was said,
 * against their limits, and against themselves when all of it is handled again. The history is made from `seed`.
 */
export const proveThatTheBooksBalance = async (
  postgres: TestPostgres,
  openLog: OpenLog,
  logInSameDatabase: boolean,
  seed: number,
): Promise<void> => {
  const [plan] = fc.sample(historyPlan, { seed, numRuns: 1 });
  if (plan === undefined) throw new TypeError('no history');
  const history = interleaved(plan.calls.map(eventsOf), plan.turns);
  const harness = await openAccountantHarness(postgres, openLog, logInSameDatabase);
  const { url, name } = harness.database;
  let aheadMs = 0;
  const clock = {
    nowMs: () => Date.now() + aheadMs,
    nowIso: () => new Date(Date.now() + aheadMs).toISOString(),
    monotonicMs: () => performance.now(),
  };
  const limits = declared(
    Object.fromEntries(Object.entries(LIMITS).map(([account, maxMicros]) => [account, { month: { maxMicros, currency: 'USD' } }])),
  );
  const start = (): Promise<RunningAccountant> => harness.start({ clock, declared: limits });
  const running = [await start(), await start()];
  const snapshot = () =>
    Promise.all([
      postgres.admin<{ account: string; usage: string }>('SELECT account, usage FROM budget_accountant.account ORDER BY account', url),
      postgres.admin<{ call_id: string; status: string; in_doubt: boolean }>(
        'SELECT call_id, status, in_doubt FROM budget_accountant.call ORDER BY call_id',
        url,
      ),
    ]);
  const books = async (): Promise<Map<string, Book>> =>
    new Map(
      (await snapshot())[0].map(({ account, usage }) => {
        const { money } = JSON.parse(usage).month;
        return [account, { held: money.USD?.held ?? 0, spent: money.USD?.spent ?? 0 }];
      }),
    );
  /** A limit is passed by no more than overruns were recorded of it. */
  const seen: Map<string, Book>[] = [];
  const kill = () =>
    postgres.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'test-accountant-%' AND datname = '${name}' AND pid % 2 = 0`,
    );
  try {
    await harness.price({ 'crm/search': COST });
    let at = 0;
    for (const [index, { size, twice }] of plan.appends.entries()) {
      const isLast = index === plan.appends.length - 1;
      const records = history.slice(at, isLast ? history.length : at + size).map(encodeEvent);
      at += size;
      if (records.length > 0) await harness.log.append(records);
      if (records.length > 0 && twice) await harness.log.append(records);
      if (index % 7 === 3) await kill();
      if (index === 10) {
        await running.shift()?.stop();
        running.push(await start());
      }
      seen.push(await books());
    }
    const marks = Array.from({ length: CHAINS }, (_, chain) =>
      requested(`mark-${chain}`, { subject: 'user:zoe', chainId: `chain-${chain}` }),
    );
    const ends = marks.map((mark) => ({ ...toolCallRefused(), ...of(mark.callId ?? '', mark.chainId ?? ''), id: `${mark.callId}-end` }));
    await harness.append(...marks, ...ends);
    await harness.until(
      () =>
        marks.every(({ callId }) => {
          const types = harness.said.filter((event) => event.callId === callId).map(({ type }) => type);
          return types.includes('BudgetReservationRefused') || types.includes('BudgetReleased');
        }),
      'the end of every chain',
    );
    await expectBooksAsSaid(harness, books);
    seen.push(await books());
    for (const moment of seen) expectWithinLimits(moment, harness.said);

    aheadMs = LATER_MS;
    for (const { upkeep } of running) {
      await upkeep.sweep();
      await upkeep.sweep();
    }
    await harness.until(async () => {
      await running[0]?.upkeep.sweep();
      return (await snapshot())[1].every(({ status, in_doubt }) => status !== 'held' || in_doubt);
    }, 'holds to end or to be listed');
    await expectBooksAsSaid(harness, books);
    const answer = await running[0]?.app.inject({
      method: 'GET',
      url: '/v1/budgets/in-doubt',
      headers: { authorization: 'Bearer user:grace@acme sallyport:audit' },
    });
    const { holds } = answer?.json<{ holds: { callId: string; amountMicros: number }[] }>() ?? { holds: [] };
    const [accounts, calls] = await snapshot();
    expect(holds.map(({ callId }) => callId).sort()).toEqual(calls.filter(({ status }) => status === 'held').map(({ call_id }) => call_id));
    expect(holds.reduce((sum, { amountMicros }) => sum + amountMicros, 0)).toBe((await books()).get('tenant:acme')?.held);

    // Everything once more, from the first record of the log on.
    for (const accountant of running.splice(0)) await accountant.stop();
    const saidBefore = harness.said.length;
    const positions = () =>
      postgres.admin<{ position: string }>(
        'SELECT group_name, topic, partition, position FROM budget_accountant.consumer_position ORDER BY 1, 2, 3',
        url,
      );
    const reached = await positions();
    await postgres.admin(`UPDATE budget_accountant.consumer_position SET position = 0`, url);
    running.push(await start());
    await harness.until(async () => JSON.stringify(await positions()) === JSON.stringify(reached), 'the whole log to be handled again');
    expect(await snapshot()).toEqual([accounts, calls]);
    expect(harness.said.slice(saidBefore)).toEqual([]);
  } finally {
    for (const accountant of running) await accountant.stop();
    await harness.close();
  }
};

/** What accountants say comes a moment after the books were written. */
const expectBooksAsSaid = async (harness: AccountantHarness, books: () => Promise<Map<string, Book>>): Promise<void> => {
  const differing = async (): Promise<string[]> => {
    const [stored, said] = [await books(), booksBySaid(harness.said)];
    return [...stored].flatMap(([account, book]) => {
      const told = said.get(account) ?? { held: 0, spent: 0 };
      return book.held === told.held && book.spent === told.spent
        ? []
        : [`${account}: stored ${JSON.stringify(book)}, said ${JSON.stringify(told)}`];
    });
  };
  let found: string[] = [];
  await harness
    .until(async () => {
      found = await differing();
      return found.length === 0;
    }, 'the books to be what was said')
    .catch((error: unknown) => {
      throw new Error(found.join('\n'), { cause: error });
    });
};

const expectWithinLimits = (books: ReadonlyMap<string, Book>, said: readonly AnyEnvelope[]): void => {
  for (const [account, maxMicros] of Object.entries(LIMITS)) {
    const { held, spent } = books.get(account) ?? { held: 0, spent: 0 };
    const recorded = said.reduce(
      (sum, { type, data }) => (type === 'BudgetOverran' && data.account === account ? sum + data.actualMicros - data.heldMicros : sum),
      0,
    );
    expect(held + spent, `${account}, overruns of ${recorded} recorded`).toBeLessThanOrEqual(maxMicros + recorded);
  }
};
