import { createHash } from 'node:crypto';
import { decodeEvent } from '@sallyport/contracts';
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
  const recorder = new RejectionRecorder({ log, digests, clock: aTestClock(), ids: systemIdSource, edgeId: 'edge-1', tenantId: 'acme' });
  const recorded = () =>
    log.recordsOf('tool-call.events.v1').flatMap((record) => {
      const event = decodeEvent(record);
      return event.type === 'RequestRejected' ? [event.data] : [];
    });
  return { log, recorder, recorded, total: () => recorded().reduce((sum, { count }) => sum + count, 0) };
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

test('drops no count, whoever comes in whatever number, with a bounded memory', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ source: fc.integer({ min: 0, max: 3_000 }), isDown: fc.boolean() }), { maxLength: 60 }),
      async (visits) => {
        const { recorder, total, log } = open();
        for (const { source, isDown } of visits) {
          log.break(isDown);
          recorder.record(rejection({ source: `s${source}` })).catch(() => {});
          if (source % 7 === 0) await vi.advanceTimersByTimeAsync(120);
        }
        log.break(false);
        await vi.advanceTimersByTimeAsync(1_000);
        await recorder.close();
        expect(total()).toBe(visits.length);
      },
    ),
    { numRuns: 60 },
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
