import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutboxPublisher } from '@sallyport/log';
import { aTestClock, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { anAllowedCall, openRecordHarness, type RecordHarness } from '../testing/record.harness.js';
import { verifyRecord } from '../verification/verify-record.js';
import { checkpointKeyFromFile } from './checkpoint-key.js';
import { CheckpointWriter } from './checkpoint-writer.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the key of checkpoints', () => {
  test('is made once, for its owner alone, also when two processes make it at once', async () => {
    const path = join(folder, 'keys', 'audit.jwk.json');
    const [first, second] = await Promise.all([checkpointKeyFromFile(path), checkpointKeyFromFile(path)]);
    expect(second?.kid).toBe(first?.kid);
    expect((await checkpointKeyFromFile(path)).kid).toBe(first?.kid);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is refused when other accounts can read it, and when it is no key', async () => {
    const path = join(folder, 'audit.jwk.json');
    await checkpointKeyFromFile(path);
    chmodSync(path, 0o644);
    await expect(checkpointKeyFromFile(path)).rejects.toMatchObject({ code: 'configuration.invalid' });
    writeFileSync(join(folder, 'other'), '{"keys":[]}', { mode: 0o600 });
    await expect(checkpointKeyFromFile(join(folder, 'other'))).rejects.toMatchObject({ code: 'configuration.invalid' });
  });
});

describe('checkpoints', () => {
  let postgres: TestPostgres;
  let harness: RecordHarness;
  const clock = aTestClock();
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    harness = await openRecordHarness(postgres, { clock });
  });
  afterEach(() => harness.close());

  test('are written when they are due and something was recorded, by one replica', async () => {
    const due = () => harness.checkpoints.writeWhenDue();
    expect(await due()).toBeNull();
    await harness.append(...anAllowedCall(1));
    await harness.project();
    const other = new CheckpointWriter(harness.ports, new OutboxPublisher(harness.database, harness.log, true));
    const both = await Promise.all([due(), other.writeWhenDue()]);
    expect(both.filter((written) => written !== null)).toHaveLength(1);
    await harness.append(...anAllowedCall(2));
    await harness.project();
    expect(await due()).toBeNull();
    clock.advance(60_000);
    expect((await due())?.statement).toMatchObject({ sequence: 2, heads: [{ size: 2 }, { size: 6 }] });
    clock.advance(60_000);
    expect(await due()).toBeNull();
  });

  test('stay in sequence when replicas write on demand at once', async () => {
    const other = new CheckpointWriter(harness.ports, new OutboxPublisher(harness.database, harness.log, true));
    for (let number = 1; number <= 5; number += 1) {
      await harness.append(...anAllowedCall(number));
      await harness.project();
      await Promise.all([harness.checkpoints.write(), other.write()]);
    }
    expect(await verifyRecord(harness.ports)).toMatchObject({ ok: true, checkpointsChecked: 5, eventsAfterLastCheckpoint: 0 });
  });

  test('by an old key are still verified after a new one was put in front, and by a key nobody knows are not', async () => {
    await harness.append(...anAllowedCall(1));
    await harness.project();
    const [oldPath, newPath, bothPath] = [join(folder, 'old'), join(folder, 'new'), join(folder, 'both')];
    const old = { ...harness.ports, checkpointKey: await checkpointKeyFromFile(oldPath) };
    await new CheckpointWriter(old, new OutboxPublisher(harness.database, harness.log, true)).write();
    const fresh = { ...harness.ports, checkpointKey: await checkpointKeyFromFile(newPath) };
    expect((await verifyRecord(fresh)).faults).toMatchObject([{ kind: 'checkpoint-forged', position: '1' }]);
    const [own] = JSON.parse(readFileSync(newPath, 'utf8')).keys;
    writeFileSync(bothPath, JSON.stringify({ keys: [own, ...old.checkpointKey.jwks.keys] }), { mode: 0o600 });
    const both = { ...harness.ports, checkpointKey: await checkpointKeyFromFile(bothPath) };
    expect(both.checkpointKey.kid).toBe(fresh.checkpointKey.kid);
    expect((await verifyRecord(both)).faults).toEqual([]);
  });
});
