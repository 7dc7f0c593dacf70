import type { ContentLabel } from './content-detector.port.js';

/** What a rule looks at: the folded text and the normalised name it stands under. */
export interface Subject {
  readonly text: string;
  /** The object key of the text as written, or the empty text. */
  readonly key: string;
}

/** A rule of the table: which label its findings carry and which rule wins where two overlap (the higher rank). */
export interface Rule {
  readonly detector: string;
  readonly label: ContentLabel;
  readonly rank: number;
}

/** A stretch of the folded text that a rule claims. */
export interface Candidate extends Rule {
  readonly start: number;
  readonly end: number;
}

/** Takes a claim; empty stretches are ignored. */
export type Emit = (rule: Rule, start: number, end: number) => void;

export const RANK = {
  privateKey: 100,
  providerKey: 90,
  jwt: 85,
  connectionString: 80,
  iban: 70,
  card: 65,
  assignment: 60,
  nationalId: 50,
  email: 40,
  phone: 30,
} as const;

/** Whether the code unit is an ASCII letter or digit. */
export const isAlphanumeric = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 97 && code <= 122) || (code >= 65 && code <= 90);

/** Whether the code unit is an ASCII letter. */
export const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90);

/** Whether the code unit is an ASCII digit. */
export const isDigit = (code: number): boolean => code >= 48 && code <= 57;

const BEFORE_CHARS = 48;
const AFTER_CHARS = 20;

/** Whether a word that names the kind of value stands in the key, shortly before the stretch or right behind it. */
export const isNamed = (subject: Subject, start: number, end: number, name: RegExp): boolean =>
  (subject.key !== '' && name.test(subject.key)) ||
  name.test(subject.text.slice(Math.max(0, start - BEFORE_CHARS), start)) ||
  name.test(subject.text.slice(end, end + AFTER_CHARS));

/** An abbreviation as a word of its own or as the last part of a camel-case name, so that `ssn` is not found in `className`. */
export const abbreviation = (word: string, more = ''): RegExp => {
  const upper = word.toUpperCase();
  const capital = upper.slice(0, 1) + word.slice(1);
  const tail = more === '' ? '' : `|${more}`;
  return new RegExp(`(?<![A-Za-z])(?:${word}|${upper}|${capital})(?![a-z])|[a-z](?:${capital}|${upper})(?![a-z])${tail}`);
};
