import { describe, expect, test } from 'vitest';
import { adviceFor } from '../../tools/run/failure-advice.mjs';
import { installedMatches } from '../../tools/run/install.mjs';
import { isModern } from '../../tools/run/modern-node.mjs';
import { countsLine } from '../../tools/run/test.mjs';
import { summarise } from '../../tools/run/test-reporter.mjs';

describe('a failed install says in one line what to do', () => {
  test.each([
    ['npm error code ENOTFOUND\nnpm error request to https://registry.example/x failed', /offline/],
    ['npm error code EAI_AGAIN', /offline/],
    ['npm error code ECONNREFUSED', /registry does not answer/],
    ['npm error code EROFS\nnpm error rofs read-only file system', /read-only/],
    ['npm error code ENOSPC\nnpm error nospc write', /disk is full/],
    ['npm error code EACCES\nnpm error syscall mkdir', /may not write/],
    ['npm error code EINTEGRITY', /refused/],
    ['npm error code EUSAGE', /disagree/],
    ['ENOENT spawn npm ENOENT', /npm was not found/],
  ])('%s', (said, advice) => {
    expect(adviceFor(said)).toMatch(advice);
    expect(adviceFor(said)).not.toContain('\n');
  });

  test.each(['npm error code ELIFECYCLE', 'npm error code ENOENT\nnpm error path /x/node_modules'])(
    'claims nothing about a failure it does not know: %s',
    (said) => expect(adviceFor(said)).toBeNull(),
  );
});

describe('an install is complete', () => {
  const lock = {
    packages: {
      '': {},
      'libs/a': {},
      'node_modules/@x/a': { link: true },
      'node_modules/zod': { version: '4.6.7' },
      'node_modules/bin-linux': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
      'node_modules/bin-musl': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
      'node_modules/bin-darwin': { version: '1.0.0', optional: true, os: ['darwin'], cpu: ['arm64'] },
      'node_modules/not-windows': { version: '1.0.0', optional: true, os: ['!win32'] },
    },
  };
  const installed = (...names) => ({
    packages: {
      'node_modules/@x/a': { link: true },
      ...Object.fromEntries(names.map((name) => [`node_modules/${name}`, { version: lock.packages[`node_modules/${name}`].version }])),
    },
  });

  test('when every package of this platform is there in its version', () =>
    expect(installedMatches(lock, installed('zod', 'bin-linux', 'not-windows'), 'linux', 'x64')).toBe(true));

  test('not when it was made on another platform', () =>
    expect(installedMatches(lock, installed('zod', 'bin-darwin', 'not-windows'), 'linux', 'x64')).toBe(false));

  test('not when a package is missing', () =>
    expect(installedMatches(lock, installed('bin-linux', 'not-windows'), 'linux', 'x64')).toBe(false));

  test('not when a project of the workspace is new since', () => {
    const { 'node_modules/@x/a': _, ...packages } = installed('zod', 'bin-linux', 'not-windows').packages;
    expect(installedMatches(lock, { packages }, 'linux', 'x64', () => false)).toBe(false);
    expect(installedMatches(lock, { packages }, 'linux', 'x64', () => true)).toBe(true);
  });

  test('not when a package has another version', () =>
    expect(
      installedMatches(
        lock,
        { packages: { ...installed('bin-linux', 'not-windows').packages, 'node_modules/zod': { version: '4.6.6' } } },
        'linux',
        'x64',
      ),
    ).toBe(false));
});

describe('the Node that runs the product', () => {
  test.each([
    ['v24.11.0', true],
    ['24.21.0', true],
    ['26.0.0', true],
    ['24.10.9', false],
    ['22.20.0', false],
    ['v20.20.2', false],
  ])('%s is new enough: %s', (version, expected) => expect(isModern(version)).toBe(expected));
});

describe('the summary of a test run', () => {
  const suite = (name, parent) => ({ type: 'suite', name, parent, errors: () => [] });
  const file = (id, tests, { errors = [], state = 'passed', suites = [] } = {}) => {
    const self = {
      type: 'module',
      relativeModuleId: id,
      errors: () => errors,
      state: () => state,
      children: { allTests: () => tests, allSuites: () => suites },
    };
    return self;
  };
  const testCase = (state, parent, note) => ({ type: 'test', name: 'one', parent, result: () => ({ state, note }) });
  const kafka = suite('the log on Kafka', { type: 'module' });

  test('counts passed, failed and skipped, and names skipped suites with their reason', () => {
    const modules = [
      file('a.spec.ts', [testCase('passed'), testCase('failed')]),
      file('b.spec.ts', [testCase('skipped', kafka, 'needs Java'), testCase('skipped', kafka)]),
    ];
    expect(summarise(modules, [])).toEqual({
      passed: 1,
      failed: 1,
      skipped: 2,
      suites: [{ name: 'b.spec.ts › the log on Kafka', tests: 2, reason: 'needs Java' }],
    });
  });

  test('tells tests that could not run because their set-up failed from tests that were left out', () => {
    const broken = { ...suite('the log on Kafka', { type: 'module' }), errors: () => [new Error('no broker')] };
    const { failed, suites } = summarise([file('b.spec.ts', [testCase('skipped', broken)], { suites: [broken] })], []);
    expect({ failed, suites }).toEqual({
      failed: 1,
      suites: [{ name: 'b.spec.ts › the log on Kafka', tests: 1, reason: 'its set-up failed, see above' }],
    });
  });

  test('reads the reason of a skipped suite from its title', () => {
    const titled = suite('the log on Kafka (skipped: Java is not installed)', { type: 'module' });
    expect(summarise([file('b.spec.ts', [testCase('skipped', titled)])], []).suites).toEqual([
      { name: 'b.spec.ts › the log on Kafka', tests: 1, reason: 'Java is not installed' },
    ]);
  });

  test('counts a file that could not be loaded, a failed hook and an unhandled error as failures', () => {
    const broken = { ...kafka, errors: () => [new Error('hook')] };
    expect(
      summarise(
        [
          file('a.spec.ts', [], { errors: [new Error('syntax')], state: 'failed' }),
          file('b.spec.ts', [testCase('passed', broken)], { suites: [broken] }),
        ],
        [new Error('late')],
      ).failed,
    ).toBe(3);
  });

  test('is one plain line', () => {
    expect(countsLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(countsLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });
});
