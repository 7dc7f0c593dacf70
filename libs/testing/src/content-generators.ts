import { GENERATORS } from './content-drafts.js';
import { type Random, randomFrom } from './content-values.js';

/** One generated piece of sensitive content, and a text that holds it. */
export interface ContentSample {
  readonly detector: string;
  readonly label: string;
  /** What must not be readable anywhere: exactly as it stands in `text`. */
  readonly value: string;
  /** The value as it has to stand to be recognised: alone, or with the name that makes it one. */
  readonly named: string;
  /** `named` in a surrounding: prose, JSON, a URL, punctuation, other scripts. */
  readonly text: string;
}

/** The detectors there are generators for, in a fixed order. */
export const CONTENT_DETECTORS: readonly string[] = Object.keys(GENERATORS);

const SURROUNDINGS: readonly ((content: string) => string)[] = [
  (content) => content,
  (content) => `Please note ${content}, and thanks.`,
  (content) => `It is ${content}.`,
  (content) => `(${content})`,
  (content) => `<${content}>`,
  (content) => `first line\n${content}\nlast line`,
  (content) => `\t${content}\t`,
  (content) => `**${content}**`,
  (content) => `| name | ${content} | 3 |`,
  (content) => `row 7;${content};8`,
  (content) => `see ${content} (2 of 3)`,
  (content) => `https://example.net/find?q=${content}&page=2`,
  (content) => `→ ${content} ←`,
  (content) => `号码 ${content}。`,
  (content) => JSON.stringify({ id: 7, note: content, at: '2026-11-21T12:00:00.000Z' }),
  (content) => JSON.stringify([content, 'x', 4]),
  (content) => JSON.stringify({ inner: JSON.stringify({ note: content, n: 1 }) }),
  (content) => `{ "note": "before ${content.replaceAll('\n', ' ')} after" }`,
];

const FULL_WIDTH_OFFSET = 0xfee0;
const DISGUISES: readonly ((r: Random, text: string) => string)[] = [
  (_, text) => text.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + FULL_WIDTH_OFFSET)),
  (r, text) => {
    const at = r.int(1, text.length - 1);
    return text.slice(0, at) + r.pick(['\u200b', '\u200d', '\u2060', '\ufeff', '\u00ad']) + text.slice(at);
  },
  (_, text) => text.replaceAll(' ', '\u00a0'),
];

const readable = (value: string, text: string): string => {
  if (text.includes(value)) return value;
  const once = JSON.stringify(value).slice(1, -1);
  return text.includes(once) ? once : JSON.stringify(once).slice(1, -1);
};

/**
 * Generates one valid value of a detector in one of its notations, in a random surrounding; one in eight is disguised by full-width forms, an
 * invisible character or no-break spaces. The same detector and seed give the same sample. Throws for a detector there is no generator for.
 */
export const contentSample = (detector: string, seed: number): ContentSample => {
  const generator = GENERATORS[detector];
  if (generator === undefined) throw new Error(`no generator for the detector ${detector}`);
  const r = randomFrom(seed);
  const draft = generator.draft(r);
  let value = typeof draft === 'string' ? draft : draft.value;
  let whole = typeof draft === 'string' ? draft : draft.named;
  if (r.int(0, 7) === 0 && value.length > 1) {
    const disguised = r.pick(DISGUISES)(r, value);
    whole = whole.replace(value, () => disguised);
    value = disguised;
  }
  const text = r.pick(SURROUNDINGS)(whole);
  return { detector, label: generator.label, value: readable(value, text), named: whole, text };
};

/** Generates `count` samples of a detector, the first from `seed`. */
export const contentSamples = (detector: string, count: number, seed = 1): ContentSample[] =>
  Array.from({ length: count }, (_, i) => contentSample(detector, seed + i));
