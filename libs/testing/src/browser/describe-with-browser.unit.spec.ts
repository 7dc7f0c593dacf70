import { expect, test } from 'vitest';
import { describeWithBrowser } from './describe-with-browser.js';

const calls = (program: string | null, isCi: boolean): string[] => {
  const seen: string[] = [];
  const runner = {
    describe: (title: string) => void seen.push(`run ${title}`),
    skip: (title: string) => void seen.push(`skip ${title}`),
    test: (title: string, body: () => void) => {
      expect(body).toThrow('Chromium is not installed');
      seen.push(`fail ${title}`);
    },
  };
  describeWithBrowser(runner, 'the console', () => {}, program, isCi);
  return seen;
};

test('runs on a machine with Chromium', () => {
  expect(calls('/usr/bin/chromium', true)).toEqual(['run the console']);
});

test('names the reason in the title of what is skipped for want of Chromium', () => {
  expect(calls(null, false)).toEqual(['skip the console (skipped: Chromium is not installed)']);
});

test('fails for want of Chromium where CI is set', () => {
  expect(calls(null, true)).toEqual(['fail the console: a browser can be started here']);
});
