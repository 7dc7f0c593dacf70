import { BudgetPage, HoldsInDoubt, LimitInForce, OwnBudgets, Spending } from '@sallyport/contracts';
import { anEvent, startTestPostgres, type TestPostgres, toolCallCompleted } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AccountantHarness,
  declared,
  of,
  openAccountantHarness,
  type RunningAccountant,
  requested,
} from '../testing/accountant.harness.js';

let postgres: TestPostgres;
let harness: AccountantHarness;
let accountant: RunningAccountant;

const OPERATOR = 'user:grace@acme sallyport:operate';
const AUDITOR = 'user:olga@acme sallyport:audit';

const call = async (method: 'GET' | 'PUT', path: string, as: string | null, body?: object) => {
  const answer = await accountant.app.inject({
    method,
    url: `/v1/budgets${path}`,
    headers: as === null ? {} : { authorization: `Bearer ${as}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: answer.json(), cache: answer.headers['cache-control'] };
};
const answered = (types: readonly string[]): boolean => types.some((type) => type.startsWith('BudgetReserv'));

beforeAll(async () => {
  postgres = await startTestPostgres();
  harness = await openAccountantHarness(postgres);
  accountant = await harness.start({
    declared: [
      ...declared({
        'user:ada': { day: { maxMicros: 1_000, currency: 'USD', maxCalls: 5 } },
        'user:*': { day: { maxMicros: 200, currency: 'USD' } },
        'tenant:acme': { month: { maxMicros: 9_000, currency: 'USD' } },
      }),
      ...declared({ 'tenant:globex': { month: { maxCalls: 7 } } }, 'globex'),
    ],
  });
  await harness.price({ 'crm/search': 150 });
  await harness.append(
    requested('one'),
    requested('two'),
    { ...toolCallCompleted({ reportedCostMicros: 100 }), id: 'two-2', ...of('two') },
    requested('lost'),
    anEvent('ToolCallInDoubt', { attempt: 1, reason: 'the edge died' }, of('lost')),
  );
  await harness.saidOf('two', (types) => types.includes('BudgetSettled'));
  await harness.saidOf('lost', answered);
  await harness.until(async () => (await call('GET', '/in-doubt', AUDITOR)).body.holds.length === 1, 'the doubt');
});
afterAll(async () => {
  await accountant.stop();
  await harness.close();
  await postgres.stop();
});

describe('who may ask', () => {
  test('nobody without a token', async () => {
    for (const path of ['/me', '', '/in-doubt', '/spending?account=user:ada'])
      expect(await call('GET', path, null)).toMatchObject({ status: 401, body: { code: 'identity.token-missing' } });
    expect(await call('PUT', '', null, {})).toMatchObject({ status: 401 });
  });

  test('everybody what is left for them, operators and auditors what everybody has, operators alone may change', async () => {
    expect((await call('GET', '/me', 'user:ada@acme')).status).toBe(200);
    for (const path of ['', '/in-doubt', '/spending?account=user:ada']) {
      expect(await call('GET', path, 'user:ada@acme tools:read')).toMatchObject({ status: 403, body: { code: 'identity.forbidden' } });
      for (const who of [OPERATOR, AUDITOR]) expect((await call('GET', path, who)).status).toBe(200);
    }
    const change = { account: 'user:ada', limit: null, why: 'mine' };
    for (const who of [AUDITOR, 'user:ada@acme tools:write']) expect((await call('PUT', '', who, change)).status).toBe(403);
  });

  test('a tenant about its own books alone', async () => {
    const foreign = await call('GET', '', 'user:eve@globex sallyport:operate');
    expect(foreign.body).toMatchObject({ accounts: [{ account: 'tenant:globex' }], limits: [{ account: 'tenant:globex' }] });
    expect((await call('GET', '/in-doubt', 'user:eve@globex sallyport:operate')).body).toEqual({ holds: [] });
    expect((await call('GET', '/spending?account=user:ada&step=day', 'user:eve@globex sallyport:operate')).body).toMatchObject({
      accounts: [{ account: 'user:ada', steps: [] }],
    });
    expect((await call('GET', '/me', 'user:ada@globex')).body.accounts).toMatchObject([
      { account: 'tenant:globex' },
      { account: 'user:ada', windows: [{ calls: { held: 0, spent: 0 } }, {}, {}, {}] },
    ]);
    const put = { account: 'tenant:acme', limit: null, why: 'theirs' };
    expect(await call('PUT', '', 'user:eve@globex sallyport:operate', put)).toMatchObject({
      status: 400,
      body: { code: 'request.invalid' },
    });
    await call('PUT', '', 'user:eve@globex sallyport:operate', { account: 'user:ada', limit: { day: { maxCalls: 0 } }, why: 'ours' });
    expect((await call('GET', '?account=user:ada', OPERATOR)).body.accounts[0]).toMatchObject({
      limitOf: 'user:ada',
      windows: [{}, {}, { leftMicros: 600 }, {}],
    });
  });
});

test('says what is left for a principal: per account and window, held, spent, limit and when it resets', async () => {
  const { body, cache } = await call('GET', '/me', 'user:ada@acme');
  expect(cache).toBe('no-store');
  const { accounts } = OwnBudgets.parse(body);
  expect(accounts.map(({ account }) => account)).toEqual(['tenant:acme', 'user:ada']);
  const [tenant, own] = accounts;
  expect(tenant?.windows).toMatchObject([{ window: 'month', leftMicros: 8_600, limit: { maxMicros: 9_000 } }]);
  const day = own?.windows.find(({ window }) => window === 'day');
  expect(day).toMatchObject({
    limit: { maxMicros: 1_000, currency: 'USD', maxCalls: 5 },
    money: { USD: { held: 300, spent: 100 } },
    calls: { held: 2, spent: 1 },
    ...{ leftMicros: 600, leftCalls: 2 },
  });
  expect(Date.parse(day?.resetsAt ?? '') - Date.parse(day?.startsAt ?? '')).toBe(86_400_000);
  // Whoever has no limit of their own has that of everybody.
  const ben = OwnBudgets.parse((await call('GET', '/me', 'user:ben@acme')).body).accounts.find(({ account }) => account === 'user:ben');
  expect(ben).toMatchObject({ limitOf: 'user:*', windows: [{}, {}, { leftMicros: 200 }, {}] });
});

test('shows operators limits and accounts, a page at a time', async () => {
  const first = BudgetPage.parse((await call('GET', '?limit=2', AUDITOR)).body);
  expect(first.limits.map(({ account, declared: isDeclared }) => [account, isDeclared])).toEqual([
    ['tenant:acme', true],
    ['user:*', true],
    ['user:ada', true],
  ]);
  expect(first.accounts.map(({ account }) => account)).toEqual(['agent:triage', 'tenant:acme']);
  const second = BudgetPage.parse((await call('GET', `?limit=2&cursor=${first.nextCursor}`, AUDITOR)).body);
  expect(second.accounts.map(({ account }) => account)).toEqual(['tool:crm/search', 'user:ada']);
  expect(second.nextCursor).toBeNull();
  expect(await call('GET', '?limit=0', AUDITOR)).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  const agents = BudgetPage.parse((await call('GET', '?kind=agent', AUDITOR)).body);
  expect(agents.accounts.map(({ account }) => account)).toEqual(['agent:triage']);
  expect(BudgetPage.parse((await call('GET', '?kind=workflow', AUDITOR)).body).accounts).toEqual([]);
  expect((await call('GET', '?kind=team', AUDITOR)).status).toBe(400);
});

test('shows an account that has a limit and was never used, and forecasts each window', async () => {
  await call('PUT', '', OPERATOR, { account: 'agent:idle', limit: { day: { maxCalls: 3 } }, why: 'to come' });
  const [idle] = BudgetPage.parse((await call('GET', '?account=agent:idle', AUDITOR)).body).accounts;
  expect(idle?.windows[2]).toMatchObject({ window: 'day', leftCalls: 3, calls: { held: 0, spent: 0 }, forecast: { runsOutAt: null } });
  await call('PUT', '', OPERATOR, { account: 'agent:idle', limit: null, why: 'never mind' });
  const [ada] = BudgetPage.parse((await call('GET', '?account=user:ada', AUDITOR)).body).accounts;
  const month = ada?.windows.find(({ window }) => window === 'month');
  expect(month?.forecast.atReset.money.USD).toBeGreaterThanOrEqual(400);
});

test('shows what was spent over time, in the hour it was held in, as often as it is asked and no more', async () => {
  const steps = async (query: string) => Spending.parse((await call('GET', `/spending?${query}`, AUDITOR)).body);
  const spent = await steps('account=user:ada&account=agent:triage&account=user:nobody');
  expect(spent.accounts).toMatchObject([
    { account: 'user:ada', steps: [{ currency: 'USD', spentMicros: 100, calls: 1 }] },
    { account: 'agent:triage', steps: [{ currency: 'USD', spentMicros: 100, calls: 1 }] },
    { account: 'user:nobody', steps: [] },
  ]);
  expect(Date.parse(spent.to) - Date.parse(spent.from)).toBe(24 * 3_600_000);
  const days = await steps('account=user:ada&step=day');
  expect(Date.parse(days.to) - Date.parse(days.from)).toBe(31 * 86_400_000);
  expect(days.accounts[0]?.steps).toMatchObject([{ spentMicros: 100, calls: 1 }]);
  const past = await steps('account=user:ada&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z');
  expect(past).toMatchObject({ from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T00:00:00.000Z', accounts: [{ steps: [] }] });
  for (const query of [
    'account=user:ada&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
    'account=user:ada&from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z',
    'step=day',
    'account=user:ada&step=week',
    Array.from({ length: 51 }, (_, n) => `account=user:p${n}`).join('&'),
  ])
    expect(await call('GET', `/spending?${query}`, AUDITOR), query).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
});

test('lists holds in doubt with what they hold', async () => {
  const { holds } = HoldsInDoubt.parse((await call('GET', '/in-doubt', AUDITOR)).body);
  expect(holds).toMatchObject([{ callId: 'lost', chainId: 'chain-1', amountMicros: 150, currency: 'USD' }]);
  expect(holds[0]?.accounts).toContain('user:ada');
});

test('a limit that was changed holds for the next call, and the change is an event with who, why, before and after', async () => {
  const put = await call('PUT', '', OPERATOR, { account: 'agent:triage', limit: { hour: { maxCalls: 3 } }, why: 'too eager' });
  expect(LimitInForce.parse(put.body)).toMatchObject({
    account: 'agent:triage',
    limit: { hour: { maxCalls: 3 } },
    declared: false,
    changedBy: 'user:grace',
  });
  await harness.append(requested('next', { subject: 'user:ben' }));
  expect((await harness.saidOf('next', answered))[0]).toMatchObject({
    type: 'BudgetReservationRefused',
    data: { account: 'agent:triage', reason: 'rate-limited', remainingCalls: 0, window: 'hour' },
  });
  await call('PUT', '', OPERATOR, { account: 'agent:triage', limit: { hour: { maxCalls: 3 } }, why: 'again' });
  await call('PUT', '', OPERATOR, { account: 'agent:triage', limit: null, why: 'calmed down' });
  await harness.append(requested('after', { subject: 'user:ben' }));
  expect((await harness.saidOf('after', answered))[0]?.type).toBe('BudgetReserved');
  const changes = harness.said.filter(
    ({ type, data }) => type === 'BudgetLimitChanged' && 'account' in data && data.account === 'agent:triage',
  );
  expect(changes).toMatchObject([
    {
      key: 'acme/agent:triage',
      subject: 'user:grace',
      data: { before: null, after: { hour: { maxCalls: 3 } }, changedBy: 'user:grace', why: 'too eager' },
    },
    { data: { before: { hour: { maxCalls: 3 } }, after: null, why: 'calmed down' } },
  ]);
  const states = harness.said.filter(
    ({ type, data }) => type === 'BudgetAccountInForce' && 'account' in data && data.account === 'agent:triage',
  );
  expect(states).toMatchObject([{ data: { limit: { hour: { maxCalls: 3 } } } }, { data: { limit: null } }]);
});

test('what cannot be a limit is refused with every fault', async () => {
  for (const body of [
    { account: 'ada', limit: null, why: 'x' },
    { account: 'user:ada', limit: { day: {} }, why: 'x' },
    { account: 'user:ada', limit: { week: { maxCalls: 1 } }, why: 'x' },
    { account: 'user:ada', limit: { day: { maxMicros: 1 } }, why: 'x' },
    { account: 'user:ada', limit: { day: { maxMicros: -1, currency: 'USD' } }, why: 'x' },
    { account: 'user:ada', limit: null },
  ]) {
    expect(await call('PUT', '', OPERATOR, body), JSON.stringify(body)).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  }
});

test('limits set by hand stay until the files change, and those no longer declared are gone', async () => {
  await call('PUT', '', OPERATOR, { account: 'user:*', limit: { day: { maxCalls: 1 } }, why: 'by hand' });
  const same = await harness.start({ declared: declared({ 'user:*': { day: { maxMicros: 200, currency: 'USD' } } }) });
  await same.stop();
  const page = BudgetPage.parse((await call('GET', '', OPERATOR)).body);
  expect(Object.fromEntries(page.limits.map(({ account, limit }) => [account, limit]))).toMatchObject({
    'user:*': { day: { maxCalls: 1 } },
    'user:ada': null,
    'tenant:acme': null,
  });
  const other = await harness.start({ declared: declared({ 'user:*': { day: { maxMicros: 300, currency: 'USD' } } }) });
  await other.stop();
  expect(BudgetPage.parse((await call('GET', '', OPERATOR)).body).limits).toContainEqual(
    expect.objectContaining({ account: 'user:*', limit: { day: { maxMicros: 300, currency: 'USD' } }, declared: true }),
  );
});
