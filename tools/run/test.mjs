// `npm test`: every test, and at the end one plain line of counts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { complain, Refusal, say } from './report.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

const found = (command, args) => {
  const { error, status } = spawnSync(command, args, { stdio: 'ignore', shell: process.platform === 'win32' });
  return error === undefined && status === 0;
};

const isSet = (name) => process.env[name] !== undefined && process.env[name] !== '' && process.env[name] !== 'false';

/** What some suites need and this machine lacks, in words. */
export const missingTools = () =>
  [
    ['Java 17 or newer', () => found('java', ['-version'])],
    ['Maven', () => found('mvn', ['--version'])],
    ['Chromium', () => found('chromium', ['--version'])],
  ]
    .filter(([, present]) => !present())
    .map(([name]) => name);

/** The last line of a run, read by people and by `.ci/run`. */
export const countsLine = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/** Runs the tests (all, or those Vitest's own arguments name). Returns the exit code; in CI a skipped test is a failure. */
export const test = async (node, args) => {
  const missing = missingTools();
  try {
    await ensureBuilt(node);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.message);
    say(countsLine({ passed: 0, failed: 1, skipped: 0 }));
    return 1;
  }
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  const file = join(folder, 'summary.json');
  const code = await runInPlace(
    node,
    [at('node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', `--reporter=${at('tools/run/test-reporter.mjs')}`, ...args],
    {
      SALLYPORT_TEST_SUMMARY: file,
      // The Node that tests start other processes with is the one that they run on.
      PATH: `${at('node_modules/node/bin')}:${process.env.PATH ?? ''}`,
    },
  );
  const summary = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 1, skipped: 0, suites: [] };
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0 && summary.failed === 0) summary.failed = 1;

  if (summary.suites.length > 0) {
    say('\nSkipped:');
    const unnamed = missing.length > 0 ? `needs ${missing.join(' and ')}` : 'gives no reason';
    for (const { name, tests, reason } of summary.suites)
      say(`  ${name} (${tests} ${tests === 1 ? 'test' : 'tests'}): ${reason ?? unnamed}`);
  }
  const forbidden = isSet('CI') && summary.skipped > 0;
  if (forbidden) say('\nNothing may be skipped here (CI is set): install what is named above, or fix the suites.');
  say();
  say(countsLine(summary));
  return code !== 0 || summary.failed > 0 || forbidden ? 1 : 0;
};
