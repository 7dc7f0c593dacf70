import { expect, test } from 'vitest';
import { describeWithKafka } from './describe-with-kafka.js';

const calls = (ok: boolean, isCi: boolean): string[] => {
  const seen: string[] = [];
  const runner = {
    describe: (title: string) => void seen.push(`run ${title}`),
    skip: (title: string) => void seen.push(`skip ${title}`),
    test: (title: string, body: () => void) => {
      expect(body).toThrow('no Java');
      seen.push(`fail ${title}`);
    },
  };
  describeWithKafka(runner, 'on Kafka', () => {}, { ok, reason: 'no Java' }, isCi);
  return seen;
};

test('runs on a machine with Java', () => {
  expect(calls(true, true)).toEqual(['run on Kafka']);
});

test('names the reason in the title of what is skipped for want of Java', () => {
  expect(calls(false, false)).toEqual(['skip on Kafka (skipped: no Java)']);
});

test('fails for want of Java where CI is set', () => {
  expect(calls(false, true)).toEqual(['fail on Kafka: a Kafka broker can be started here']);
});
