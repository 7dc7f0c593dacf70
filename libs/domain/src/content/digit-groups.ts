import { isDigit, isLetter } from './detection.js';

/** A run of digits. `separator` is what stands between it and the one before: a space or one sign, spaces around it dropped. */
export interface DigitGroup {
  readonly start: number;
  readonly end: number;
  readonly separator: string;
}

/** Runs of digits that stand close enough to be one number. `gluedStart` and `gluedEnd`: a letter touches the first or last digit. */
export interface DigitChain {
  readonly groups: readonly DigitGroup[];
  readonly gluedStart: boolean;
  readonly gluedEnd: boolean;
  /** How many digits the groups have together. */
  readonly digits: number;
}

const SEPARATOR_CHARS_MAX = 3;
const SEPARATORS = ' -./()+';
// A phone number has seven digits at least, and it is the shortest number looked for in chains.
const DIGITS_MIN = 7;

/** The one sign that separates two groups, a space for spaces alone; `null` when the stretch is not a separator inside a number. */
const separatorBetween = (text: string, from: number, to: number): string | null => {
  if (to - from > SEPARATOR_CHARS_MAX) return null;
  if (to - from === 1) return SEPARATORS.includes(text.charAt(from)) ? text.charAt(from) : null;
  let sign = ' ';
  for (let i = from; i < to; i++) {
    const character = text.charAt(i);
    if (!SEPARATORS.includes(character)) return null;
    if (character !== ' ') sign = sign === ' ' || sign === character ? character : sign + character;
  }
  // Two signs meet only at a bracket: "(030) - 12"; "+132/-16760" are two numbers.
  return sign.length === 1 || /[()]/.test(sign) ? sign : null;
};

/** Cuts the text into chains of digit groups with seven digits or more, in order, in one pass. A letter between or beside two groups ends a chain. */
export const digitChains = (text: string): DigitChain[] => {
  const chains: DigitChain[] = [];
  let groups: DigitGroup[] = [];
  let gluedStart = false;
  let digits = 0;
  const flush = (gluedEnd: boolean) => {
    if (digits >= DIGITS_MIN) chains.push({ groups, gluedStart, gluedEnd, digits });
    if (groups.length > 0) groups = [];
    digits = 0;
  };
  for (let i = 0; i < text.length; i++) {
    if (!isDigit(text.charCodeAt(i))) continue;
    const start = i;
    while (i < text.length && isDigit(text.charCodeAt(i))) i++;
    const last = groups.at(-1);
    const separator = last === undefined ? null : separatorBetween(text, last.end, start);
    if (separator === null) {
      flush(false);
      gluedStart = start > 0 && isLetter(text.charCodeAt(start - 1));
    }
    digits += i - start;
    groups.push({ start, end: i, separator: separator ?? '' });
    if (i < text.length && isLetter(text.charCodeAt(i))) flush(true);
  }
  flush(false);
  return chains;
};

/** Consecutive groups of a chain, taken as one number. */
export interface DigitWindow {
  readonly chain: DigitChain;
  readonly first: number;
  readonly last: number;
  readonly start: number;
  readonly end: number;
  readonly digits: string;
  /** The separators inside the window, in order. */
  readonly separators: string;
}

/** Takes the groups `first` to `last` of a chain as one number. */
export const windowOf = (text: string, chain: DigitChain, first: number, last: number): DigitWindow => {
  let digits = '';
  let separators = '';
  let start = 0;
  let end = 0;
  for (let i = first; i <= last; i++) {
    const group = chain.groups[i];
    if (group === undefined) break;
    if (i === first) start = group.start;
    else separators += group.separator;
    digits += text.slice(group.start, group.end);
    end = group.end;
  }
  return { chain, first, last, start, end, digits, separators };
};

/** Whether a letter touches the window's first or last digit. */
export const isGlued = ({ chain, first, last }: DigitWindow): boolean =>
  (first === 0 && chain.gluedStart) || (last === chain.groups.length - 1 && chain.gluedEnd);

/** Whether the number goes on beyond the window: a neighbour group joined the way the window itself is, or by more than a space. */
export const isContinued = ({ chain, first, last, separators }: DigitWindow): boolean => {
  const before = first === 0 ? '' : (chain.groups[first]?.separator ?? '');
  const after = chain.groups[last + 1]?.separator ?? '';
  if (separators === '') return /[./+-]/.test(before) || /[/+-]/.test(after);
  return (before !== '' && separators.includes(before)) || (after !== '' && separators.includes(after));
};

/** Whether the window is joined by a dash to a word, as a part of a UUID or a slug is. */
export const isPartOfSlug = (text: string, { start, end }: DigitWindow): boolean =>
  /[A-Za-z0-9_]-$/.test(text.slice(Math.max(0, start - 2), start)) || /^-[A-Za-z0-9_]/.test(text.slice(end, end + 2));
