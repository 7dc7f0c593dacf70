import { findAssignments, findKeyedCredential } from './assignment.rules.js';
import { findCards } from './card.rules.js';
import type { ContentDetector, Finding, TextContext } from './content-detector.port.js';
import type { Candidate, Rule, Subject } from './detection.js';
import { digitChains } from './digit-groups.js';
import { findEmails } from './email.rules.js';
import { foldText, originalEnd, originalStart } from './folded-text.js';
import { findIbans } from './iban.rules.js';
import { findJsonWebTokens } from './json-web-token.rules.js';
import { findCodiciFiscali, findLetteredIds, findNumericIds } from './national-id.rules.js';
import { findPhones } from './phone.rules.js';
import { findPrivateKeys } from './private-key.rules.js';
import { findAwsSecrets, findBearers, findConnectionStrings, findPrefixedKeys, findTelegramTokens } from './provider-key.rules.js';

const DIGIT = 1;
const LETTER = 2;
const AT = 4;
const ASSIGN = 8;
const DASH = 16;
const ESCAPE = 32;
const WORD_SIGN = 64;
const NON_ASCII = 128;
const CODE = DIGIT | LETTER;
const RUN = DIGIT | LETTER | DASH | WORD_SIGN;

const CLASSES = new Uint8Array(128);
for (let code = 48; code <= 57; code++) CLASSES[code] = DIGIT;
for (let code = 65; code <= 90; code++) CLASSES[code] = CLASSES[code + 32] = LETTER;
CLASSES['@'.charCodeAt(0)] = CLASSES['%'.charCodeAt(0)] = AT;
CLASSES['='.charCodeAt(0)] = CLASSES[':'.charCodeAt(0)] = ASSIGN;
CLASSES['-'.charCodeAt(0)] = DASH;
CLASSES['\\'.charCodeAt(0)] = ESCAPE;
CLASSES['~'.charCodeAt(0)] =
  CLASSES['_'.charCodeAt(0)] =
  CLASSES['.'.charCodeAt(0)] =
  CLASSES['/'.charCodeAt(0)] =
  CLASSES['+'.charCodeAt(0)] =
    WORD_SIGN;

const NO_FINDINGS: readonly Finding[] = Object.freeze([]);
// The shortest finding: an address like a@b.co.
const TEXT_CHARS_MIN = 6;
// A national insurance number and a DNI hold the fewest digits of all numbers looked for; a phone number has seven.
const NUMBER_DIGITS_MIN = 6;
// The check digits of an IBAN; some countries allow letters everywhere else. Norway has the shortest.
const IBAN_DIGITS_MIN = 2;
const IBAN_CHARS_MIN = 15;
// The shortest run of any key with a prefix, any token and any codice fiscale.
const KEY_RUN_MIN = 16;
// An Italian codice fiscale.
const CODE_CHARS = 16;
const CREDENTIAL_WORD = /pass|pwd|secret|token|key|authoriz/i;

interface Traits {
  readonly seen: number;
  readonly digits: number;
  readonly longestRun: number;
  /** Whether a run of exactly sixteen letters and digits occurs. */
  readonly hasCodeRun: boolean;
}

/** One look at every code unit, which decides for most texts that no rule needs to look again. */
const traitsOf = (text: string): Traits => {
  let seen = 0;
  let digits = 0;
  let run = 0;
  let longestRun = 0;
  let codeRun = 0;
  let hasCodeRun = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const kind = code < 128 ? (CLASSES[code] ?? 0) : NON_ASCII;
    seen |= kind;
    digits += kind & DIGIT;
    if ((kind & RUN) !== 0) {
      run++;
      if (run > longestRun) longestRun = run;
    } else run = 0;
    if ((kind & CODE) !== 0) codeRun++;
    else {
      hasCodeRun ||= codeRun === CODE_CHARS;
      codeRun = 0;
    }
  }
  return { seen, digits, longestRun, hasCodeRun: hasCodeRun || codeRun === CODE_CHARS };
};

const runRules = (subject: Subject, traits: Traits): Candidate[] => {
  const candidates: Candidate[] = [];
  const emit = ({ detector, label, rank }: Rule, start: number, end: number) => {
    if (end > start) candidates.push({ detector, label, rank, start, end });
  };
  const { text, key } = subject;
  const { seen, digits, longestRun } = traits;
  if (key !== '') findKeyedCredential(subject, emit);
  if (text.length < TEXT_CHARS_MIN) return candidates;
  if ((seen & AT) !== 0) {
    findEmails(subject, emit);
    if ((seen & ASSIGN) !== 0) findConnectionStrings(subject, emit);
  }
  if (digits >= NUMBER_DIGITS_MIN) {
    for (const chain of digitChains(text)) {
      findCards(subject, chain, emit);
      findNumericIds(subject, chain, emit);
      findPhones(subject, chain, emit);
    }
    if ((seen & LETTER) !== 0) findLetteredIds(subject, emit);
  }
  if (digits >= IBAN_DIGITS_MIN && (seen & LETTER) !== 0 && text.length >= IBAN_CHARS_MIN) findIbans(subject, emit);
  if (longestRun >= KEY_RUN_MIN) {
    if (traits.hasCodeRun) findCodiciFiscali(subject, emit);
    findPrefixedKeys(subject, emit);
    findJsonWebTokens(subject, emit);
    findBearers(subject, emit);
    if ((seen & ASSIGN) !== 0) findTelegramTokens(subject, emit);
    if (longestRun >= 40) findAwsSecrets(subject, emit);
  }
  if ((seen & DASH) !== 0 && text.length > 20) findPrivateKeys(subject, emit);
  if ((seen & ASSIGN) !== 0 && CREDENTIAL_WORD.test(text)) findAssignments(subject, emit);
  return candidates;
};

const outranks = (a: Candidate, b: Candidate): boolean => a.rank > b.rank || (a.rank === b.rank && a.end - a.start > b.end - b.start);

/** Sorted, without overlaps: claims that overlap become one over their union, in the name of the highest rank. Nothing claimed is let go. */
const resolveOverlaps = (candidates: Candidate[]): Candidate[] => {
  // `password@host` in a connection string reads as an address; the host is worth keeping readable.
  const connections = candidates.filter((candidate) => candidate.detector === 'connection-string');
  const claims = candidates.filter(
    (candidate) =>
      candidate.detector !== 'email-address' || !connections.some((found) => candidate.start < found.end && found.start < candidate.end),
  );
  claims.sort((a, b) => a.start - b.start || b.end - a.end);
  const resolved: Candidate[] = [];
  for (const claim of claims) {
    const last = resolved.at(-1);
    if (last === undefined || claim.start >= last.end) resolved.push(claim);
    else
      resolved[resolved.length - 1] = { ...(outranks(claim, last) ? claim : last), start: last.start, end: Math.max(last.end, claim.end) };
  }
  return resolved;
};

const detect = (original: string, context?: TextContext): readonly Finding[] => {
  const key = context?.key ?? '';
  if (original.length < TEXT_CHARS_MIN && key === '') return NO_FINDINGS;
  let traits = traitsOf(original);
  let folded = { text: original, starts: null as Uint32Array | null };
  if ((traits.seen & (ESCAPE | NON_ASCII)) !== 0) {
    folded = foldText(original);
    if (folded.starts !== null) traits = traitsOf(folded.text);
  }
  const candidates = runRules({ text: folded.text, key }, traits);
  if (candidates.length === 0) return NO_FINDINGS;
  return resolveOverlaps(candidates).map(({ label, detector, start, end }) => ({
    label,
    detector,
    start: originalStart(folded, start),
    end: originalEnd(folded, end),
  }));
};

/**
 * The detector that ships: rules for e-mail addresses, phone numbers, payment cards, IBANs, national ids, provider keys, private keys and
 * JSON Web Tokens. Reads through full-width forms, digits of other scripts, zero-width characters and JSON escapes at any depth; does not read
 * through percent-encoding (but for the sign of an address), base64, or letters of other scripts that look alike. A text without triggers costs one pass.
 */
export const builtInDetector: ContentDetector = { detect };
