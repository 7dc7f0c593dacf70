import { describe, test } from 'vitest';
import { kafkaAvailable } from './kafka-distribution.js';

/**
 * `describe` for tests on a real broker. Without Java or Maven they are reported as skipped, with the reason in the title; where `CI` is
 * set they fail instead, so that nobody mistakes a machine without Java for a passing build.
 */
export const describeWithKafka = (title: string, body: () => void): void => {
  const { ok, reason } = kafkaAvailable();
  if (ok) {
    describe(title, body);
    return;
  }
  if (process.env.CI) {
    test(`${title}: a Kafka broker can be started here`, () => {
      throw new Error(`no broker can be started: ${reason}`);
    });
    return;
  }
  describe.skip(`${title} (skipped: ${reason})`, body);
};
