import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@sallyport/contracts';
import type { Database, Sql } from '@sallyport/platform';
import { DEAD_LETTER_HEADERS } from './consumption/dead-letter.js';
import type { PositionStore } from './consumption/position-store.port.js';
import type { EventLog, LogRecord, ReceivedRecord, RecordBatch, SubscribeOptions, Subscription } from './event-log.port.js';
import { appendToOutbox, OutboxPublisher } from './outbox.js';
import { partitionOf, type TopicLayout } from './topic-layout.js';

/** What a test runner gives; vitest's `test` fits. */
export interface ContractTest {
  test(title: string, body: () => Promise<void>): void;
}

/** One log, opened as often as a test needs processes. */
export interface EventLogHarness {
  /** Opens the log as another process would: connections of its own. */
  open(): Promise<EventLog>;
  /** Ends a log as `kill -9` would, without a goodbye; absent where nothing can be killed. */
  kill?(log: EventLog): Promise<void>;
  readonly positions: PositionStore;
  /** The service's database; absent for the memory twin. */
  readonly db?: Database;
  resolvePoisonedChain(group: string, key: string): Promise<boolean>;
}

const TESTS_MAX = 26;
/** Later than any test ends. */
const NEVER_MS = 600_000;
const PARTITIONS = 4;
const topicOfTest = (n: number): string => `contract-${n}.events.v1`;
const deadLetterOfTest = (n: number): string => `contract-${n}.dead-letter.v1`;

/** The topics the suite uses, one pair for each of its tests. */
export const CONTRACT_TOPICS: TopicLayout = Object.fromEntries(
  Array.from({ length: TESTS_MAX }, (_, n) => [
    [topicOfTest(n), { partitions: PARTITIONS, cleanup: 'delete' as const }],
    [deadLetterOfTest(n), { partitions: 1, cleanup: 'delete' as const }],
  ]).flat(),
);

/** What a subscription received; tests wait on it instead of sleeping. */
class Inbox {
  readonly records: ReceivedRecord[] = [];
  readonly batches: RecordBatch[] = [];
  private readonly waiters = new Set<() => void>();

  add(batch: RecordBatch): void {
    this.batches.push(batch);
    this.records.push(...batch.records);
    for (const wake of this.waiters) wake();
  }

  ids(key?: string): string[] {
    return this.records.filter((record) => key === undefined || record.key === key).map(({ id }) => id);
  }

  async until(done: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(check);
        reject(new Error(`not within ${timeoutMs} ms: ${what}; received ${this.records.length}`));
      }, timeoutMs);
      const check = (): void => {
        if (!done()) return;
        clearTimeout(timer);
        this.waiters.delete(check);
        resolve();
      };
      this.waiters.add(check);
      check();
    });
  }

  count(n: number): Promise<void> {
    return this.until(() => this.records.length >= n, `${n} records`);
  }
}

/** Asks until it is so: for what changes without a record that could wake anybody. */
const eventually = async (isSo: () => boolean, what: string): Promise<void> => {
  for (const deadline = performance.now() + 30_000; !isSo(); await delay(10))
    assert.ok(performance.now() < deadline, `never came: ${what}`);
};

/** Another key of the same partition, or of another one. */
const keyBeside = (key: string, same: boolean): string => {
  for (let n = 0; ; n += 1) {
    const candidate = `${key}-${n}`;
    if ((partitionOf(candidate, PARTITIONS) === partitionOf(key, PARTITIONS)) === same) return candidate;
  }
};

/**
 * What every adapter of the log promises. `harness` is opened before the first test; the layout of its log contains `CONTRACT_TOPICS`.
 * `has` says what the memory twin lacks: processes that can be killed, and a database with transactions.
 */
export const eventLogContract = (
  t: ContractTest,
  harness: () => EventLogHarness,
  has: { readonly processes: boolean; readonly database: boolean } = { processes: true, database: true },
): void => {
  let n = -1;
  function test(title: string, body: (c: Case) => Promise<void>): void;
  function test(title: string, applies: boolean, body: (c: Case) => Promise<void>): void;
  function test(title: string, second: boolean | ((c: Case) => Promise<void>), third?: (c: Case) => Promise<void>): void {
    const body = typeof second === 'boolean' ? third : second;
    if (second === false || body === undefined) return;
    n += 1;
    const number = n;
    t.test(title, async () => {
      const c = new Case(harness(), number);
      try {
        await body(c);
      } finally {
        await c.close();
      }
    });
  }

  test('keeps the order of a chain, whatever else is appended', async (c) => {
    const log = await c.open();
    const inbox = await c.collect(log);
    const chains = Array.from({ length: 9 }, (_, index) => `chain-${index}`);
    const appends: Promise<void>[] = [];
    for (let step = 0; step < 40; step += 1) {
      appends.push(log.append(chains.map((key) => c.record(key, `${key}:${step}`))));
    }
    await Promise.all(appends);
    await inbox.count(360);
    for (const key of chains) {
      assert.deepEqual(
        inbox.ids(key),
        Array.from({ length: 40 }, (_, step) => `${key}:${step}`),
      );
    }
    const places = new Set(inbox.records.map(({ partition, position }) => `${partition}/${position}`));
    assert.equal(places.size, 360);
  });

  test('an append that resolved is read by another process from the beginning, as it was written', async (c) => {
    const log = await c.open();
    const written = { ...c.record('chain', 'one'), headers: { traceparent: 'a', 'edge-id': 'é' }, value: '{"text":"\\u0000 ünï"}' };
    await log.append([written]);
    const inbox = await c.collect(await c.open());
    await inbox.count(1);
    const [read] = inbox.records;
    assert.equal(read?.key, 'chain');
    assert.equal(read?.id, 'one');
    assert.equal(read?.value, written.value);
    assert.deepEqual({ ...read?.headers }, { ...written.headers, ce_id: 'one' });
    assert.equal(read?.partition, partitionOf('chain', PARTITIONS));
    assert.ok(Math.abs((read?.appendedAtMs ?? 0) - Date.now()) < 60_000);
  });

  test('tells the position behind everything that was acknowledged', async (c) => {
    const [log, other] = [await c.open(), await c.open()];
    const { topic } = c.record('a', 'x');
    const before = await other.ends(topic);
    assert.equal(before.size, PARTITIONS);
    await log.append(['1', '2', '3'].map((id) => c.record('a', id)));
    const after = await other.ends(topic);
    const place = partitionOf('a', PARTITIONS);
    assert.ok((after.get(place) ?? 0n) - (before.get(place) ?? 0n) >= 3n);
    const inbox = await c.collect(log);
    await inbox.count(3);
    assert.ok(inbox.records.every(({ position }) => position < (after.get(place) ?? 0n)));
  });

  test('refuses a record of an unknown topic or too large alone, and appends what came with it', async (c) => {
    const log = await c.open();
    const inbox = await c.collect(log);
    const results = await Promise.allSettled([
      log.append([c.record('a', '1')]),
      log.append([{ ...c.record('a', 'lost'), topic: 'nobody.events.v1' }]),
      log.append([{ ...c.record('a', 'huge'), value: JSON.stringify('x'.repeat(1024 * 1024)) }]),
      log.append([c.record('a', '2')]),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    await inbox.count(2);
    assert.deepEqual(inbox.ids(), ['1', '2']);
  });

  test('continues behind what was handled when the group comes back', async (c) => {
    const log = await c.open();
    await log.append([c.record('a', '1'), c.record('b', '2')]);
    const first = await c.collect(log);
    await first.count(2);
    await c.leave(first);
    await log.append([c.record('a', '3')]);
    const second = await c.collect(log);
    await second.count(1);
    assert.deepEqual(second.ids(), ['3']);
  });

  test('a group that begins at the latest sees nothing older', async (c) => {
    const log = await c.open();
    await log.append([c.record('a', 'old')]);
    const inbox = await c.collect(log, { from: 'latest' });
    await log.append([c.record('a', 'new')]);
    await inbox.count(1);
    assert.deepEqual(inbox.ids(), ['new']);
  });

  test('an ephemeral subscription sees everything appended after ready, and nothing before', async (c) => {
    const [log, other] = [await c.open(), await c.open()];
    await log.append([c.record('a', 'before')]);
    const inbox = await c.collect(log, { positions: 'ephemeral', from: 'latest' });
    const neighbour = await c.collect(log, { positions: 'ephemeral', from: 'latest' });
    const ids = Array.from({ length: 50 }, (_, index) => `after-${index}`);
    await Promise.all(ids.map((id, index) => (index % 2 === 0 ? log : other).append([c.record(`k${index}`, id)])));
    await inbox.count(50);
    await neighbour.count(50);
    assert.deepEqual(inbox.ids().sort(), [...ids].sort());
    assert.deepEqual(neighbour.ids().sort(), [...ids].sort());
  });

  test('hands over records of several partitions in one batch', async (c) => {
    const log = await c.open();
    await log.append(Array.from({ length: 40 }, (_, index) => c.record(`k${index}`, `${index}`)));
    const inbox = await c.collect(log, { pauseMs: 300 });
    await inbox.count(40);
    assert.ok(inbox.batches.some(({ records }) => new Set(records.map(({ partition }) => partition)).size > 1));
  });

  test('a consumer that fetches rarely has the first record at once, and leaves without waiting for more', async (c) => {
    const log = await c.open();
    const inbox = await c.collect(log, { fetchEveryMs: NEVER_MS });
    await log.append([c.record('a', 'first')]);
    await inbox.count(1);
    await c.leave(inbox);
    await log.append([c.record('a', 'second')]);
    const next = await c.collect(log);
    await next.count(1);
    assert.deepEqual(next.ids(), ['second']);
  });

  test('an urgent record ends the gathering at once, and what was gathered goes before it', async (c) => {
    const log = await c.open();
    const inbox = await c.collect(log, { pauseMs: 600_000, urgent: (headers) => headers.kind === 'urgent' });
    await log.append([c.record('a', 'patient')]);
    await log.append([{ ...c.record('a', 'urgent'), headers: { kind: 'urgent' } }]);
    await inbox.count(2);
    assert.deepEqual(inbox.ids(), ['patient', 'urgent']);
  });

  test('what a consumer does not accept is not handed over and counts as handled', async (c) => {
    const log = await c.open();
    const subscription: Partial<SubscribeOptions> = { accept: (headers) => headers['edge-id'] === 'mine' };
    const inbox = await c.collect(log, subscription);
    const foreign = { ...c.record('a', 'foreign'), headers: { 'edge-id': 'other' } };
    await log.append([foreign, { ...c.record('a', 'mine'), headers: { 'edge-id': 'mine' } }, { ...foreign, id: 'foreign-2' }]);
    await inbox.count(1);
    assert.deepEqual(inbox.ids(), ['mine']);
    await c.leave(inbox);
    await log.append([{ ...c.record('a', 'later'), headers: { 'edge-id': 'mine' } }]);
    const again = await c.collect(log, subscription);
    await again.count(1);
    assert.deepEqual(again.ids(), ['later']);
  });

  test('redelivery changes nothing for a handler that drops the ids it has handled', async (c) => {
    const log = await c.open();
    const effects = new Map<string, number>();
    let failures = 2;
    const inbox = await c.collect(log, {
      handle: async (batch) => {
        for (const { id } of batch.records) if (!effects.has(id)) effects.set(id, 1);
        if (failures > 0) {
          failures -= 1;
          throw new Error('after the effect, before the position');
        }
      },
    });
    const records = [c.record('a', '1'), c.record('a', '2'), c.record('b', '3')];
    await log.append(records);
    await log.append(records);
    await inbox.count(6);
    assert.deepEqual([...effects.entries()].sort(), [
      ['1', 1],
      ['2', 1],
      ['3', 1],
    ]);
  });

  test('a dependency that is down pauses the group, which loses and reorders nothing', async (c) => {
    const log = await c.open();
    let down = true;
    const reached = Promise.withResolvers<void>();
    let tries = 0;
    const inbox = await c.collect(log, {
      handle: async () => {
        tries += 1;
        if (tries === 4) reached.resolve();
        if (down) throw new AppError(tries % 2 === 0 ? 'store.unavailable' : 'log.unavailable', 'told to be down');
      },
    });
    await log.append(Array.from({ length: 20 }, (_, index) => c.record('a', `${index}`)));
    await reached.promise;
    down = false;
    await inbox.count(20);
    assert.deepEqual(
      inbox.ids('a'),
      Array.from({ length: 20 }, (_, index) => `${index}`),
    );
    assert.deepEqual(await c.deadLetters(log, 0), []);
  });

  test('an event of a newer release is neither skipped nor a dead letter: the group waits for who can read it, and then has everything once', async (c) => {
    const log = await c.open();
    const stuck = Promise.withResolvers<void>();
    let tries = 0;
    const old = await c.collect(log, {
      handle: async ({ records }) => {
        if (!records.some(({ id }) => id === 'newer')) return;
        tries += 1;
        // More often than what is poison is tried.
        if (tries === 8) stuck.resolve();
        throw new AppError('contract.newer-event', 'told to be newer');
      },
    });
    await log.append([c.record('a', 'before')]);
    await old.count(1);
    await log.append([c.record('a', 'newer'), c.record('a', 'behind')]);
    await stuck.promise;
    assert.deepEqual(old.ids('a'), ['before']);
    await c.leave(old);
    const upToDate = await c.collect(log, {});
    await upToDate.count(2);
    assert.deepEqual(upToDate.ids('a'), ['newer', 'behind']);
    assert.deepEqual(await c.deadLetters(log, 0), []);
  });

  test('a poison message goes to the dead letter and stops its chain only, until the chain is resolved', async (c) => {
    const log = await c.open();
    const chain = 'sick';
    const [neighbour, stranger] = [keyBeside(chain, true), keyBeside(chain, false)];
    const refusePoison = async (batch: RecordBatch): Promise<void> => {
      if (batch.records.some(({ value }) => value === '"poison"')) throw new AppError('contract.invalid-event', 'secret text');
    };
    const inbox = await c.collect(log, { handle: refusePoison });
    await log.append([
      c.record(chain, 'fine'),
      { ...c.record(chain, 'poison'), value: '"poison"' },
      c.record(neighbour, 'n1'),
      c.record(chain, 'behind'),
      c.record(stranger, 's1'),
      c.record(neighbour, 'n2'),
    ]);
    await inbox.count(4);
    await log.append([c.record(chain, 'later'), c.record(neighbour, 'n3')]);
    await inbox.count(5);
    assert.deepEqual(inbox.ids(chain), ['fine']);
    assert.deepEqual(inbox.ids(neighbour), ['n1', 'n2', 'n3']);
    assert.deepEqual(inbox.ids(stranger), ['s1']);
    const letters = await c.deadLetters(log, 3);
    assert.deepEqual(
      letters.map(({ id, headers }) => [id, headers[DEAD_LETTER_HEADERS.reason], headers[DEAD_LETTER_HEADERS.errorCode]]),
      [
        ['poison', 'poison', 'contract.invalid-event'],
        ['behind', 'behind-poison', 'chain.poisoned'],
        ['later', 'behind-poison', 'chain.poisoned'],
      ],
    );
    assert.equal(letters[0]?.headers[DEAD_LETTER_HEADERS.topic], c.topic);
    assert.equal(letters[0]?.value, '"poison"');
    assert.ok(!JSON.stringify(letters.map(({ headers }) => headers)).includes('secret text'));

    await c.leave(inbox);
    const restarted = await c.collect(log, { handle: refusePoison });
    await log.append([c.record(chain, 'after restart'), c.record(neighbour, 'n4')]);
    await restarted.count(1);
    assert.deepEqual(restarted.ids(), ['n4']);
    await c.deadLetters(log, 4);

    assert.equal(await c.harness.resolvePoisonedChain(c.group, chain), true);
    await log.append([c.record(chain, 'healed')]);
    await restarted.count(2);
    assert.deepEqual(restarted.ids(chain), ['healed']);
    assert.equal(await c.harness.resolvePoisonedChain(c.group, chain), false);
  });

  test('a group that continues behind poison loses that record alone', async (c) => {
    const log = await c.open();
    const inbox = await c.collect(log, {
      poison: 'continue',
      handle: async ({ records }) => {
        if (records.some(({ id }) => id === 'poison')) throw new TypeError('cannot');
      },
    });
    await log.append([c.record('a', '1'), c.record('a', 'poison'), c.record('a', '2')]);
    await inbox.count(2);
    assert.deepEqual(inbox.ids(), ['1', '2']);
    const [letter] = await c.deadLetters(log, 1);
    assert.equal(letter?.headers[DEAD_LETTER_HEADERS.errorCode], 'TypeError');
  });

  test('has caught up when all that was there is handled, and knows its lag', async (c) => {
    const log = await c.open();
    await log.append(Array.from({ length: 30 }, (_, index) => c.record(`k${index}`, `${index}`)));
    const release = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const inbox = await c.collect(log, {
      handle: async () => {
        started.resolve();
        await release.promise;
      },
    });
    await started.promise;
    assert.equal(inbox.subscription.lag(), 30);
    release.resolve();
    await inbox.subscription.caughtUp;
    assert.equal(inbox.subscription.lag(), 0);
    assert.equal(inbox.records.length, 30);
  });

  test('knows its lag also of what comes while a batch takes long', async (c) => {
    const log = await c.open();
    await log.append([c.record('a', '1')]);
    const release = Promise.withResolvers<void>();
    const inbox = await c.collect(log, { handle: () => release.promise });
    await log.append([c.record('a', '2'), c.record('b', '3')]);
    await eventually(() => inbox.subscription.lag() === 3, 'a lag of three');
    release.resolve();
    await inbox.count(3);
  });

  test('a consumer slower than the log is held back, and loses and reorders nothing', async (c) => {
    const log = await c.open();
    const release = Promise.withResolvers<void>();
    const inbox = await c.collect(log, { handle: () => release.promise });
    const count = 9_000;
    for (let first = 0; first < count; first += 500) {
      await log.append(Array.from({ length: 500 }, (_, index) => c.record(`k${index % 10}`, `${first + index}`)));
    }
    release.resolve();
    await inbox.count(count);
    for (let chain = 0; chain < 10; chain += 1) {
      const order = inbox.ids(`k${chain}`).map(Number);
      assert.equal(order.length, count / 10);
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
    }
  });

  test('closing finishes the batch in hand and takes no other', async (c) => {
    const log = await c.open();
    const release = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const inbox = await c.collect(log, {
      batchRecordsMax: 1,
      handle: async () => {
        started.resolve();
        await release.promise;
      },
    });
    await log.append([c.record('a', '1'), c.record('a', '2')]);
    await started.promise;
    const left = c.leave(inbox);
    release.resolve();
    await left;
    assert.deepEqual(inbox.ids(), ['1']);
    const next = await c.collect(log);
    await next.count(1);
    assert.deepEqual(next.ids(), ['2']);
  });

  test('two consumers of a group share its partitions, and those of one that leaves move over', async (c) => {
    const [one, two] = [await c.open(), await c.open()];
    const first = await c.collect(one);
    const second = await c.collect(two);
    const round = async (name: string): Promise<void> => {
      await one.append(Array.from({ length: 60 }, (_, index) => c.record(`k${index}`, `${name}:${index}`)));
    };
    const handled = (name: string): Set<string> => new Set([...first.ids(), ...second.ids()].filter((id) => id.startsWith(`${name}:`)));
    for (let n = 0; second.records.length === 0 || first.records.length === 0; n += 1) {
      assert.ok(n < 40, 'both members were given partitions');
      await round(`warm-${n}`);
      await first.until(() => handled(`warm-${n}`).size === 60 || second.records.length > 0, `round ${n}`, 1_000).catch(() => {});
    }
    await c.leave(first);
    await round('alone');
    await second.until(() => new Set(second.ids().filter((id) => id.startsWith('alone:'))).size === 60, 'all partitions moved over');
  });

  test('the partitions of a consumer that is killed move over, and nothing is left out', has.processes, async (c) => {
    assert.ok(c.harness.kill);
    const [doomed, survivor] = [await c.open(), await c.open()];
    const dying = await c.collect(doomed);
    const inbox = await c.collect(survivor);
    await survivor.append(Array.from({ length: 40 }, (_, index) => c.record(`k${index}`, `a:${index}`)));
    await c.harness.kill(doomed);
    await survivor.append(Array.from({ length: 40 }, (_, index) => c.record(`k${index}`, `b:${index}`)));
    await inbox.until(() => inbox.ids().filter((id) => id.startsWith('b:')).length >= 40, 'all partitions moved over');
    const all = new Set([...dying.ids(), ...inbox.ids()]);
    assert.equal(all.size, 80);
  });

  test('positions that move later than results have moved when the subscription closes', async (c) => {
    const log = await c.open();
    const first = await c.collect(log, { moveMs: NEVER_MS });
    await log.append([c.record('a', '1'), c.record('b', '2')]);
    await first.count(2);
    await c.leave(first);
    const second = await c.collect(log, { moveMs: NEVER_MS });
    await log.append([c.record('a', '3')]);
    await second.count(1);
    assert.deepEqual(second.ids(), ['3']);
  });

  test('a consumer declared dead moves no position and publishes nothing with effect', has.database, async (c) => {
    const { db } = c.harness;
    assert.ok(db);
    const log = await c.open();
    const publisher = new OutboxPublisher(db, log);
    const inHand = Promise.withResolvers<void>();
    const usurped = Promise.withResolvers<void>();
    const published: string[] = [];
    let handled = 0;
    const inbox = await c.collect(log, {
      handle: async (batch) => {
        handled += 1;
        const isFirst = handled === 1;
        const staged = await db.transaction(async (tx) => {
          const results = await appendToOutbox(
            tx,
            batch.records.map(({ id }) => ({
              ...c.record('result', `${isFirst ? 'zombie' : 'rightful'}:${id}`),
              topic: c.deadLetterTopic,
            })),
          );
          if (isFirst) {
            inHand.resolve();
            await usurped.promise;
          }
          await batch.advance(tx);
          return results;
        });
        published.push(...staged.records.map(({ id }) => id));
        await publisher.publish(staged);
      },
    });
    const [one, two, three] = [c.record('a', '1'), c.record('a', '2'), c.record('a', '3')];
    await log.append([one]);
    await inHand.promise;
    await log.append([two, three]);
    // Another consumer handles the first record: what the group's new owner would do in its own transaction.
    const { rows } = await db.query<{ position: string }>(
      `UPDATE consumer_position SET position = position + 1 WHERE group_name = $1 AND topic = $2 AND partition = $3 RETURNING position`,
      [c.group, c.topic, partitionOf('a', PARTITIONS)],
    );
    assert.equal(rows.length, 1);
    usurped.resolve();
    await inbox.until(() => published.length >= 2, 'the records behind the usurped one');
    assert.deepEqual(published, ['rightful:2', 'rightful:3']);
    const results = await c.read(log, c.deadLetterTopic, 2);
    assert.deepEqual(
      results.map(({ id }) => id),
      ['rightful:2', 'rightful:3'],
    );
    assert.deepEqual((await db.query('SELECT 1 FROM outbox')).rows, []);
  });

  test('a commit whose outcome the handler did not learn is not handled twice', has.database, async (c) => {
    const { db } = c.harness;
    assert.ok(db);
    const log = await c.open();
    const handled: string[] = [];
    const committed = Promise.withResolvers<void>();
    const inbox = await c.collect(log, {
      handle: async (batch) => {
        await db.transaction((tx) => batch.advance(tx));
        handled.push(...batch.records.map(({ id }) => id));
        if (handled.length > 1) return;
        committed.resolve();
        throw new AppError('store.unavailable', 'lost right after COMMIT');
      },
    });
    await log.append([c.record('a', '1')]);
    await committed.promise;
    await log.append([c.record('a', '2')]);
    await inbox.count(1);
    assert.deepEqual(handled, ['1', '2']);
  });

  test('leftovers of the outbox go out before new work, in the order they were staged', has.database, async (c) => {
    const { db } = c.harness;
    assert.ok(db);
    const log = await c.open();
    await db.transaction((tx: Sql) => appendToOutbox(tx, [c.record('a', '1'), c.record('a', '2')]));
    await assert.rejects(
      db.transaction(async (tx) => {
        await appendToOutbox(tx, [c.record('a', 'rolled back')]);
        throw new Error('no');
      }),
    );
    const publisher = new OutboxPublisher(db, log);
    const staged = await db.transaction((tx) => publisher.stage(tx, [c.record('a', '3')]));
    await publisher.publish(staged);
    await publisher.publish(await db.transaction((tx) => publisher.stage(tx, [c.record('a', '4')])));
    const records = await c.read(log, c.topic, 4);
    assert.deepEqual(
      records.map(({ id }) => id),
      ['1', '2', '3', '4'],
    );
    assert.deepEqual((await db.query('SELECT 1 FROM outbox')).rows, []);
  });
};

type Collected = Inbox & { readonly subscription: Subscription };

/** One test's topic, group and open things. */
class Case {
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly group: string;
  private readonly logs: EventLog[] = [];

  constructor(
    readonly harness: EventLogHarness,
    number: number,
  ) {
    this.topic = topicOfTest(number);
    this.deadLetterTopic = deadLetterOfTest(number);
    this.group = `policy-decision.contract-${number}.${randomUUID()}`;
  }

  async open(): Promise<EventLog> {
    const log = await this.harness.open();
    this.logs.push(log);
    return log;
  }

  record(key: string, id: string): LogRecord {
    return { topic: this.topic, key, id, headers: {}, value: JSON.stringify({ id }) };
  }

  /** Subscribes the test's group, or a group of its own where it keeps no positions. */
  async collect(log: EventLog, options: Partial<SubscribeOptions> = {}): Promise<Collected> {
    const inbox = new Inbox();
    const subscription = await log.subscribe({
      group: options.positions === 'ephemeral' ? `${this.group}.${randomUUID()}` : this.group,
      topics: [this.topic],
      from: 'earliest',
      positions: this.harness.positions,
      deadLetterTopic: this.deadLetterTopic,
      ...options,
      handle: async (batch) => {
        await options.handle?.(batch);
        inbox.add(batch);
      },
    });
    await subscription.ready;
    return Object.assign(inbox, { subscription });
  }

  async leave(inbox: Collected): Promise<void> {
    await inbox.subscription.close();
  }

  /** All of a topic from the beginning, once there are `count`. */
  async read(log: EventLog, topic: string, count: number): Promise<readonly ReceivedRecord[]> {
    const inbox = await this.collect(log, {
      group: `${this.group}.${randomUUID()}`,
      topics: [topic],
      positions: 'ephemeral',
      from: 'earliest',
    });
    await inbox.subscription.caughtUp;
    await inbox.count(count);
    await this.leave(inbox);
    return inbox.records;
  }

  deadLetters(log: EventLog, count: number): Promise<readonly ReceivedRecord[]> {
    return this.read(log, this.deadLetterTopic, count);
  }

  async close(): Promise<void> {
    await Promise.all(this.logs.map((log) => log.close()));
  }
}
