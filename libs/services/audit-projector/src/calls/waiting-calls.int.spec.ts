import type { AnyEnvelope } from '@sallyport/contracts';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findCalls, showCall } from '../queries/call-queries.js';
import { openRecordHarness, type RecordHarness } from '../testing/record.harness.js';
import { aWaitingCall, LIVES } from '../testing/waiting-lives.harness.js';

/** A history that went wrong is made again with `SALLYPORT_SEED`. */
const SEED = Number(process.env.SALLYPORT_SEED ?? Math.floor(Math.random() * 2 ** 31));

let postgres: TestPostgres;
let harness: RecordHarness;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  harness = await openRecordHarness(postgres);
});
afterEach(() => harness.close());

const calls = () =>
  harness.tamper('SELECT tenant_id, call_id, ended_at, decision, outcome, state FROM call_record ORDER BY tenant_id, call_id');
const told = () =>
  harness.tamper<{ value: string }>(`SELECT value FROM log.event WHERE topic = 'audit.ocsf.v1' ORDER BY partition, position`);
const topicOf = ({ type }: AnyEnvelope): string => (type.startsWith('ToolCall') ? 'call' : type.slice(0, 6));

test('a call that waits for people is found as waiting, under the id of its approval, and shown with who answered once they did', async () => {
  const life = aWaitingCall(1, 'executed');
  const isAnswer = life.findIndex(({ type }) => type === 'ApprovalGranted');
  await harness.append(...life.slice(0, isAnswer));
  await harness.project();
  const query = { outcome: 'waiting', limit: 10 };
  const { calls: waiting } = await findCalls(harness.database, 'acme', query);
  expect(waiting).toMatchObject([{ outcome: 'waiting', approval: { approvalId: 'waits-00001-approval', status: 'waiting' } }]);
  expect((await findCalls(harness.database, 'globex', query)).calls).toEqual([]);
  expect(await told()).toEqual([]);
  await harness.append(...life.slice(isAnswer));
  await harness.project();
  expect((await findCalls(harness.database, 'acme', query)).calls).toEqual([]);
  expect((await showCall(harness.database, 'acme', 'waits-00001')).record).toMatchObject({
    outcome: 'completed',
    decision: 'allow',
    priceMicros: 1_500,
    approval: { status: 'used', answeredBy: ['user:grace'], channel: 'console', ruleIds: ['money'] },
  });
  expect((await told()).map(({ value }) => JSON.parse(value).unmapped.approval)).toMatchObject([
    { status: 'used', answered_by: ['user:grace'], channel: 'console' },
  ]);
});

test('tells the SIEM of a call in doubt, and once more when somebody settled it', async () => {
  const life = aWaitingCall(1, 'settled by a person');
  await harness.append(...life);
  await harness.project();
  expect((await told()).map(({ value }) => JSON.parse(value).metadata.event_code)).toEqual(['failed']);
  const other = aWaitingCall(2, 'settled by a person');
  const settledAt = other.findIndex(({ type }) => type === 'ToolCallResolved');
  await harness.append(...other.slice(0, settledAt));
  await harness.project();
  await harness.append(...other.slice(settledAt));
  await harness.project();
  expect((await told()).map(({ value }) => JSON.parse(value).metadata.event_code).sort()).toEqual(['failed', 'failed', 'in-doubt']);
});

test(`records derived again are those that were kept as events came, in any order of topics and batches (seed ${SEED})`, async () => {
  const plan = fc.array(fc.record({ life: fc.constantFrom(...LIVES), turns: fc.array(fc.nat(3), { maxLength: 40 }) }), {
    minLength: 40,
    maxLength: 40,
  });
  const [lives = []] = fc.sample(plan, { seed: SEED, numRuns: 1 });
  const mixed = lives.map(({ life, turns }, index) => {
    const queues = [...Map.groupBy(aWaitingCall(index + 1, life, index % 2 === 0 ? 'acme' : 'globex'), topicOf).values()];
    const taken = turns.flatMap((turn) => queues[turn]?.shift() ?? []);
    return [...taken, ...queues.flat()];
  });
  for (let round = 0; mixed.some((events) => events.length > 0); round += 1) {
    await harness.append(...mixed.flatMap((events, index) => events.splice(0, ((index + round) % 3) * 3)));
    await harness.project();
  }
  const kept = await calls();
  expect(kept).toHaveLength(lives.length);
  const outcomes = {
    ...{ waiting: 'waiting', executed: 'completed', rejected: 'refused', 'told to come again': 'abandoned' },
    ...{ 'in doubt': 'in-doubt', 'settled by a person': 'failed' },
  } as const;
  for (const [index, { life }] of lives.entries())
    expect(kept.find(({ call_id }) => call_id === `waits-${String(index + 1).padStart(5, '0')}`)).toMatchObject({
      outcome: outcomes[life],
    });
  expect((await harness.rebuild('acme')) + (await harness.rebuild('globex'))).toBe(lives.length);
  expect(await calls()).toEqual(kept);
  expect(await harness.tamper('SELECT call_id FROM awaiting_call')).toEqual([]);
});
