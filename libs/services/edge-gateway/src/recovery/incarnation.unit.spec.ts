import { encodeEvent } from '@sallyport/contracts';
import { createLogger, type Sql } from '@sallyport/platform';
import { anEvent, toolCallCompleted, toolCallDispatched } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { Incarnation, writerOf } from './incarnation.js';

const LEASE_MS = 10_000;

const aRun = () => {
  let nowMs = 1_000;
  const appended: string[] = [];
  const said: string[] = [];
  let isAway = false;
  const sql: Sql = {
    query: async (statement) => {
      if (isAway) throw new Error('away');
      said.push(typeof statement === 'string' ? statement : statement.text);
      return { rows: [], rowCount: 1 };
    },
  };
  const clock = { nowMs: () => nowMs, nowIso: () => new Date(nowMs).toISOString(), monotonicMs: () => nowMs };
  const run = new Incarnation({ edgeId: 'edge-1', bootId: 'boot-1' }, sql, clock, createLogger('edge-gateway', { level: 'silent' }));
  const log = run.guard({
    append: async (records) => void appended.push(...records.map(({ id }) => id)),
    isHealthy: () => true,
  });
  return {
    run,
    appended,
    said,
    send: () => log.append([encodeEvent(toolCallDispatched())]),
    record: () => log.append([encodeEvent(toolCallCompleted())]),
    wait: (ms: number) => {
      nowMs += ms;
    },
    cutOff: () => {
      isAway = true;
    },
  };
};

test('a run sends only as long as it could tell that it lives', async () => {
  const { run, send, wait, appended } = aRun();
  await expect(send()).rejects.toMatchObject({ code: 'store.unavailable' });
  await run.start();
  await send();
  wait(LEASE_MS);
  await send();
  wait(1);
  await expect(send()).rejects.toMatchObject({ code: 'store.unavailable' });
  expect(appended).toEqual(['dispatched', 'dispatched']);
  await run.end();
});

test('what is no dispatch is recorded whether or not the run could tell that it lives', async () => {
  const { run, record, wait, appended } = aRun();
  await run.start();
  wait(10 * LEASE_MS);
  await record();
  expect(appended).toEqual(['completed']);
  await run.end();
});

test('a run that ended sends nothing, and says that it ended', async () => {
  const { run, send, said } = aRun();
  await run.start();
  await run.end();
  await expect(send()).rejects.toMatchObject({ code: 'store.unavailable' });
  expect(said.at(-1)).toContain('ended_at = now()');
});

test('a run that cannot tell of itself does not start, and ends all the same', async () => {
  const { run, cutOff } = aRun();
  cutOff();
  await expect(run.start()).rejects.toThrow('away');
  await run.end();
  expect(run.isAlive()).toBe(false);
});

test('reads who wrote an event from its source', () => {
  expect(writerOf('/edge-gateway/edge-1/boot-1')).toEqual({ edgeId: 'edge-1', bootId: 'boot-1' });
  expect(writerOf(anEvent('ToolCallInDoubt', { attempt: 1, reason: 'x' }).source)).toEqual({ edgeId: 'edge-1', bootId: '' });
  expect(writerOf('')).toEqual({ edgeId: '', bootId: '' });
});
