import { isMod97 } from './check-digits.js';
import { type Emit, isAlphanumeric, RANK, type Rule, type Subject } from './detection.js';

const IBAN: Rule = { detector: 'iban', label: 'pii.iban', rank: RANK.iban };

/** Length of an IBAN by country: SWIFT IBAN registry, and the countries that use the form without being registered. */
export const IBAN_LENGTHS: Readonly<Record<string, number>> = {
  AD: 24,
  AE: 23,
  AL: 28,
  AT: 20,
  AZ: 28,
  BA: 20,
  BE: 16,
  BG: 22,
  BH: 22,
  BI: 27,
  BR: 29,
  BY: 28,
  CH: 21,
  CR: 22,
  CY: 28,
  CZ: 24,
  DE: 22,
  DJ: 27,
  DK: 18,
  DO: 28,
  EE: 20,
  EG: 29,
  ES: 24,
  FI: 18,
  FK: 18,
  FO: 18,
  FR: 27,
  GB: 22,
  GE: 22,
  GI: 23,
  GL: 18,
  GR: 27,
  GT: 28,
  HN: 28,
  HR: 21,
  HU: 28,
  IE: 22,
  IL: 23,
  IQ: 23,
  IS: 26,
  IT: 27,
  JO: 30,
  KW: 30,
  KZ: 20,
  LB: 28,
  LC: 32,
  LI: 21,
  LT: 20,
  LU: 20,
  LV: 21,
  LY: 25,
  MC: 27,
  MD: 24,
  ME: 22,
  MK: 19,
  MN: 20,
  MR: 27,
  MT: 31,
  MU: 30,
  NI: 28,
  NL: 18,
  NO: 15,
  OM: 23,
  PK: 24,
  PL: 28,
  PS: 29,
  PT: 25,
  QA: 29,
  RO: 24,
  RS: 22,
  RU: 33,
  SA: 24,
  SC: 31,
  SD: 18,
  SE: 24,
  SI: 19,
  SK: 24,
  SM: 27,
  SO: 23,
  ST: 25,
  SV: 28,
  TL: 23,
  TN: 24,
  TR: 26,
  UA: 29,
  VA: 22,
  VG: 24,
  XK: 20,
  YE: 30,
  AO: 25,
  BF: 28,
  BJ: 28,
  CF: 27,
  CG: 27,
  CI: 28,
  CM: 27,
  CV: 25,
  DZ: 26,
  GA: 27,
  GQ: 27,
  GW: 25,
  IR: 26,
  KM: 27,
  MA: 28,
  MG: 27,
  ML: 28,
  MZ: 25,
  NE: 28,
  SN: 28,
  TD: 27,
  TG: 28,
};

const CANDIDATE = /(?<=(?<![A-Za-z0-9]|[A-Za-z0-9]-)[A-Za-z]{2})[ -]?[0-9]{2}(?=[ -]?[A-Za-z0-9]{2})/g;
const HEX_ONLY = /^[0-9a-f]+$/;

/** Claims IBANs of any country: right length, remainder 1 modulo 97, written in one run or with single spaces or dashes, in either case. */
export const findIbans = ({ text }: Subject, emit: Emit): void => {
  for (const match of text.matchAll(CANDIDATE)) {
    const length = IBAN_LENGTHS[text.slice(match.index - 2, match.index).toUpperCase()];
    if (length === undefined) continue;
    let compact = '';
    const start = match.index - 2;
    let end = start;
    let separated = false;
    while (compact.length < length && end < text.length) {
      const character = text.charAt(end);
      if (isAlphanumeric(character.charCodeAt(0))) {
        compact += character;
        separated = false;
      } else {
        if ((character !== ' ' && character !== '-') || separated) break;
        separated = true;
      }
      end++;
    }
    if (compact.length !== length || (end < text.length && isAlphanumeric(text.charCodeAt(end)))) continue;
    // Mixed case is base64.
    if (/[a-z]/.test(compact.slice(2)) && /[A-Z]/.test(compact.slice(2))) continue;
    // A lower-case run of hexadecimal digits is a digest far more often than an account, unless only its country holds letters.
    if (HEX_ONLY.test(compact) && /[a-f]/.test(compact.slice(2))) continue;
    if (isMod97(compact.toUpperCase())) emit(IBAN, start, end);
  }
};
