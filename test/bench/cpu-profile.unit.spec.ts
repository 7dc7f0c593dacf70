import { expect, test } from 'vitest';
import { type CpuProfile, packageOf, summarise } from './cpu-profile.ts';

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });

const PROFILE: CpuProfile = {
  startTime: 1_000,
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 5] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('decide', 'file:///x/libs/domain/dist/policy/decide.js', 9), children: [4] },
    { id: 4, callFrame: frame('parse', 'file:///x/node_modules/@scope/parser/dist/index.js', 4) },
    { id: 5, callFrame: frame('', 'node:internal/streams/readable', 0) },
  ],
  samples: [3, 4, 2, 4, 5],
  timeDeltas: [0, 100, 100, 100, 100],
};

test('a function has the time until the next sample, as a share of the time that was not idle', () => {
  const { busy, functions, packages } = summarise(PROFILE, { from: 0, to: 10_000 });
  expect(busy).toBe(0.75);
  expect(functions.map(({ name, share }) => [name, Math.round(share * 300)])).toEqual([
    ['parse @scope/parser/dist/index.js:5', 200],
    ['decide libs/domain/dist/policy/decide.js:10', 100],
    ['(anonymous) node:internal/streams/readable:1', 0],
  ]);
  expect(packages.map(({ name }) => name)).toEqual(['@scope/parser', 'libs/domain', 'node:internal/streams']);
});

test('what a function of ours calls counts for it as well', () => {
  const { inclusive, charged } = summarise(PROFILE, { from: 0, to: 10_000 });
  expect(charged.map(({ name }) => name)).toEqual([
    'decide libs/domain/dist/policy/decide.js:10',
    '[(anonymous) node:internal/streams/readable:1]',
  ]);
  expect(inclusive).toEqual([{ name: 'decide libs/domain/dist/policy/decide.js:10', share: 1 }]);
});

test('what ran outside the window does not count', () => {
  const { functions } = summarise(PROFILE, { from: 1_000, to: 1_100 });
  expect(functions).toEqual([{ name: 'decide libs/domain/dist/policy/decide.js:10', share: 1 }]);
  expect(summarise(PROFILE, { from: 5_000, to: 6_000 })).toMatchObject({ busy: 0, functions: [] });
});

test.each([
  ['', 'native and engine'],
  ['node:internal/process/task_queues', 'node:internal/process'],
  ['node:events', 'node:events'],
  ['wasm://wasm/0123', 'WebAssembly'],
  ['file:///x/node_modules/pg/lib/client.js', 'pg'],
  ['file:///x/node_modules/a/node_modules/@b/c/index.js', '@b/c'],
  ['file:///x/libs/services/edge-gateway/dist/index.js', 'libs/services/edge-gateway'],
  ['file:///x/apps/cli/dist/main.js', 'apps/cli'],
])('%j belongs to %s', (url, name) => {
  expect(packageOf(url)).toBe(name);
});
