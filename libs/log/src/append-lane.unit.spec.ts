import { expect, test, vi } from 'vitest';
import { AppendLane } from './append-lane.js';
import type { LogRecord } from './event-log.port.js';

const record = (id: string): LogRecord => ({ topic: 't', key: 'k', id, headers: {}, value: '{}' });

const aLane = (options: { waitingRecordsMax?: number; timeoutMs?: number } = {}) => {
  const groups: string[][] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const lane = new AppendLane({
    ...options,
    send: (records) => {
      groups.push(records.map(({ id }) => id));
      const answer = Promise.withResolvers<void>();
      answers.push(answer);
      return answer.promise;
    },
  });
  return { lane, groups, answers };
};

test('gathers what is appended while a group is in flight, and sends it as one in the order of the calls', async () => {
  const { lane, groups, answers } = aLane();
  const first = lane.append([record('1')]);
  await vi.waitFor(() => expect(groups).toEqual([['1']]));
  const rest = Promise.all([lane.append([record('2'), record('3')]), lane.append([record('4')])]);
  answers[0]?.resolve();
  await first;
  await vi.waitFor(() => expect(groups).toEqual([['1'], ['2', '3', '4']]));
  answers[1]?.resolve();
  await rest;
});

test('sends as one what is appended in one turn of the event loop, also by callers that wait for something first', async () => {
  const { lane, groups, answers } = aLane();
  const appends = ['1', '2', '3'].map(async (id, waits) => {
    for (let n = 0; n < waits * 10; n += 1) await Promise.resolve();
    await lane.append([record(id)]);
  });
  await vi.waitFor(() => expect(groups).toEqual([['1', '2', '3']]));
  answers[0]?.resolve();
  await Promise.all(appends);
});

test('sends nothing for appends that were all overdue before their turn came', async () => {
  const { lane, groups, answers } = aLane({ timeoutMs: 1 });
  const first = lane.append([record('1')]);
  await vi.waitFor(() => expect(groups.length).toBe(1));
  const second = lane.append([record('2')]);
  await expect(Promise.allSettled([first, second])).resolves.toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  answers[0]?.resolve();
  await lane.close();
  expect(groups).toEqual([['1']]);
});

test('rejects the whole group that failed, and goes on with the next', async () => {
  const { lane, groups, answers } = aLane();
  const first = lane.append([record('1')]);
  await vi.waitFor(() => expect(groups.length).toBe(1));
  const second = lane.append([record('2')]);
  answers[0]?.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await vi.waitFor(() => expect(groups.length).toBe(2));
  answers[1]?.resolve();
  await second;
});

test('refuses at once what would wait behind too many', async () => {
  const { lane, answers } = aLane({ waitingRecordsMax: 2 });
  const taken = lane.append([record('1'), record('2')]);
  await expect(lane.append([record('3')])).rejects.toMatchObject({ code: 'log.unavailable' });
  await vi.waitFor(() => expect(answers.length).toBe(1));
  answers[0]?.resolve();
  await taken;
});

test('rejects what is not acknowledged in time, and waits for it when it closes', async () => {
  const { lane, answers, groups } = aLane({ timeoutMs: 1 });
  const inFlight = lane.append([record('1')]);
  const waiting = lane.append([record('2')]);
  await expect(inFlight).rejects.toMatchObject({ code: 'log.unavailable' });
  await expect(waiting).rejects.toMatchObject({ code: 'log.unavailable' });
  const closed = lane.close();
  await expect(lane.append([record('3')])).rejects.toMatchObject({ code: 'log.unavailable' });
  answers[0]?.resolve();
  await closed;
  expect(groups.flat()).not.toContain('3');
});
