import { CONTENT_DETECTORS, contentSample } from '@sallyport/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInDetector } from './built-in-detector.js';
import { mask } from './inspect.js';
import { maskText } from './mask-text.js';

const SAMPLES_PER_DETECTOR = 10_000;

/** A failure prints the seed of the run and the sample; `contentSample(detector, seed)` gives it again. */
const eachSample = (_detector: string, check: (seed: number) => void) =>
  fc.assert(fc.property(fc.nat({ max: 0x7fffffff }), check), {
    numRuns: SAMPLES_PER_DETECTOR,
    endOnFailure: true,
    verbose: false,
  });

describe.each(CONTENT_DETECTORS)('%s', (detector) => {
  test('no generated value survives masking, in any notation, disguise or surrounding', () => {
    eachSample(detector, (seed) => {
      const sample = contentSample(detector, seed);
      if (!sample.text.includes(sample.value)) throw new Error(`the generator lost its value: ${JSON.stringify(sample)}`);
      const masked = maskText(sample.text);
      if (masked.includes(sample.value)) throw new Error(`survived: ${JSON.stringify({ ...sample, masked })}`);
      if (maskText(masked) !== masked) throw new Error(`masked again it changed: ${JSON.stringify({ ...sample, masked })}`);
    });
  });

  test('the value is found by this detector under its label, at its offsets', () => {
    let exact = 0;
    for (let seed = 0; seed < 1_000; seed++) {
      const { named, value, label } = contentSample(detector, seed);
      const found = builtInDetector.detect(named).find((finding) => finding.detector === detector && finding.label === label);
      const shown = found === undefined ? '' : named.slice(found.start, found.end);
      if (shown.includes(value) || (detector === 'phone-named' && shown !== '')) exact++;
    }
    // A few values are valid under a stronger rule as well: one card in ten thousand is also somebody's number.
    expect(exact).toBeGreaterThan(970);
  });

  test('no generated value survives in a JSON value, as a text, as a key or in a list', () => {
    for (let seed = 0; seed < 300; seed++) {
      const { text, value, named } = contentSample(detector, seed);
      const masked = JSON.stringify(mask({ a: text, [text]: [text, { named }] }).value);
      const shown = JSON.stringify(value).slice(1, -1);
      if (masked.includes(shown)) throw new Error(`survived: ${JSON.stringify({ text, value, masked })}`);
    }
  });
});
