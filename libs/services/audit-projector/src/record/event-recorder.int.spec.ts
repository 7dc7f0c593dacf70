import { AppError, encodeEvent, isAppError } from '@sallyport/contracts';
import { OutboxPublisher, postgresPositions, type ReceivedRecord } from '@sallyport/log';
import { anEvent, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { releaseOverdue } from '../calls/released-calls.js';
import { showCall } from '../queries/call-queries.js';
import { acrossTenants, asTenant } from '../tenant-scope.js';
import { anAllowedCall, openRecordHarness, type RecordHarness } from '../testing/record.harness.js';
import { EventRecorder } from './event-recorder.js';
import { RECORDED_TOPICS } from './recorded-topics.js';

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

const rejection = () =>
  anEvent(
    'RequestRejected',
    {
      code: 'identity.token-invalid',
      sourceHash: 'h'.repeat(43),
      edgeId: 'edge-1',
      count: 3,
      from: '2026-11-21T12:00:00.000Z',
      to: '2026-11-21T12:00:00.900Z',
      method: 'POST',
      route: '/mcp',
      httpStatus: 401,
    },
    { callId: null, chainId: null, subject: null, actor: null },
  );

const count = async (table: string): Promise<number> =>
  Number((await harness.tamper<{ n: string }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n);
const calls = () => harness.tamper('SELECT tenant_id, call_id, decision, outcome, state FROM call_record ORDER BY tenant_id, call_id');
const published = () =>
  harness.tamper<{ id: string }>(`SELECT id, headers, value FROM log.event WHERE topic = 'audit.ocsf.v1' ORDER BY id`);

describe('recording', () => {
  test('puts every event in the chain of its partition, the call in the view and its OCSF event on the log, once', async () => {
    await harness.append(...anAllowedCall(1), ...anAllowedCall(2), rejection());
    await harness.project();
    expect(await count('audit_event')).toBe(9);
    expect(await calls()).toMatchObject([
      { decision: 'allow', outcome: 'completed' },
      { decision: 'allow', outcome: 'completed' },
    ]);
    const ocsf = await published();
    expect(ocsf.map(({ id }) => id)).toEqual(['ocsf-call-acme-00001-3', 'ocsf-call-acme-00002-3']);
    expect(harness.faults).toEqual([]);
  });

  test('keeps what was published again as it is, and tells of each decision once, as the log had it first', async () => {
    const call = anAllowedCall(1);
    const [decided] = call.filter((event) => event.type === 'PolicyDecided');
    if (decided === undefined) throw new Error('nothing was decided');
    const again = { ...decided, occurredAt: '2026-11-21T11:00:00.000Z', data: { ...decided.data, effect: 'deny' as const } };
    await harness.append(...call, again);
    await harness.project();
    const shown = await showCall(harness.database, 'acme', 'call-acme-00001');
    expect(shown.events.filter(({ type }) => type === 'PolicyDecided')).toMatchObject([
      { id: decided.id, data: { effect: 'deny' } },
      { id: decided.id, data: { effect: 'allow' } },
    ]);
    expect(shown).toMatchObject({ record: { decision: 'allow' }, decisions: [{ eventId: decided.id, effect: 'allow' }] });
    expect(shown.spans.filter(({ stage }) => stage === 'decide')).toHaveLength(1);
  });

  test('tells the SIEM of a login to the console once, however often its event comes', async () => {
    const login = anEvent(
      'ConsoleSessionOpened',
      { sessionId: 's-1', subject: 'user:mia', roles: ['viewer'], issuer: 'https://login.example', expiresAt: '2026-11-22T00:00:00.000Z' },
      { callId: null, chainId: null, subject: 'user:mia', actor: null, id: 'login-1', key: 's-1' },
    );
    await harness.append(login);
    await harness.project();
    await harness.tamper('UPDATE consumer_position SET position = 0');
    await harness.project();
    expect((await published()).map(({ id }) => id)).toEqual(['ocsf-login-1']);
    expect(await count('audit_event')).toBe(1);
  });

  test('is repeated without effect when a position is set back', async () => {
    await harness.append(...anAllowedCall(1));
    await harness.project();
    const before = await harness.tamper('SELECT * FROM audit_event ORDER BY topic, partition, position');
    await harness.tamper('UPDATE consumer_position SET position = 0');
    await harness.project();
    expect(await harness.tamper('SELECT * FROM audit_event ORDER BY topic, partition, position')).toEqual(before);
    expect(await published()).toHaveLength(1);
  });

  test('records what it cannot decode, and folds the rest', async () => {
    const [requested, ...rest] = anAllowedCall(1);
    if (requested === undefined) throw new TypeError('no event');
    const encoded = encodeEvent(requested);
    await harness.log.append([
      { ...encoded, id: 'newer', headers: { ...encoded.headers, ce_id: 'newer', ce_type: 'io.sallyport.ToolCallBeamed.v9' } },
      { ...encoded, id: 'broken', headers: { ...encoded.headers, ce_id: 'broken' }, value: '{"not":"it"}' },
    ]);
    await harness.append(requested, ...rest);
    await harness.project();
    expect(await count('audit_event')).toBe(6);
    expect(await calls()).toMatchObject([{ outcome: 'completed' }]);
    expect(harness.faults.map(({ doing }) => doing)).toEqual(['decode', 'decode']);
  });

  test('folds a decision that arrives after the end, and tells the SIEM with it', async () => {
    const events = anAllowedCall(1);
    await harness.append(...events.filter(({ type }) => type !== 'PolicyDecided'));
    await harness.project();
    expect(await calls()).toMatchObject([{ decision: 'none', outcome: 'completed' }]);
    expect(await published()).toEqual([]);
    await harness.append(...events.filter(({ type }) => type === 'PolicyDecided'));
    await harness.project();
    expect(await calls()).toMatchObject([{ decision: 'allow', outcome: 'completed' }]);
    expect(await published()).toMatchObject([{ value: expect.stringContaining('"decision":"allow"') }]);
  });

  test('tells the SIEM without the decision when it does not come, and not twice when it comes after all', async () => {
    const events = anAllowedCall(1);
    await harness.append(...events.filter(({ type }) => type !== 'PolicyDecided'));
    await harness.project();
    const source = { source: '/audit-projector/test', nowIso: () => '2026-11-21T12:00:00.000Z' };
    const late = (graceSeconds: number) => acrossTenants(harness.database, (tx) => releaseOverdue(tx, graceSeconds, source));
    expect(await late(60)).toEqual([]);
    expect(await late(-1)).toHaveLength(1);
    await harness.append(...events.filter(({ type }) => type === 'PolicyDecided'));
    await harness.project();
    expect(await published()).toEqual([]);
    expect(await calls()).toMatchObject([{ decision: 'allow' }]);
  });

  test('folds a call once when two consumers hold its topics and record at the same time', async () => {
    await harness.log.append(
      Array.from({ length: 40 }, (_, number) => anAllowedCall(number + 1))
        .flat()
        .map(encodeEvent),
    );
    const subscribe = async (topic: string) => {
      const records: ReceivedRecord[] = [];
      const subscription = await harness.log.subscribe({
        group: `audit-projector.${topic}`,
        topics: [topic],
        from: 'earliest',
        positions: 'ephemeral',
        handle: async (batch) => void records.push(...batch.records),
      });
      await subscription.caughtUp;
      await subscription.close();
      return records;
    };
    const recordAll = async (records: readonly ReceivedRecord[]): Promise<void> => {
      for (let index = 0; index < records.length; ) {
        const batch = { records: records.slice(index, index + 5), advance: async () => {} };
        try {
          await harness.recorder.record(batch);
          index += 5;
        } catch (error) {
          // What the log does with a batch that lost a race: the same again.
          if (!isAppError(error, 'stream.conflict')) throw error;
        }
      }
    };
    const [calls1, decisions] = await Promise.all([subscribe('tool-call.events.v1'), subscribe('policy.events.v1')]);
    await Promise.all([recordAll(calls1), recordAll(decisions)]);
    expect(await count(`call_record WHERE decision = 'allow' AND outcome = 'completed'`)).toBe(40);
    expect(await published()).toHaveLength(40);
    expect(await count('awaiting_call')).toBe(0);
  });

  test('goes on while nothing can be published, and publishes later', async () => {
    await harness.close();
    harness = await openRecordHarness(postgres, { logInSameDatabase: false });
    const { log, database } = harness;
    let away = true;
    const outbox = new OutboxPublisher(database, {
      append: (records) => (away ? Promise.reject(new AppError('log.unavailable', 'away')) : log.append(records)),
      subscribe: (options) => log.subscribe(options),
      ends: (topic) => log.ends(topic),
      verifyTopics: () => log.verifyTopics(),
      isHealthy: () => !away,
      close: () => log.close(),
    });
    const recorder = new EventRecorder(harness.ports, outbox);
    await harness.append(...anAllowedCall(1));
    const subscription = await log.subscribe({
      group: 'audit-projector',
      topics: RECORDED_TOPICS,
      from: 'earliest',
      positions: postgresPositions(database),
      handle: (batch) => recorder.record(batch),
    });
    await subscription.caughtUp;
    await subscription.close();
    expect(await calls()).toMatchObject([{ outcome: 'completed' }]);
    expect(harness.faults).toMatchObject([{ doing: 'publish', error: { code: 'log.unavailable' } }]);
    expect(await published()).toEqual([]);
    away = false;
    await outbox.publishLeftovers();
    expect(await published()).toHaveLength(1);
  });

  test('catches up after it was away, with nothing lost', async () => {
    const subscription = await harness.subscribe();
    await subscription.ready;
    await harness.append(...anAllowedCall(1));
    await subscription.close();
    for (let number = 2; number <= 50; number += 1) await harness.append(...anAllowedCall(number, 'acme', `chain-${number}`));
    await harness.project();
    expect(await count('audit_event')).toBe(200);
    expect(await count(`call_record WHERE outcome = 'completed'`)).toBe(50);
  });
});

describe('the record', () => {
  test('may be added to by the role of the service, and neither changed nor emptied', async () => {
    await harness.append(...anAllowedCall(1));
    await harness.project();
    await harness.checkpoints.write();
    for (const table of ['audit_event', 'checkpoint']) {
      for (const statement of [
        `UPDATE ${table} SET ${table === 'checkpoint' ? 'signed' : 'value'} = ''`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
      ]) {
        await expect(
          acrossTenants(harness.database, (tx) => tx.query(statement)),
          statement,
        ).rejects.toMatchObject({ code: '42501' });
      }
    }
    await expect(harness.database.query('GRANT DELETE ON audit_event TO CURRENT_USER')).resolves.toBeDefined();
    await expect(acrossTenants(harness.database, (tx) => tx.query('DELETE FROM audit_event'))).rejects.toMatchObject({ code: '42501' });
    await expect(harness.database.query('ALTER TABLE audit_event DISABLE ROW LEVEL SECURITY')).rejects.toMatchObject({ code: '42501' });
  });

  test('shows a tenant nothing of another, whatever a statement asks for, and nobody anything without a tenant', async () => {
    await harness.append(...anAllowedCall(1, 'acme'), ...anAllowedCall(2, 'globex'));
    await harness.project();
    for (const table of ['audit_event', 'call_record', 'ended_call']) {
      const seen = await asTenant(harness.database, 'acme', (tx) => tx.query<{ tenant_id: string }>(`SELECT tenant_id FROM ${table}`));
      expect([...new Set(seen.rows.map(({ tenant_id }) => tenant_id))]).toEqual(['acme']);
      expect((await harness.database.query(`SELECT 1 FROM ${table}`)).rows).toEqual([]);
    }
  });

  test('gives the same call records when they are thrown away and derived again', async () => {
    for (let number = 1; number <= 30; number += 1)
      await harness.append(...anAllowedCall(number, number % 2 === 0 ? 'acme' : 'globex', `chain-${number}`));
    await harness.project();
    const before = await calls();
    await harness.tamper('DELETE FROM call_record; DELETE FROM call_words; DELETE FROM call_minute; DELETE FROM chain_label');
    expect(await harness.rebuild('acme')).toBe(15);
    expect(await harness.rebuild('globex')).toBe(15);
    expect(await calls()).toEqual(before);
    await harness.append(...anAllowedCall(31));
    await harness.project();
    expect(await count('call_record')).toBe(31);
    expect(await published()).toHaveLength(31);
  });
});
