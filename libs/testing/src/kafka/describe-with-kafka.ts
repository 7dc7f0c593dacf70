import { kafkaAvailable } from './kafka-distribution.js';

/** What is needed of the test runner, so that this library loads without one: vitest's own fit. */
export interface KafkaTestRunner {
  describe(title: string, body: () => void): void;
  /** `describe.skip`. */
  skip(title: string, body: () => void): void;
  test(title: string, body: () => void): void;
}

/**
 * `describe` for tests on a real broker. Without Java or Maven they are reported as skipped, with the reason in the title; where `CI` is
 * set they fail instead, so that nobody mistakes a machine without Java for a passing build.
 */
export const describeWithKafka = (
  runner: KafkaTestRunner,
  title: string,
  body: () => void,
  { ok, reason } = kafkaAvailable(),
  isCi = Boolean(process.env.CI),
): void => {
  if (ok) {
    runner.describe(title, body);
  } else if (isCi) {
    runner.test(`${title}: a Kafka broker can be started here`, () => {
      throw new Error(`no broker can be started: ${reason}`);
    });
  } else {
    runner.skip(`${title} (skipped: ${reason})`, body);
  }
};
