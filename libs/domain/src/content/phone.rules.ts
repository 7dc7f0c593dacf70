import { type Emit, isAlphanumeric, isNamed, RANK, type Rule, type Subject } from './detection.js';
import { type DigitChain, type DigitWindow, isContinued, isGlued, isPartOfSlug, windowOf } from './digit-groups.js';

const rule = (detector: string): Rule => ({ detector, label: 'pii.phone', rank: RANK.phone });
const INTERNATIONAL = rule('phone-international');
const NATIONAL = rule('phone-national');
const NAMED = rule('phone-named');

/** Country codes in use (ITU-T E.164, list of 1 November 2016 and its amendments), matched on the first digits. */
const COUNTRY_CODE =
  /^(?:1|7|2[07]|2[1-69]\d|3[0-469]|3[578]\d|4[013-9]|42\d|5[1-8]|5[09]\d|6[0-6]|6[7-9]\d|8[1246]|8[05789]\d|9[0-58]|9[679]\d)/;
// E.164: fifteen digits at most. The shortest subscriber numbers with a country code have seven.
const INTERNATIONAL_DIGITS_MAX = 15;
const INTERNATIONAL_DIGITS_MIN = 7;
// "+1500000" is as often an amount as a number, so a bare run needs more digits to count.
const INTERNATIONAL_RUN_DIGITS_MIN = 9;
const NATIONAL_DIGITS_MIN = 9;
const NATIONAL_DIGITS_MAX = 12;
const NAMED_DIGITS_MIN = 7;
const GROUPS_MAX = 7;

const PHONE_NAME =
  /(?<![a-z])(?:tele)?(?:phone|fon)|(?<![A-Za-z])(?:tel|fax|cell|sms|call|dial|hotline)(?![a-z])|Phone|mobile|mobil|whatsapp|handy|t[ée]l[ée]phone|m[óo]vil|celular/i;
const NAMED_TAIL_CHARS = 32;
const NAMED_BEFORE =
  /(?:phone|fon|(?<![A-Za-z])(?:tel|fax|cell|sms|call|dial)|mobile|mobil|whatsapp|handy|movil|móvil|celular)(?:[ _-]?(?:number|num|no|nr)\.?){0,2}[^A-Za-z0-9]{0,8}$/i;

/** Dates and clock times in digits share their shapes with phone numbers. */
const DATE = /^(?:\d{4}([./ -])\d{1,2}\1\d{1,2}|\d{1,2}([./ -])\d{1,2}\2(?:\d{4}|\d{2}(?!\d|\2\d)))/;
const IP_ADDRESS = /^\d{1,4}(?:\.\d{1,4}){3}$/;

const SIGN = /[./+-]/;
// French numbers are five pairs; more or fewer are bytes or columns.
const PAIRS = 5;

const emitWithOpening = (text: string, found: Rule, window: DigitWindow, emit: Emit): void => {
  let { start } = window;
  while (start > 0 && '+('.includes(text.charAt(start - 1))) start--;
  emit(found, start, window.end);
};

/** The longest run of groups from `first` with at most `digitsMax` digits, cut before a group joined by a plus sign. */
const longestWindow = (text: string, chain: DigitChain, first: number, digitsMax: number): DigitWindow => {
  let digits = 0;
  let last = first;
  for (let i = first; i < Math.min(chain.groups.length, first + GROUPS_MAX); i++) {
    const group = chain.groups[i];
    if (group === undefined || (i > first && group.separator.includes('+'))) break;
    // A bracket belongs to the number when it closes: +44 (0)20, but not "… 901820 (2 of 3)".
    if (i > first && group.separator.includes('(') && text.charAt(group.end) !== ')') break;
    digits += group.end - group.start;
    if (i > first && digits > digitsMax) break;
    last = i;
  }
  return windowOf(text, chain, first, last);
};

const tryInternational = (subject: Subject, chain: DigitChain, first: number, emit: Emit): number | null => {
  const { text } = subject;
  const group = chain.groups[first];
  if (group === undefined) return null;
  const code = text.charCodeAt(group.start - 1);
  if (code !== 0x2b && code !== 0x28 && text.charCodeAt(group.start) !== 0x30) return null;
  const opening = /\(?\+\(?$/.exec(text.slice(Math.max(0, group.start - 3), group.start));
  const zeros = opening === null && /^00[1-9]/.test(text.slice(group.start, group.start + 3));
  if (opening === null && !zeros) return null;
  const before = group.start - (opening?.[0].length ?? 0) - 1;
  if (before >= 0 && isAlphanumeric(text.charCodeAt(before)) && opening !== null) return null;
  const window = longestWindow(text, chain, first, INTERNATIONAL_DIGITS_MAX + (zeros ? 2 : 0));
  const digits = zeros ? window.digits.slice(2) : window.digits;
  const digitsMin = window.first === window.last ? INTERNATIONAL_RUN_DIGITS_MIN : INTERNATIONAL_DIGITS_MIN;
  if (digits.length < digitsMin || digits.length > INTERNATIONAL_DIGITS_MAX || !COUNTRY_CODE.test(digits)) return null;
  if (zeros) {
    if (first > 0 && SIGN.test(group.separator)) return null;
    if (isGlued(window) || isPartOfSlug(text, window)) return null;
    if (window.first === window.last && !isNamed(subject, window.start, window.end, PHONE_NAME)) return null;
  }
  emitWithOpening(text, INTERNATIONAL, window, emit);
  return window.last;
};

const NORTH_AMERICAN = /^1?[2-9]\d{2}[2-9]\d{6}$/;
const NORTH_AMERICAN_SEPARATORS = /^(?:[ .-]{2,3}|\(?[)/][ .-]|[ -]\)[ .-]|[ -]?\(\)[ .-]?|\/-| -)$/;

const tryNorthAmerican = ({ text }: Subject, chain: DigitChain, first: number, emit: Emit): number | null => {
  const length = (index: number) => {
    const group = chain.groups[first + index];
    return group === undefined ? 0 : group.end - group.start;
  };
  const count = length(0) === 1 ? 4 : 3;
  if (length(count - 3) !== 3 || length(count - 2) !== 3 || length(count - 1) !== 4) return null;
  const window = windowOf(text, chain, first, first + count - 1);
  const bracketed = text.charAt(window.start - 1) === '(';
  if (!NORTH_AMERICAN.test(window.digits) || isGlued(window) || isPartOfSlug(text, window)) return null;
  if (!bracketed && (isContinued(window) || !NORTH_AMERICAN_SEPARATORS.test(window.separators))) return null;
  emitWithOpening(text, NATIONAL, window, emit);
  return window.last;
};

const tryTrunk = ({ text }: Subject, chain: DigitChain, first: number, emit: Emit): number | null => {
  const group = chain.groups[first];
  if (group === undefined) return null;
  const opensBracket = text.charAt(group.start - 1) === '(' && chain.groups[first + 1]?.separator.startsWith(')') === true;
  if (!opensBracket && !/^0[1-9]/.test(text.slice(group.start, group.start + 2))) return null;
  if (group.end - group.start < 2) return null;
  if (first > 0 && SIGN.test(group.separator) && !opensBracket) return null;
  const window = longestWindow(text, chain, first, NATIONAL_DIGITS_MAX);
  const digitsMin = opensBracket ? NATIONAL_DIGITS_MIN - 1 : NATIONAL_DIGITS_MIN;
  if (window.first === window.last || window.digits.length < digitsMin || window.digits.length > NATIONAL_DIGITS_MAX) return null;
  if (window.separators === '.' || isGlued(window) || isPartOfSlug(text, window) || DATE.test(text.slice(window.start, window.end)))
    return null;
  if (IP_ADDRESS.test(text.slice(window.start, window.end))) return null;
  const lengths = chain.groups.slice(window.first, window.last + 1).map((part) => part.end - part.start);
  if (lengths.some((length) => length < 2)) return null;
  if (lengths.every((length) => length === 2) && (lengths.length !== PAIRS || isContinued(window))) return null;
  emitWithOpening(text, NATIONAL, window, emit);
  return window.last;
};

const isNamedPhone = ({ text, key }: Subject, first: number, start: number): boolean =>
  NAMED_BEFORE.test(text.slice(Math.max(0, start - NAMED_TAIL_CHARS), start)) ||
  (first === 0 && key !== '' && PHONE_NAME.test(key) && !/[A-Za-z]/.test(text));

const tryNamed = (subject: Subject, chain: DigitChain, first: number, emit: Emit): number | null => {
  const { text } = subject;
  const window = longestWindow(text, chain, first, INTERNATIONAL_DIGITS_MAX);
  const raw = text.slice(window.start, window.end);
  if (window.digits.length < NAMED_DIGITS_MIN || window.digits.length > INTERNATIONAL_DIGITS_MAX) return null;
  if (isGlued(window) || DATE.test(raw) || IP_ADDRESS.test(raw)) return null;
  if (!isNamedPhone(subject, first, window.start)) return null;
  emitWithOpening(text, NAMED, window, emit);
  return window.last;
};

const NOTATIONS = [tryInternational, tryNorthAmerican, tryTrunk, tryNamed];

/**
 * Claims phone numbers: with a plus sign or `00` and a country code; North American in its usual groups; with a trunk zero or a bracketed
 * area code and at least one separator; any run of 7 to 15 digits right behind a word or under a key that says phone. Plain integers,
 * dates, times, versions and addresses are left alone.
 */
export const findPhones = (subject: Subject, chain: DigitChain, emit: Emit): void => {
  for (let first = 0; first < chain.groups.length; first++) {
    for (const notation of NOTATIONS) {
      const last = notation(subject, chain, first, emit);
      if (last === null) continue;
      first = last;
      break;
    }
  }
};
