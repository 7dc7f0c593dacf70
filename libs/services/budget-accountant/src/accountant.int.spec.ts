import { type AnyEnvelope, type EventData, encodeEvent } from '@sallyport/contracts';
import { anEvent, startTestPostgres, type TestPostgres, toolCallCompleted, toolCallRefused } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CALLS, LOCK } from './ledger/ledger.store.js';
import {
  type AccountantHarness,
  declared,
  of,
  onPostgres,
  openAccountantHarness,
  type RunningAccountant,
  requested,
} from './testing/accountant.harness.js';
import { FORSAKEN } from './upkeep/ledger-upkeep.js';

let postgres: TestPostgres;
let harness: AccountantHarness;
const running: RunningAccountant[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  harness = await openAccountantHarness(postgres);
});
afterEach(async () => {
  for (const accountant of running.splice(0)) await accountant.stop();
  await harness.close();
});

const start: AccountantHarness['start'] = async (options) => {
  const accountant = await harness.start(options);
  running.push(accountant);
  return accountant;
};
const answered = (types: readonly string[]): boolean => types.some((type) => type.startsWith('BudgetReserv') || type === 'BudgetQuoted');
const usageOf = async (account: string): Promise<{ held: number; spent: number; calls: { held: number; spent: number } }> => {
  const rows = await postgres.admin<{ usage: string }>(
    `SELECT usage FROM budget_accountant.account WHERE account = '${account}'`,
    harness.database.url,
  );
  const { money, calls } = JSON.parse(rows[0]?.usage ?? '{"month":{"money":{},"calls":{"held":0,"spent":0}}}').month;
  return { held: money.USD?.held ?? 0, spent: money.USD?.spent ?? 0, calls };
};

test('answers a request for its edge, in its trace and chain, caused by it, with the version of the price', async () => {
  await start();
  await harness.price({ 'crm/search': 150 }, 7);
  const request = requested('call-1', { actors: ['agent:outer', 'agent:inner'] });
  await harness.append(request);
  const [answer] = await harness.saidOf('call-1', answered);
  expect(answer).toMatchObject({
    type: 'BudgetReserved',
    source: '/budget-accountant/accountant-1',
    ...{ key: 'chain-1', chainId: 'chain-1', edgeId: 'edge-1', causationId: request.id, subject: 'user:ada', actor: 'agent:triage' },
    data: {
      amounts: ['tenant:acme', 'user:ada', 'agent:outer', 'agent:inner', 'tool:crm/search'].map((account) => ({
        account,
        amountMicros: 150,
        calls: 1,
      })),
      currency: 'USD',
      priceListVersion: '7',
    },
  });
  expect(answer?.traceparent.slice(0, 35)).toBe(request.traceparent.slice(0, 35));
  expect(answer?.traceparent).not.toBe(request.traceparent);
});

test('says nothing of what does not ask for a budget, and quotes plans without holding anything', async () => {
  await start();
  await harness.price({ 'crm/search': 150 });
  await harness.append(
    requested('unasked', { requires: ['policy'] }),
    requested('a-list', { facts: { method: 'tools/list' } }),
    requested('a-plan', { facts: { purpose: 'plan' } }),
    requested('a-plan-to-read', { facts: { purpose: 'plan', method: 'resources/read' } }),
    requested('a-call'),
  );
  expect((await harness.saidOf('a-plan', answered))[0]).toMatchObject({
    type: 'BudgetQuoted',
    data: { affordable: true, currency: 'USD' },
  });
  expect((await harness.saidOf('a-plan-to-read', answered))[0]).toMatchObject({
    type: 'BudgetQuoted',
    data: { amounts: [], affordable: true },
  });
  await harness.saidOf('a-call', answered);
  expect(harness.said.filter(({ callId }) => callId === 'unasked' || callId === 'a-list')).toEqual([]);
  expect((await usageOf('user:ada')).calls).toEqual({ held: 1, spent: 0 });
});

test('refuses what nobody can be charged for, and says what is left when a budget is spent', async () => {
  await start({ declared: declared({ 'user:*': { day: { maxMicros: 200, currency: 'USD' } } }) });
  await harness.price({ 'crm/search': 150, 'crm/mystery': null });
  await harness.append(requested('unknown', { tool: 'crm/unheard-of' }), requested('mystery', { tool: 'crm/mystery' }));
  for (const callId of ['unknown', 'mystery'])
    expect((await harness.saidOf(callId, answered))[0]).toMatchObject({
      data: { reason: 'unattributable', account: null },
      edgeId: 'edge-1',
    });
  await harness.append(requested('first'), requested('second'), requested('of-ben', { subject: 'user:ben' }));
  expect((await harness.saidOf('second', answered))[0]).toMatchObject({
    type: 'BudgetReservationRefused',
    data: { account: 'user:ada', reason: 'exhausted', remainingMicros: 50, currency: 'USD', window: 'day' },
  });
  expect((await harness.saidOf('of-ben', answered))[0]).toMatchObject({ type: 'BudgetReserved' });
});

test('a tenant that has spent everything takes nothing from another with the same names, chain and tools', async () => {
  const limits = { 'tenant:acme': { day: { maxMicros: 100, currency: 'USD' } }, 'user:ada': { day: { maxMicros: 100, currency: 'USD' } } };
  await start({
    declared: [...declared(limits), ...declared({ 'user:ada': { day: { maxMicros: 100, currency: 'USD' } } }, 'globex')],
  });
  await harness.price({ 'crm/search': 100 });
  await harness.price({ 'crm/search': 100 }, 1, 'globex');
  await harness.append(requested('all-of-it'), requested('too-much'));
  expect((await harness.saidOf('too-much', answered))[0]).toMatchObject({ type: 'BudgetReservationRefused' });
  await harness.append(requested('of-another', { tenantId: 'globex' }));
  expect((await harness.saidOf('of-another', answered))[0]).toMatchObject({ type: 'BudgetReserved', tenantId: 'globex' });
  await harness.append(requested('their-too-much', { tenantId: 'globex' }));
  expect((await harness.saidOf('their-too-much', answered))[0]).toMatchObject({
    type: 'BudgetReservationRefused',
    data: { account: 'user:ada' },
  });
});

test('agents that call agents do not multiply what a person may spend', async () => {
  await start({ declared: declared({ 'user:ada': { day: { maxMicros: 300, currency: 'USD' } } }) });
  await harness.price({ 'crm/search': 100 });
  const chains = ['a', 'b', 'c', 'd', 'e'];
  await harness.append(
    ...chains.map((name) => requested(`by-${name}`, { actors: ['agent:boss', `agent:${name}`], chainId: `chain-${name}` })),
  );
  const answers = await Promise.all(chains.map((name) => harness.saidOf(`by-${name}`, answered)));
  expect(answers.filter(([answer]) => answer?.type === 'BudgetReserved')).toHaveLength(3);
  expect((await usageOf('agent:boss')).held).toBe(300);
});

test('settles what was reported, releases what was refused, keeps what is in doubt, and none of it twice', async () => {
  await start();
  await harness.price({ 'crm/search': 150 });
  const events = [
    requested('paid'),
    requested('denied'),
    requested('lost'),
    anEvent('ToolCallDispatched', dispatchedData(), { id: 'paid-2', ...of('paid') }),
    { ...toolCallCompleted({ reportedCostMicros: 120 }), id: 'paid-3', ...of('paid') },
    { ...toolCallRefused(), id: 'denied-2', ...of('denied') },
    anEvent('ToolCallDispatched', dispatchedData(), { id: 'lost-2', ...of('lost') }),
    anEvent('ToolCallInDoubt', { attempt: 1, reason: 'the edge died' }, { id: 'lost-3', ...of('lost') }),
  ];
  await harness.append(...events);
  const settled = await harness.saidOf('paid', (types) => types.includes('BudgetSettled'));
  expect(settled.at(-1)).toMatchObject({
    edgeId: null,
    causationId: 'paid-3',
    data: { amounts: [{ amountMicros: 120, calls: 1 }, {}, {}, {}] },
  });
  const [reserved, released] = await harness.saidOf('denied', (types) => types.includes('BudgetReleased'));
  expect(released?.data).toMatchObject({ reason: 'policy.denied' });
  expect(released?.data).toMatchObject({ amounts: amountsOf(reserved) });
  const before = await usageOf('user:ada');
  expect(before).toEqual({ held: 150, spent: 120, calls: { held: 1, spent: 1 } });
  const heard = harness.said.length;
  await harness.append(...events, requested('after'));
  await harness.saidOf('after', answered);
  expect(harness.said.length).toBe(heard + 1);
  expect(await usageOf('user:ada')).toEqual({ held: 300, spent: 120, calls: { held: 2, spent: 1 } });
});

test('waiting for a person holds nothing, and a call that is resumed is held anew for the edge that resumed it', async () => {
  await start({ declared: declared({ 'user:ada': { day: { maxMicros: 150, currency: 'USD' } } }) });
  await harness.price({ 'crm/search': 150 });
  const digest = `sha256:${'a'.repeat(64)}`;
  const parked = { approvalRuleIds: ['r'], paramsHash: 'h'.repeat(43), toolDigest: digest, expiresAt: '2026-12-01T00:00:00.000Z' };
  await harness.append(requested('waits'), anEvent('ToolCallParked', parked, of('waits')), requested('meanwhile'));
  await harness.saidOf('waits', (types) => types.includes('BudgetReleased'));
  expect((await harness.saidOf('meanwhile', answered))[0]?.type).toBe('BudgetReserved');
  const resumed = anEvent('ToolCallResumed', { approvalId: 'a-1', evaluation: 2, edgeId: 'edge-2' }, { ...of('waits'), edgeId: 'edge-2' });
  await harness.append({ ...toolCallRefused(), id: 'm-2', ...of('meanwhile') }, resumed);
  const said = await harness.saidOf('waits', (types) => types.length === 3);
  expect(said.map(({ type, edgeId }) => [type, edgeId])).toEqual([
    ['BudgetReserved', 'edge-1'],
    ['BudgetReleased', null],
    ['BudgetReserved', 'edge-2'],
  ]);
});

test('skips requests that waited longer than they are worth anything', async () => {
  const first = await start();
  await harness.price({ 'crm/search': 150 });
  await first.stop();
  running.splice(0);
  await harness.append(requested('stale', { ttlMs: 1 }));
  const appendedMs = Date.now();
  await harness.until(() => Date.now() > appendedMs + 5, 'the clock');
  await harness.append(requested('fresh', { chainId: 'chain-1' }));
  await start();
  await harness.saidOf('fresh', answered);
  expect(harness.said.filter(({ callId }) => callId === 'stale')).toEqual([]);
});

test('a record that cannot be read goes to the dead letter, and other chains go on', async () => {
  await start();
  await harness.price({ 'crm/search': 150 });
  const broken = { ...encodeEvent(requested('broken', { chainId: 'chain-bad' })), value: '{"principal":"nobody"}' };
  await harness.log.append([broken]);
  await harness.append(requested('sound', { chainId: 'chain-good' }));
  expect((await harness.saidOf('sound', answered))[0]?.type).toBe('BudgetReserved');
  await harness.until(async () => {
    const rows = await postgres.admin<{ key: string }>('SELECT key FROM budget_accountant.poisoned_chain', harness.database.url);
    return rows.some(({ key }) => key === 'chain-bad');
  }, 'the chain to be held');
});

test('the books outlive a restart, and limits declared again change nothing', async () => {
  const limits = declared({ 'user:ada': { month: { maxMicros: 300, currency: 'USD' } } });
  const first = await start({ declared: limits });
  await harness.price({ 'crm/search': 150 });
  await harness.append(requested('one'), { ...toolCallCompleted(), id: 'one-2', ...of('one') }, requested('two'));
  await harness.saidOf('two', answered);
  await harness.saidOf('one', (types) => types.includes('BudgetSettled'));
  await first.stop();
  running.splice(0);
  await start({ declared: limits });
  await harness.append(requested('three'), { ...toolCallRefused(), id: 'two-2', ...of('two') }, requested('four'));
  expect((await harness.saidOf('three', answered))[0]?.type).toBe('BudgetReservationRefused');
  expect((await harness.saidOf('four', answered))[0]?.type).toBe('BudgetReserved');
  expect(await usageOf('user:ada')).toEqual({ held: 150, spent: 150, calls: { held: 1, spent: 1 } });
  expect(harness.said.filter(({ type }) => type === 'BudgetLimitChanged')).toHaveLength(1);
});

test('a call is settled on accounts that this accountant never heard of', async () => {
  const first = await start();
  await harness.price({ 'crm/search': 150 });
  await harness.append(requested('of-ben', { subject: 'user:ben', actors: ['agent:other'] }));
  const [reserved] = await harness.saidOf('of-ben', answered);
  await first.stop();
  running.splice(0);
  await start();
  await harness.append(requested('of-ada'), { ...toolCallCompleted(), id: 'of-ben-2', ...of('of-ben') });
  const said = await harness.saidOf('of-ben', (types) => types.includes('BudgetSettled'));
  expect(said.at(-1)?.data).toMatchObject({ amounts: amountsOf(reserved) });
  await harness.saidOf('of-ada', answered);
  expect(await usageOf('user:ben')).toEqual({ held: 0, spent: 150, calls: { held: 0, spent: 1 } });
  expect(await usageOf('agent:triage')).toEqual({ held: 150, spent: 0, calls: { held: 1, spent: 0 } });
});

test('a hold of a call that was never dispatched is given back in time; a dispatched one is listed instead', async () => {
  let nowMs = Date.now();
  const clock = { nowMs: () => nowMs, nowIso: () => new Date(nowMs).toISOString(), monotonicMs: () => performance.now() };
  const { upkeep, app } = await start({ clock });
  await harness.price({ 'crm/search': 150 });
  await harness.append(requested('given-up'), requested('went-out'), anEvent('ToolCallDispatched', dispatchedData(), of('went-out')));
  await harness.saidOf('given-up', answered);
  await harness.until(async () => {
    const rows = await postgres.admin<{ state: string }>(`SELECT state FROM budget_accountant.call`, harness.database.url);
    return rows.some(({ state }) => state.includes('"dispatched":true'));
  }, 'the dispatch');
  nowMs = Date.now() + 60_000 + 60_000 + 1_000;
  await upkeep.sweep();
  const said = await harness.saidOf('given-up', (types) => types.includes('BudgetReleased'));
  expect(said.at(-1)).toMatchObject({ data: { reason: 'expired' }, key: 'chain-1' });
  nowMs += 3_600_000;
  await upkeep.sweep();
  const listed = await app.inject({
    method: 'GET',
    url: '/v1/budgets/in-doubt',
    headers: { authorization: 'Bearer user:grace@acme sallyport:audit' },
  });
  expect(listed.json()).toMatchObject({ holds: [{ callId: 'went-out', chainId: 'chain-1', amountMicros: 150, currency: 'USD' }] });
  expect((await usageOf('user:ada')).held).toBe(150);
  await harness.append(anEvent('ToolCallResolved', { resolution: 'not-executed', resolvedBy: 'user:grace', note: '' }, of('went-out')));
  await harness.saidOf('went-out', (types) => types.includes('BudgetReleased'));
});

test('a hold outlives the forgetting of its accounts', async () => {
  await start();
  await harness.price({ 'crm/search': 150 });
  await harness.append(requested('old'), anEvent('ToolCallInDoubt', { attempt: 1, reason: 'lost' }, of('old')));
  await harness.saidOf('old', answered);
  await postgres.admin('DELETE FROM budget_accountant.account', harness.database.url);
  await harness.append(anEvent('ToolCallResolved', { resolution: 'executed', resolvedBy: 'user:grace', note: '' }, of('old')));
  await harness.saidOf('old', (types) => types.includes('BudgetSettled'));
  const { held } = await usageOf('user:ada');
  expect(held).toBe(0);
});

test('another price is another version, told once', async () => {
  await start();
  await harness.price({ 'crm/search': 150 }, 3);
  await harness.price({ 'crm/search': 200 }, 5);
  await harness.append(requested('call-1'));
  expect((await harness.saidOf('call-1', answered))[0]?.data).toMatchObject({
    priceListVersion: '5',
    amounts: [{ amountMicros: 200 }, {}, {}, {}],
  });
  await harness.price({ 'crm/search': 200 }, 6);
  expect(harness.said.filter(({ type }) => type === 'PriceListChanged').map(({ data }) => data)).toMatchObject([
    { before: null, after: '3' },
    { before: '3', after: '5' },
  ]);
});

test('finds calls and accounts by their keys, also with a plan that was made while there were none', async () => {
  const { database } = await start();
  for (const { name, text } of [CALLS, LOCK]) {
    const plan = await database.transaction(async (tx) => {
      await tx.query('SET LOCAL plan_cache_mode = force_generic_plan');
      await tx.query(`PREPARE "${name}-pin" (text[], text[]) AS ${text}`);
      return tx.query<Record<string, string>>(`EXPLAIN EXECUTE "${name}-pin" ('{acme}', '{x}')`);
    });
    const lines = plan.rows.flatMap((row) => Object.values(row)).join('\n');
    expect(lines).toMatch(/Index Scan using (call|account)_pkey/);
    expect(lines).not.toMatch(/Seq Scan on (call|account)\b/);
  }
});

test('looks for what was left in the outbox by its first row alone, however many were staged and published', async () => {
  const { database } = await start();
  await database.query(
    `INSERT INTO outbox (topic, key, id, headers, value) SELECT 't', 'k', n, '{}', '{}' FROM generate_series(1, 5000) AS n`,
  );
  await database.query('DELETE FROM outbox');
  const { rows } = await database.query<Record<string, string>>(`EXPLAIN ${FORSAKEN}`);
  const lines = rows.flatMap((row) => Object.values(row)).join('\n');
  expect(lines).toContain('Index Scan using outbox_pkey');
  expect(lines).not.toContain('Seq Scan');
});

test('what an accountant staged and could not publish before it died, another publishes', async () => {
  const elsewhere = await openAccountantHarness(postgres, onPostgres, false);
  const accountant = await elsewhere.start();
  const { topic, key, id, headers, value } = encodeEvent(
    anEvent(
      'BudgetLimitChanged',
      { account: 'user:ada', before: null, after: null, changedBy: 'user:grace', why: 'w' },
      { key: 'acme/user:ada' },
    ),
  );
  await accountant.database.query(
    `INSERT INTO outbox (topic, key, id, headers, value, staged_at) VALUES ($1, $2, $3, $4, $5, now() - interval '1 minute')`,
    [topic, key, id, JSON.stringify(headers), value],
  );
  await accountant.upkeep.tick();
  await elsewhere.until(() => elsewhere.said.some((event) => event.id === id), 'what was staged');
  expect((await accountant.database.query('SELECT 1 FROM outbox')).rows).toEqual([]);
  await accountant.stop();
  await elsewhere.close();
});

test('the role it runs as reads no schema but its own, and can drop neither prices nor limits', async () => {
  const { database } = await start();
  await expect(database.query('SELECT 1 FROM policy_decision.price')).rejects.toThrow(/permission denied/);
  await expect(database.query('DELETE FROM price')).rejects.toThrow(/permission denied/);
  await expect(database.query('TRUNCATE account_limit')).rejects.toThrow(/permission denied/);
  await expect(database.query('CREATE TABLE budget_accountant.mine (id text)')).rejects.toThrow(/permission denied/);
});

const amountsOf = (event: AnyEnvelope | undefined): readonly unknown[] => {
  if (event?.type !== 'BudgetReserved') throw new Error('nothing was held');
  return event.data.amounts;
};

const dispatchedData = (): EventData<'ToolCallDispatched'> => ({
  ...{ server: 'crm', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: null, decisionId: 'd', dryRun: false, redactions: [] },
});
