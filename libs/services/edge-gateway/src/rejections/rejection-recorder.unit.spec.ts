import { createHash } from 'node:crypto';
import { AppError, decodeEvent } from '@sallyport/contracts';
import { MemoryEventLog } from '@sallyport/log';
import { type Rejection, systemIdSource } from '@sallyport/platform';
import { aTestClock } from '@sallyport/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RejectionRecorder } from './rejection-recorder.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const open = () => {
  const log = new MemoryEventLog();
  const digests = {
    keyedDigest: (...parts: readonly (string | Uint8Array)[]) => createHash('sha256').update(parts.join('|')).digest('base64url'),
  };
  let isUnheard = false;
  const append: MemoryEventLog['append'] = async (records) => {
    await log.append(records);
    if (isUnheard) throw new AppError('log.unavailable', 'no acknowledgement');
  };
  const recorder = new RejectionRecorder({
    ...{ log: { append }, digests, clock: aTestClock(), ids: systemIdSource, edgeId: 'edge-1', tenantId: 'acme' },
  });
  /** As a reader has it: what comes again under an id is dropped. */
  const recorded = () =>
    [...new Map(log.recordsOf('tool-call.events.v1').map((record) => [record.id, record])).values()].flatMap((record) => {
      const event = decodeEvent(record);
      return event.type === 'RequestRejected' ? [event.data] : [];
    });
  return {
    ...{ log, recorder, recorded, total: () => recorded().reduce((sum, { count }) => sum + count, 0) },
    /** From now on the log takes what comes and nobody hears of it. */
    unheard: (now: boolean) => {
      isUnheard = now;
    },
  };
};
const rejection = (over: Partial<Rejection> = {}): Rejection => ({
  code: 'identity.token-missing',
  source: '10.0.0.1',
  tenantId: null,
  method: 'POST',
  route: '/mcp/{server}',
  httpStatus: 401,
  traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  ...over,
});

test('records the first of a source and code at once, and its followers as one event with their number', async () => {
  const { recorder, recorded } = open();
  await recorder.record(rejection());
  expect(recorded()).toMatchObject([{ count: 1 }]);
  const followers = Array.from({ length: 9 }, () => recorder.record(rejection()));
  await vi.advanceTimersByTimeAsync(250);
  await Promise.all(followers);
  expect(recorded()).toMatchObject([{ count: 1 }, { count: 9 }]);
});

test('keeps sources and codes apart, and never shows an address', async () => {
  const { recorder, recorded, log } = open();
  await Promise.all([
    recorder.record(rejection()),
    recorder.record(rejection({ source: '10.0.0.2' })),
    recorder.record(rejection({ code: 'request.parse-error' })),
  ]);
  expect(recorded()).toHaveLength(3);
  expect(JSON.stringify(log.recordsOf('tool-call.events.v1').map(({ value }) => value))).not.toContain('10.0.0');
});

test('rejects while the log is down, and counts it all the same when it is back', async () => {
  const { recorder, total, log } = open();
  log.break(true);
  await expect(recorder.record(rejection())).rejects.toMatchObject({ code: 'log.unavailable' });
  log.break(false);
  await vi.advanceTimersByTimeAsync(250);
  expect(total()).toBe(1);
});

test('counts once what a log took that did not say so, and answers those who came meanwhile as theirs goes', async () => {
  const { recorder, recorded, unheard, log } = open();
  unheard(true);
  await expect(recorder.record(rejection())).rejects.toMatchObject({ code: 'log.unavailable' });
  const followers = Array.from({ length: 9 }, () => recorder.record(rejection()));
  unheard(false);
  await vi.advanceTimersByTimeAsync(250);
  await Promise.all(followers);
  expect(recorded()).toMatchObject([{ count: 1 }, { count: 9 }]);
  expect(log.recordsOf('tool-call.events.v1')).toHaveLength(3);
});

test('drops no count and tells none twice, whoever comes in whatever number, with a bounded memory', async () => {
  const visitsOf = (max: number) =>
    fc.array(fc.record({ source: fc.integer({ min: 0, max }), how: fc.constantFrom('up', 'down', 'unheard') }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1, 3_000).chain(visitsOf), async (visits) => {
      const { recorder, total, log, unheard } = open();
      const answers: Promise<unknown>[] = [];
      for (const { source, how } of visits) {
        log.break(how === 'down');
        unheard(how === 'unheard');
        answers.push(recorder.record(rejection({ source: `s${source}` })).catch(() => {}));
        if (source % 7 === 0) await vi.advanceTimersByTimeAsync(120);
      }
      log.break(false);
      unheard(false);
      await vi.advanceTimersByTimeAsync(1_000);
      await Promise.all(answers);
      await recorder.close();
      expect(total()).toBe(visits.length);
    }),
    { numRuns: 120 },
  );
});

test('folds sources into one per code when there are too many', async () => {
  const { recorder, recorded, total } = open();
  const all = Array.from({ length: 1_500 }, (_, source) => recorder.record(rejection({ source: `s${source}` })));
  await vi.advanceTimersByTimeAsync(500);
  await Promise.all(all);
  expect(total()).toBe(1_500);
  expect(recorded().length).toBeLessThanOrEqual(1_002);
});
