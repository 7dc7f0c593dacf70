import { expect, test } from 'vitest';
import { DetachedAnswers } from './detached-answers.js';

const answer = { jsonrpc: '2.0', id: 7, result: {} };

test('gives an answer on another stream to the call that waits for it, once, and in its own session alone', async () => {
  const detached = new DetachedAnswers();
  const settled: string[] = [];
  const waiting = detached.wait(
    's1',
    7,
    async (message) => {
      settled.push('recorded');
      return { ...message, result: { masked: true } };
    },
    new AbortController().signal,
  );
  expect(await detached.take('s2', answer)).toBeNull();
  expect(await detached.take('s1', { ...answer, id: '7' })).toBeNull();
  expect(await detached.take('s1', answer)).toMatchObject({ result: { masked: true } });
  expect(await waiting).toBe(true);
  expect(await detached.take('s1', answer)).toBeNull();
  expect(settled).toEqual(['recorded']);
});

test('fails both sides when the answer cannot be recorded', async () => {
  const detached = new DetachedAnswers();
  const waiting = detached.wait('s1', 7, () => Promise.reject(new Error('the log is down')), new AbortController().signal);
  await Promise.all([expect(waiting).rejects.toThrow('log'), expect(detached.take('s1', answer)).rejects.toThrow('log')]);
});

test('gives up when nobody comes back', async () => {
  const patience = new AbortController();
  const waiting = new DetachedAnswers().wait('s1', 7, async (message) => message, patience.signal);
  patience.abort();
  expect(await waiting).toBe(false);
});
