import { existsSync } from 'node:fs';
import type { KafkaTestRunner } from '../kafka/describe-with-kafka.js';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where the browser of the tests is: `SALLYPORT_TEST_BROWSER`, else where systems put Chromium; `null` where there is none. */
export const browserProgram = (): string | null => {
  const named = process.env.SALLYPORT_TEST_BROWSER;
  return [...(named === undefined ? [] : [named]), ...PLACES].find((place) => existsSync(place)) ?? null;
};

/**
 * `describe` for tests in a real browser. Without Chromium they are reported as skipped, with the reason in the title; where `CI` is set they fail
 * instead, so that nobody mistakes a machine without a browser for a passing build. `missing` names what it is that `program` stands for.
 */
export const describeWithBrowser = (
  runner: KafkaTestRunner,
  title: string,
  body: () => void,
  program = browserProgram(),
  isCi = Boolean(process.env.CI),
  missing = 'Chromium',
): void => {
  if (program !== null) {
    runner.describe(title, body);
  } else if (isCi) {
    runner.test(`${title}: a browser can be started here`, () => {
      throw new Error(`no browser can be started: ${missing} is not installed`);
    });
  } else {
    runner.skip(`${title} (skipped: ${missing} is not installed)`, body);
  }
};
