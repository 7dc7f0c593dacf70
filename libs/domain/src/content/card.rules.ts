import { isLuhn } from './check-digits.js';
import { type Emit, RANK, type Rule, type Subject } from './detection.js';
import { type DigitChain, type DigitWindow, isContinued, isGlued, windowOf } from './digit-groups.js';

const CARD: Rule = { detector: 'payment-card', label: 'pii.card', rank: RANK.card };

/** Issuer ranges as published by the schemes, by first digits and total lengths (ISO/IEC 7812-1 issuer identification numbers). */
const ISSUERS: readonly { readonly prefix: RegExp; readonly lengths: readonly number[] }[] = [
  { prefix: /^4/, lengths: [13, 16, 19] },
  { prefix: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  { prefix: /^3[47]/, lengths: [15] },
  { prefix: /^(?:30[0-5]|309|36|3[89])/, lengths: [14, 16, 19] },
  { prefix: /^(?:6011|64[4-9]|65)/, lengths: [16, 17, 18, 19] },
  { prefix: /^35(?:2[89]|[3-8])/, lengths: [16, 17, 18, 19] },
  { prefix: /^(?:62|81)/, lengths: [16, 17, 18, 19] },
  { prefix: /^220[0-4]/, lengths: [16, 17, 18, 19] },
  { prefix: /^(?:50|5[6-8]|6304|67)/, lengths: [13, 14, 15, 16, 17, 18, 19] },
  { prefix: /^(?:60|82|353|356|9792)/, lengths: [16] },
];

/** How card numbers are grouped in print and in forms: group lengths, joined by commas. */
const GROUPINGS = new Set([
  '4,4,4,4',
  '4,4,4,4,1',
  '4,4,4,4,2',
  '4,4,4,4,3',
  '4,4,4,1',
  '4,4,4,2',
  '4,4,4,3',
  '4,6,5',
  '4,6,4',
  '6,13',
  '8,8',
]);
const GROUPS_MAX = 5;
const DIGITS_MIN = 13;
const DIGITS_MAX = 19;
const SEPARATORS = /^[ .-]*$/;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const UUID_CHARS = 36;

const isCardNumber = (digits: string): boolean =>
  ISSUERS.some(({ prefix, lengths }) => lengths.includes(digits.length) && prefix.test(digits)) && isLuhn(digits);

const isInsideUuid = (text: string, start: number, end: number): boolean => {
  const from = Math.max(0, start - UUID_CHARS);
  for (const match of text.slice(from, end + UUID_CHARS).matchAll(UUID)) {
    const at = from + match.index;
    if (at <= start && at + UUID_CHARS >= end) return true;
  }
  return false;
};

const HEX_WORD_CHARS = 64;

/** Whether the digits are part of a longer hexadecimal word, such as a commit id. */
const isInsideHex = (text: string, start: number, end: number): boolean => {
  const before = /[A-Za-z0-9]*$/.exec(text.slice(Math.max(0, start - HEX_WORD_CHARS), start))?.[0] ?? '';
  const after = /^[A-Za-z0-9]*/.exec(text.slice(end, end + HEX_WORD_CHARS))?.[0] ?? '';
  return /^[0-9a-f]*$/i.test(before + after);
};

const isPrecededByDecimalPoint = (window: DigitWindow): boolean =>
  window.separators === '' && window.first > 0 && window.chain.groups[window.first]?.separator === '.';

const tryWindow = (subject: Subject, window: DigitWindow, emit: Emit): void => {
  if (!SEPARATORS.test(window.separators) || !isCardNumber(window.digits)) return;
  if (isGlued(window) && (window.separators !== '' || isInsideHex(subject.text, window.start, window.end))) return;
  if (isPrecededByDecimalPoint(window) || isInsideUuid(subject.text, window.start, window.end)) return;
  emit(CARD, window.start, window.end);
};

/** Claims payment card numbers: 13 to 19 digits in one run, in the usual groups, or digit by digit, of a known issuer and with a Luhn digit. */
export const findCards = (subject: Subject, chain: DigitChain, emit: Emit): void => {
  const { groups } = chain;
  if (chain.digits < DIGITS_MIN) return;
  for (let first = 0; first < groups.length; first++) {
    let grouping = '';
    let digits = 0;
    for (let last = first; last < Math.min(groups.length, first + GROUPS_MAX); last++) {
      const group = groups[last];
      if (group === undefined) break;
      const length = group.end - group.start;
      digits += length;
      if (digits > DIGITS_MAX) break;
      grouping += last === first ? length : `,${length}`;
      if (digits >= DIGITS_MIN && (last === first || GROUPINGS.has(grouping)))
        tryWindow(subject, windowOf(subject.text, chain, first, last), emit);
    }
  }
  if (groups.length >= DIGITS_MIN && groups.length <= DIGITS_MAX && groups.every((group) => group.end - group.start === 1)) {
    const window = windowOf(subject.text, chain, 0, groups.length - 1);
    if (!isContinued(window)) tryWindow(subject, window, emit);
  }
};
