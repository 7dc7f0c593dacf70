import { CONTENT_LABELS, type ContentDetector, maskOf } from './content-detector.port.js';

/** The part of a test runner that a contract suite needs. */
export interface ContractTest {
  test(title: string, run: () => void | Promise<void>): void;
}

const SAMPLES: readonly string[] = [
  '',
  'a',
  'nothing to see in this sentence, nor in 42 of its neighbours',
  'write to ada@example.com, or to grace@example.org (not to example.net)',
  'card 4111 1111 1111 1111, account DE89 3704 0044 0532 0130 00',
  '{"to":"ada@example.com","iban":"GB82WEST12345698765432"}',
  '\u200bada\u200b@\uff45xample.com \u{1f600} +49 30 901820 \ud800',
  'ada@example.comgrace@example.org@example.net',
];

const HOSTILE: readonly string[] = [
  '@',
  'a@',
  '1 ',
  '1-',
  '+1',
  '{"a":',
  '\\',
  '\\"',
  'eyJ.',
  'AKIA',
  '-----BEGIN PRIVATE KEY-----',
  '\u200b',
  'password=',
  'DE89',
];

const fail = (message: string): never => {
  throw new Error(message);
};

/**
 * The guarantees of a `ContentDetector`, which every detector runs: the built-in one, and those that ask a service.
 * `open` gives a detector that finds at least e-mail addresses.
 */
export const contentDetectorContract = (t: ContractTest, open: () => ContentDetector): void => {
  const check = (detector: ContentDetector, text: string) => {
    let from = 0;
    for (const { label, detector: rule, start, end } of detector.detect(text)) {
      if (!CONTENT_LABELS.includes(label)) fail(`unknown label ${label}`);
      if (rule === '') fail('a finding without a detector');
      if (start < from || end <= start || end > text.length)
        fail(`finding ${start}..${end} of ${text.length} overlaps, is empty or lies outside`);
      from = end;
    }
  };

  t.test('reports findings in order, never empty, never overlapping, inside the text', () => {
    const detector = open();
    for (const text of SAMPLES) check(detector, text);
  });

  t.test('covers an address exactly', () => {
    const text = 'write to ada@example.com today';
    const found = open().detect(text);
    if (found.length !== 1 || text.slice(found[0]?.start, found[0]?.end) !== 'ada@example.com') fail('the address is not covered exactly');
  });

  t.test('gives offsets of the text as given, also behind characters it reads through', () => {
    const text = '\u{1f600}\u200b\ufb01 \\u0061 ada\u200b@example.com.';
    const [found] = open().detect(text);
    const covered = text.slice(found?.start, found?.end);
    if (covered !== 'ada\u200b@example.com') fail(`covered ${covered.length} characters from ${found?.start}`);
  });

  t.test('answers alike for the same text', () => {
    const detector = open();
    for (const text of SAMPLES) {
      const first = JSON.stringify(detector.detect(text));
      const second = JSON.stringify(detector.detect(text));
      if (first !== second) fail('two looks at one text differ');
    }
  });

  t.test('never finds anything in a mask', () => {
    const detector = open();
    for (const label of CONTENT_LABELS) {
      for (const text of [
        maskOf(label),
        `${maskOf(label)}#2`,
        `password=${maskOf(label)}`,
        `x ${maskOf(label)}: y`,
        `"secret":"${maskOf(label)}"`,
      ]) {
        if (detector.detect(text).length > 0) fail(`a mask was found in ${text}`);
        if (detector.detect(maskOf(label), { key: 'password' }).length > 0) fail(`the mask ${label} was found under a key`);
      }
    }
  });

  t.test('comes to an end on hostile texts of 64 KiB', () => {
    const detector = open();
    for (const unit of HOSTILE) check(detector, unit.repeat(Math.floor(65_536 / unit.length)));
  });
};
