import { canonicalRecord, recordDigest } from '@sallyport/contracts';
import { linkHash } from '@sallyport/domain';
import { postgresPositions, type ReceivedRecord } from '@sallyport/log';
import type { Sql } from '@sallyport/platform';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AUDIT_GROUP } from '../audit-projector.ports.js';
import { proveCall } from '../queries/call-proof.js';
import { chainRecordOf, columnsOf } from '../record/event-chain.store.js';
import { RECORDED_TOPICS } from '../record/recorded-topics.js';
import { sha256 } from '../record/sha256.js';
import { acrossTenants } from '../tenant-scope.js';
import { anAllowedCall, openRecordHarness, type RecordHarness } from '../testing/record.harness.js';
import { readAt } from './stored-chain.js';
import { type RecordVerification, type VerifyOptions, verifyRecord } from './verify-record.js';

let postgres: TestPostgres;
let harness: RecordHarness;
/** The partition all calls of the tests lie in. */
let partition: number;
const TOPIC = 'tool-call.events.v1';
const CALLS = 20;
/** Requested, dispatched and completed of each call. */
const EVENTS = CALLS * 3;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  harness = await openRecordHarness(postgres);
  for (let number = 1; number <= CALLS; number += 1) await harness.append(...anAllowedCall(number));
  await harness.project();
  await harness.checkpoints.write();
  partition = Number((await harness.tamper(`SELECT partition FROM chain_head WHERE topic = '${TOPIC}'`))[0]?.partition);
});
afterEach(() => harness.close());

const verify = (options?: VerifyOptions): Promise<RecordVerification> => verifyRecord(harness.ports, options);
const at = (position: number): string => `WHERE topic = '${TOPIC}' AND partition = ${partition} AND position = ${position}`;
const more = async (number: number): Promise<void> => {
  await harness.append(...anAllowedCall(number));
  await harness.project();
};

/** The record as a version wrote it that kept no digests (ADR 0018), with heads that fit. */
const asBeforeDigests = async (): Promise<void> => {
  const chains = await harness.tamper<{ topic: string; partition: number; position: string }>(
    'SELECT topic, partition, position FROM chain_head',
  );
  for (const { topic, partition, position } of chains) {
    const positions = Array.from({ length: Number(position) + 1 }, (_, index) => BigInt(index));
    const entries = (await readAt(harness.database, { topic, partition }, positions)).toSorted((left, right) =>
      Number(left.entry - right.entry),
    );
    let previous = '0'.repeat(64);
    for (const { record } of entries) {
      const link = sha256(previous + canonicalRecord(record));
      await harness.tamper(`UPDATE audit_event SET previous_hash = '${previous}', hash = '${link}', digest = ''
        WHERE topic = '${topic}' AND partition = ${partition} AND position = ${record.position}`);
      previous = link;
    }
    await harness.tamper(`UPDATE chain_head SET hash = '${previous}' WHERE topic = '${topic}' AND partition = ${partition}`);
  }
  await harness.tamper('TRUNCATE checkpoint');
};

/** Adds a record to a chain that has a head, with the columns and the hash of the last version that kept no digests. */
const addAsBeforeDigests = async (tx: Sql, received: ReceivedRecord): Promise<void> => {
  const record = chainRecordOf(received);
  const { eventType, tenantId, callId, occurredAt } = columnsOf(record.headers);
  const { topic, partition, position, id, key, headers, value } = record;
  const { rows } = await tx.query<{ size: string; hash: string; event_id: string }>(
    'SELECT size, hash, event_id FROM chain_head WHERE topic = $1 AND partition = $2 FOR UPDATE',
    [topic, partition],
  );
  const [head] = rows;
  if (head === undefined) throw new Error(`${topic}/${partition} has no head`);
  const next = { size: BigInt(head.size) + 1n, hash: sha256(head.hash + canonicalRecord(record)) };
  await tx.query(
    `INSERT INTO audit_event (topic, partition, position, entry, event_id, event_type, tenant_id, call_id, occurred_at, key, previous_hash,
      previous_event_id, hash, headers, value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      ...[topic, partition, String(position), String(next.size), id, eventType, tenantId, callId, occurredAt, key],
      ...[head.hash, head.event_id, next.hash, JSON.stringify(headers), value],
    ],
  );
  await tx.query('UPDATE chain_head SET size = $3, position = $4, hash = $5, event_id = $6 WHERE topic = $1 AND partition = $2', [
    ...[topic, partition, String(next.size), String(position), next.hash, id],
  ]);
};

/** A call that a projector of that version records, in the same group and as the same role. */
const moreAsBeforeDigests = async (number: number): Promise<void> => {
  await harness.append(...anAllowedCall(number));
  const failed = Promise.withResolvers<never>();
  const subscription = await harness.log.subscribe({
    group: AUDIT_GROUP,
    topics: RECORDED_TOPICS,
    from: 'earliest',
    positions: postgresPositions(harness.database),
    handle: async ({ records, advance }) => {
      const recorded = acrossTenants(harness.database, async (tx) => {
        for (const record of records) await addAsBeforeDigests(tx, record);
        await advance(tx);
      });
      await recorded.catch(failed.reject);
    },
  });
  try {
    await Promise.race([subscription.caughtUp, failed.promise]);
  } finally {
    await subscription.close();
  }
};

/** What a superuser does who knows the rules: makes all hashes after a position anew, and the head fit. */
const rechain = async (from: number): Promise<void> => {
  const last = Number((await harness.tamper(`SELECT max(position) AS last FROM audit_event WHERE topic = '${TOPIC}'`))[0]?.last);
  const entries = await readAt(
    harness.database,
    { topic: TOPIC, partition },
    Array.from({ length: last + 1 }, (_, index) => BigInt(index)),
  );
  let previous = { hash: '0'.repeat(64), id: null as string | null, entry: 0n };
  for (const entry of [...entries].sort((left, right) => Number(left.record.position - right.record.position))) {
    if (entry.record.position < BigInt(from)) {
      previous = { hash: entry.hash, id: entry.record.id, entry: entry.entry };
      continue;
    }
    const digest = recordDigest(sha256, entry.record);
    const link = linkHash(sha256, previous.hash, digest);
    const number = previous.entry + 1n;
    await harness.tamper(`UPDATE audit_event SET previous_hash = '${previous.hash}', previous_event_id = ${previous.id === null ? 'NULL' : `'${previous.id}'`},
      digest = '${digest}', hash = '${link}', entry = ${number} ${at(Number(entry.record.position))}`);
    previous = { hash: link, id: entry.record.id, entry: number };
    await harness.tamper(`UPDATE chain_head SET hash = '${link}', size = ${number}, position = ${entry.record.position}, event_id = '${entry.record.id}'
      WHERE topic = '${TOPIC}'`);
  }
};

describe('verifying a record nobody touched', () => {
  test('finds every chain and checkpoint in order, and what no checkpoint covers yet', async () => {
    await more(99);
    expect(await verify()).toMatchObject({
      ok: true,
      eventsChecked: EVENTS + CALLS + 4,
      chainsChecked: 2,
      checkpointsChecked: 1,
      lastCheckpoint: { sequence: 1 },
      eventsAfterLastCheckpoint: 4,
      faults: [],
    });
  });

  test('holds it against the log too, when asked', async () => {
    expect(await verify({ compareWithLog: true })).toMatchObject({ ok: true, eventsComparedWithLog: EVENTS + CALLS });
  });

  test('finds one in order that was begun before entries had digests, proves what came since, and names what was edited before', async () => {
    await asBeforeDigests();
    await more(99);
    expect(await verify({ compareWithLog: true })).toMatchObject({ ok: true, eventsChecked: EVENTS + CALLS + 4, faults: [] });
    expect((await proveCall(harness.database, 'acme', 'call-acme-00002')).tooFar).toHaveLength(4);
    expect(await proveCall(harness.database, 'acme', 'call-acme-00099')).toMatchObject({ tooFar: [], records: { length: 4 } });
    await harness.tamper(`UPDATE audit_event SET value = replace(value, '"outcome":"ok"', '"outcome":"no"') ${at(5)}`);
    expect((await verify()).faults).toMatchObject([{ kind: 'edited', topic: TOPIC, position: '5', callId: 'call-acme-00002' }]);
  });

  test('finds one in order that a version without digests wrote in turn with this one, signed over both, and names what was edited of it', async () => {
    await moreAsBeforeDigests(97);
    await more(98);
    await moreAsBeforeDigests(99);
    await harness.checkpoints.write();
    await more(100);
    expect(await verify({ compareWithLog: true })).toMatchObject({ ok: true, eventsChecked: EVENTS + CALLS + 4 * 4, faults: [] });
    expect((await proveCall(harness.database, 'acme', 'call-acme-00097')).tooFar).toHaveLength(4);
    expect(await proveCall(harness.database, 'acme', 'call-acme-00100')).toMatchObject({ tooFar: [], records: { length: 4 } });
    expect(await harness.rebuild()).toBe(CALLS + 4);
    expect(await verify()).toMatchObject({ ok: true, checkpointsChecked: 2, eventsAfterLastCheckpoint: 4 });
    await harness.tamper(`UPDATE audit_event SET value = replace(value, '/sandbox', '/elsewhere') ${at(EVENTS)}`);
    expect((await verify()).faults).toMatchObject([{ kind: 'edited', topic: TOPIC, position: String(EVENTS), callId: 'call-acme-00097' }]);
  });

  test('takes nothing for old that only lost its digest', async () => {
    await harness.tamper(`UPDATE audit_event SET digest = '' ${at(5)}`);
    expect((await verify()).faults).toMatchObject([{ kind: 'edited', topic: TOPIC, position: '5' }]);
  });

  test('may be limited to what lies between two checkpoints', async () => {
    const first = await verify();
    await more(99);
    const second = await harness.checkpoints.write();
    await more(100);
    expect(second?.statement).toMatchObject({ sequence: 2 });
    const from = first.lastCheckpoint?.at;
    const to = second?.statement.at;
    expect(await verify({ from, to })).toMatchObject({ ok: true, eventsChecked: 4 });
    expect(await verify({ from })).toMatchObject({ ok: true, eventsChecked: 8 });
    expect(await verify({ to })).toMatchObject({ ok: true, eventsChecked: EVENTS + CALLS + 4 });
  });

  test('goes on while events are recorded', async () => {
    const subscription = await harness.subscribe();
    await subscription.ready;
    const appending = (async () => {
      for (let number = 200; number < 260; number += 1) await harness.append(...anAllowedCall(number));
    })();
    for (let n = 0; n < 5; n += 1) expect((await verify()).faults).toEqual([]);
    await appending;
    await subscription.close();
    expect((await verify()).faults).toEqual([]);
  });
});

describe('verifying a record that a superuser changed', () => {
  test('names an event whose value was edited', async () => {
    await harness.tamper(`UPDATE audit_event SET value = replace(value, '"outcome":"ok"', '"outcome":"no"') ${at(5)}`);
    expect((await verify()).faults).toMatchObject([
      { kind: 'edited', topic: TOPIC, partition, position: '5', eventId: 'call-acme-00002-3', callId: 'call-acme-00002' },
    ]);
  });

  test('names an event whose headers were edited, or made unreadable, or whose columns say something else', async () => {
    await harness.tamper(`UPDATE audit_event SET headers = replace(headers, 'user:ada', 'user:eve') ${at(7)}`);
    expect((await verify()).faults).toMatchObject([{ kind: 'edited', position: '7' }]);
    await harness.tamper(`UPDATE audit_event SET headers = 'none' ${at(7)}`);
    expect((await verify()).faults).toMatchObject([{ kind: 'edited', position: '7' }]);
    await harness.tamper(`UPDATE audit_event SET tenant_id = 'globex' ${at(6)}`);
    expect((await verify()).faults).toMatchObject([{ kind: 'edited', position: '6', detail: expect.stringContaining('tenant_id') }]);
  });

  test('names a deleted event in the middle, and the first', async () => {
    await harness.tamper(`DELETE FROM audit_event ${at(10)}`);
    expect((await verify()).faults).toMatchObject([
      { kind: 'deleted', topic: TOPIC, partition, position: '10', eventId: 'call-acme-00004-2' },
    ]);
    await harness.tamper(`DELETE FROM audit_event ${at(0)}`);
    expect((await verify()).faults).toMatchObject([{ kind: 'deleted', position: '0', eventId: 'call-acme-00001-0' }]);
  });

  test('names the first of two events that changed places', async () => {
    await harness.tamper(
      `UPDATE audit_event SET position = CASE position WHEN 20 THEN 1030 ELSE 1020 END ${at(20)} OR (topic = '${TOPIC}' AND position = 30)`,
    );
    await harness.tamper(`UPDATE audit_event SET position = position - 1000 WHERE topic = '${TOPIC}' AND position > 1000`);
    expect((await verify()).faults).toMatchObject([{ kind: 'reordered', position: '20', detail: expect.stringContaining('30') }]);
  });

  test('names an event that nobody recorded, at the end and in the place of another', async () => {
    const copy = (
      position: number,
    ): string => `INSERT INTO audit_event SELECT topic, partition, ${position}, entry, 'forged', event_type, tenant_id, call_id,
      occurred_at, key, headers, value, previous_hash, previous_event_id, hash, digest FROM audit_event ${at(15)}`;
    await harness.tamper(copy(EVENTS));
    expect((await verify()).faults).toMatchObject([{ kind: 'inserted', position: String(EVENTS), eventId: 'forged' }]);
    await harness.tamper(`DELETE FROM audit_event ${at(12)}`);
    await harness.tamper(copy(12));
    expect((await verify()).faults).toMatchObject([{ position: '12', eventId: 'forged' }]);
  });

  test('proves that the end was cut off: by the head, by the consumer position when the head was changed too, and by the checkpoint', async () => {
    await more(99);
    const last = EVENTS + 2;
    await harness.tamper(`DELETE FROM audit_event ${at(last)}`);
    expect((await verify()).faults).toMatchObject([
      { kind: 'truncated', topic: TOPIC, position: String(last), eventId: 'call-acme-00099-3' },
    ]);
    await rechain(last - 1);
    expect((await verify()).faults).toMatchObject([
      { kind: 'truncated', position: String(last), detail: expect.stringContaining('consumed') },
    ]);
    await harness.tamper(`UPDATE consumer_position SET position = ${last} WHERE topic = '${TOPIC}' AND partition = ${partition}`);
    expect(await verify()).toMatchObject({ ok: true, eventsAfterLastCheckpoint: 3 });
    await harness.tamper(`DELETE FROM audit_event WHERE topic = '${TOPIC}' AND position >= ${EVENTS - 4}`);
    await rechain(EVENTS - 5);
    await harness.tamper(`UPDATE consumer_position SET position = ${EVENTS - 4} WHERE topic = '${TOPIC}' AND partition = ${partition}`);
    expect((await verify()).faults).toMatchObject([
      { kind: 'truncated', position: String(EVENTS - 4), detail: expect.stringContaining('checkpoint 1') },
    ]);
  });

  test('proves that the end was cut off after the last checkpoint while the log still holds it', async () => {
    await more(99);
    const last = EVENTS + 2;
    await harness.tamper(`DELETE FROM audit_event ${at(last)}`);
    await rechain(last - 1);
    const { faults } = await verify({ compareWithLog: true });
    // Up to the head the record agrees; the position of the consumer tells the rest.
    expect(faults).toMatchObject([{ kind: 'truncated', position: String(last) }]);
  });

  test('proves by a checkpoint that a chain was made anew after an edit, and names the event while the log holds it', async () => {
    await more(99);
    await harness.checkpoints.write();
    await harness.tamper(`UPDATE audit_event SET value = replace(value, '/sandbox', '/elsewhere') ${at(EVENTS)}`);
    await rechain(EVENTS);
    expect((await verify()).faults).toMatchObject([
      { kind: 'rewritten', topic: TOPIC, position: String(EVENTS), detail: expect.stringContaining('checkpoint 2') },
    ]);
    expect((await verify({ compareWithLog: true })).faults).toMatchObject([
      { kind: 'edited', position: String(EVENTS), eventId: 'call-acme-00099-0', callId: 'call-acme-00099' },
    ]);
  });

  test('proves by a checkpoint that an event was taken out of a chain that was made anew', async () => {
    await harness.tamper(`DELETE FROM audit_event ${at(10)}`);
    await rechain(11);
    const { faults } = await verify();
    expect(faults).toHaveLength(1);
    expect(['rewritten', 'truncated']).toContain(faults[0]?.kind);
    expect((await verify({ compareWithLog: true })).faults).toMatchObject([
      { kind: 'deleted', position: '10', eventId: 'call-acme-00004-2' },
    ]);
  });

  test('finds a head that was changed or removed', async () => {
    await harness.tamper(`UPDATE chain_head SET hash = '${'f'.repeat(64)}' WHERE topic = '${TOPIC}'`);
    expect((await verify()).faults).toMatchObject([{ kind: 'edited', topic: TOPIC, detail: expect.stringContaining('head') }]);
    await harness.tamper(`DELETE FROM chain_head WHERE topic = '${TOPIC}'`);
    expect((await verify()).faults).toMatchObject([{ kind: 'truncated', topic: TOPIC }]);
  });

  test('finds a chain that was removed altogether', async () => {
    for (const table of ['audit_event', 'chain_head', 'consumer_position'])
      await harness.tamper(`DELETE FROM ${table} WHERE topic = '${TOPIC}'`);
    expect((await verify()).faults).toMatchObject([{ kind: 'truncated', topic: TOPIC, position: '0' }]);
  });

  test('finds checkpoints that were forged, replaced, or taken out of their sequence', async () => {
    await more(99);
    await harness.checkpoints.write();
    await more(100);
    await harness.checkpoints.write();
    const rows = await harness.tamper<{ sequence: string; signed: string }>('SELECT sequence, signed FROM checkpoint ORDER BY sequence');
    const [header, payload, signature] = (rows[1]?.signed ?? '').split('.');
    const changed = Buffer.from(
      Buffer.from(payload ?? '', 'base64url')
        .toString()
        .replace('"sequence":2', '"sequence":7'),
    ).toString('base64url');
    const put = (signed: string) => harness.tamper(`UPDATE checkpoint SET signed = '${signed}' WHERE sequence = 2`);
    await put([header, changed, signature].join('.'));
    expect((await verify()).faults).toMatchObject([
      { kind: 'checkpoint-forged', position: '2', detail: expect.stringContaining('not signed') },
    ]);
    await put(rows[2]?.signed ?? '');
    expect((await verify()).faults).toMatchObject([{ kind: 'checkpoint-forged', position: '2', detail: 'signed as number 3' }]);
    await harness.tamper('DELETE FROM checkpoint WHERE sequence = 2');
    expect((await verify()).faults).toMatchObject([{ kind: 'checkpoint-forged', position: '3', detail: 'number 2 is missing' }]);
  });

  test('reports the first fault of each chain', async () => {
    await harness.tamper(`UPDATE audit_event SET key = 'x' WHERE position = 3`);
    expect((await verify()).faults).toMatchObject([
      { kind: 'edited', topic: 'policy.events.v1', position: '3' },
      { kind: 'edited', topic: TOPIC, position: '3' },
    ]);
  });
});
