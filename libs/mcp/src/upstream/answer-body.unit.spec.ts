import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerBody } from './answer-body.js';

const WAITING_BYTES_MAX = 64 * 1024;

/** A connection that says what became of it. */
const aConnection = () => {
  const connection = {
    ...{ paused: false, aborted: false, reason: null, rawHeaders: null, rawTrailers: null },
    pause: () => {
      connection.paused = true;
    },
    resume: () => {
      connection.paused = false;
    },
    abort: () => {
      connection.aborted = true;
    },
  };
  return connection;
};

const given = (signal: AbortSignal = new AbortController().signal) => {
  const connection = aConnection();
  let leaves = 0;
  const body = new AnswerBody(connection, signal, () => leaves++);
  return { body, connection, leaves: () => leaves };
};

const reads = fc.constant('read' as const);
const chunks = fc.integer({ min: 1, max: 40_000 });

test('what comes is read whole and in order, however reads and chunks fall, and never much more than 64 KiB wait', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(reads, chunks), { maxLength: 40 }), async (steps) => {
      const { body, connection, leaves } = given();
      const sent: number[] = [];
      const read: Promise<IteratorResult<Uint8Array, undefined>>[] = [];
      let waiting = 0;
      for (const step of steps) {
        if (step !== 'read') {
          if (connection.paused) continue;
          body.push(new Uint8Array(step).fill(sent.length % 256));
          sent.push(step);
        } else if (read.length <= sent.length) read.push(body.next());
        waiting = sent.slice(read.length).reduce((sum, size) => sum + size, 0);
        expect(waiting).toBeLessThan(WAITING_BYTES_MAX + 40_000);
        if (waiting === 0) expect(connection.paused).toBe(false);
      }
      body.complete();
      while (read.length <= sent.length) read.push(body.next());
      const got = await Promise.all(read);
      expect(got.at(-1)).toEqual({ done: true, value: undefined });
      expect(got.slice(0, -1).map(({ value }) => [value?.length, value?.[0]])).toEqual(sent.map((size, n) => [size, n % 256]));
      expect(leaves()).toBe(1);
      expect(connection.aborted).toBe(false);
    }),
  );
});

test.each([
  ['UND_ERR_BODY_TIMEOUT', 'upstream.timeout'],
  ['UND_ERR_SOCKET', 'upstream.failed'],
])('a body that ends with %s says %s, and what nobody read of it is dropped', async (code, expected) => {
  const { body, leaves } = given();
  body.push(new Uint8Array(1));
  body.fail(Object.assign(new Error('over'), { code }));
  await expect(body.next()).rejects.toMatchObject({ code: expected, detail: { reached: 'yes' } });
  expect(leaves()).toBe(1);
});

test('a read that waits learns that its side gave up', async () => {
  const abort = new AbortController();
  const { body } = given(abort.signal);
  const read = body.next();
  abort.abort();
  body.fail(new Error('given up'));
  await expect(read).rejects.toMatchObject({ code: 'call.cancelled' });
});

test('returning it closes the connection at once and ends the read that waits', async () => {
  const { body, connection, leaves } = given();
  const read = body.next();
  await body.return();
  await expect(read).rejects.toMatchObject({ code: 'upstream.failed' });
  body.push(new Uint8Array(1));
  expect(await body.next()).toEqual({ done: true, value: undefined });
  expect([connection.aborted, leaves()]).toEqual([true, 1]);
});
