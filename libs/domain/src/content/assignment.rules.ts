import { credentialCertainty, isStandIn, looksRandom } from './credential-names.js';
import { type Emit, isAlphanumeric, RANK, type Rule, type Subject } from './detection.js';
import { ESCAPED_QUOTES } from './folded-text.js';

const ASSIGNED: Rule = { detector: 'credential-assignment', label: 'secret.provider-key', rank: RANK.assignment };
const AUTHORIZATION: Rule = { detector: 'authorization-header', label: 'secret.provider-key', rank: RANK.assignment };

const NAME_PART =
  /pass(?:word|wd|phrase|code)?|pwd|secret|token|api[ _-]?key|authorization|(?:private|account|access|signing|encryption|master)[ _-]?key/gi;
// Closing quotes and brackets of a name (any depth of escaping), then the sign that assigns.
const ASSIGNS = new RegExp(`[${ESCAPED_QUOTES}"'\`\\])]{0,3}[ \\t]{0,4}(?::=|=>|[:=])(?!//)[ \\t]{0,8}`, 'y');
const MASK_AT = /\[(?:pii|secret)\.[a-z-]+\]/y;
const MASKS = /\[(?:pii|secret)\.[a-z-]+\]/g;
const MASK_NAME = /^(?:pii|secret)\.[a-z-]+$/;
const SCHEME = /(?:Bearer|Basic|Digest|Token|ApiKey|Negotiate|AWS4-HMAC-SHA256)[ \t]{1,4}/iy;
const QUOTES = `"'\`${ESCAPED_QUOTES}`;
const NAME_CHARS_MAX = 64;
const VALUE_CHARS_MAX = 4096;
const VALUE_CHARS_MIN = 3;

const isNameChar = (code: number): boolean => isAlphanumeric(code) || code === 95 || code === 45 || code === 46;
const isQuote = (character: string): boolean => character !== '' && QUOTES.includes(character);

const quotedEnd = (text: string, from: number, quote: string): number => {
  const end = text.indexOf(quote, from);
  const limit = Math.min(text.length, from + VALUE_CHARS_MAX);
  return end === -1 || end > limit ? limit : end;
};

const NEXT_PAIR = /,[ \t]{0,2}["']?[A-Za-z_][\w.-]{0,40}["']?[=:]/y;

/** End of a value without quotes: at a space, a quote, a bracket that closes, or a sign that starts the next pair. */
const bareEnd = (text: string, from: number): number => {
  const limit = Math.min(text.length, from + VALUE_CHARS_MAX);
  let end = from;
  while (end < limit) {
    const code = text.charCodeAt(end);
    if (code === 0x5b) {
      MASK_AT.lastIndex = end;
      if (MASK_AT.test(text)) {
        end = MASK_AT.lastIndex;
        continue;
      }
    }
    if (code <= 0x20 || '"\'`<>;&)]}'.includes(text.charAt(end))) break;
    if (code === 0x2c) {
      NEXT_PAIR.lastIndex = end;
      if (end + 1 >= text.length || text.charCodeAt(end + 1) <= 0x20 || QUOTES.includes(text.charAt(end + 1)) || NEXT_PAIR.test(text))
        break;
    }
    end++;
  }
  return end;
};

/** Whether a value without quotes is program text: a call, an index, another name, a type. */
const isExpression = (text: string, value: string, end: number, spaced: boolean): boolean => {
  if (text.charAt(end) === '(' || text.charAt(end) === '[' || value.includes('(')) return true;
  if (/^[A-Za-z_$][\w$]*(?:(?:\.|\?\.|::|->)[A-Za-z_$][\w$]*)+$/.test(value) && !/\d/.test(value)) return true;
  if (/^[A-Za-z_$][\w$]*$/.test(value) && credentialCertainty(value) !== null) return true;
  // "the password: must" is a sentence; a credential behind a space is told from a word by a digit or a sign.
  return spaced && !/[0-9!#$%&*+/@^_~|\\]/.test(value.replace(/[.,!?]+$/, ''));
};

const isCredential = (value: string, certainty: 'certain' | 'likely'): boolean => {
  const bare = value.replace(MASKS, '').trim();
  if (bare.length < VALUE_CHARS_MIN || isStandIn(bare)) return false;
  return certainty === 'certain' || looksRandom(bare);
};

/** The name that ends at `to`, as far back as it reaches. */
const nameBefore = (text: string, at: number, to: number): string => {
  let start = at;
  while (start > 0 && to - start < NAME_CHARS_MAX && isNameChar(text.charCodeAt(start - 1))) start--;
  return text.slice(start, to);
};

/**
 * Claims the values of `name=value`, `name: value` and `"name": "value"` for names of credentials, at any depth of escaping, and what follows
 * `Authorization:`. Only the value is claimed. A value that is a variable, a call or a stand-in is left alone.
 */
export const findAssignments = ({ text }: Subject, emit: Emit): void => {
  NAME_PART.lastIndex = 0;
  for (let match = NAME_PART.exec(text); match !== null; match = NAME_PART.exec(text)) {
    let nameEnd = NAME_PART.lastIndex;
    while (nameEnd < text.length && nameEnd - match.index < NAME_CHARS_MAX && isNameChar(text.charCodeAt(nameEnd))) nameEnd++;
    const name = nameBefore(text, match.index, nameEnd);
    if (MASK_NAME.test(name) && text.charAt(nameEnd) === ']') continue;
    const certainty = credentialCertainty(name);
    if (certainty === null) continue;
    ASSIGNS.lastIndex = nameEnd;
    const assigns = ASSIGNS.exec(text);
    if (assigns === null) continue;
    let from = ASSIGNS.lastIndex;
    const quote = isQuote(text.charAt(from)) ? text.charAt(from) : '';
    if (quote !== '') from++;
    const header = name.toLowerCase().endsWith('authorization');
    SCHEME.lastIndex = from;
    if (header && SCHEME.test(text)) from = SCHEME.lastIndex;
    const end = quote === '' ? bareEnd(text, from) : quotedEnd(text, from, quote);
    const value = text.slice(from, end);
    if (!isCredential(value, certainty)) continue;
    if (quote === '' && isExpression(text, value, end, /\s$/.test(assigns[0]))) continue;
    emit(header ? AUTHORIZATION : ASSIGNED, from, end);
    NAME_PART.lastIndex = Math.max(end, nameEnd);
  }
};

/** Claims a whole text that is the value of a key which names a credential: `{"password": "x"}`. */
export const findKeyedCredential = ({ text, key }: Subject, emit: Emit): void => {
  const certainty = credentialCertainty(key);
  if (certainty === null || !isCredential(text, certainty)) return;
  const header = key.toLowerCase().endsWith('authorization');
  SCHEME.lastIndex = 0;
  emit(header ? AUTHORIZATION : ASSIGNED, header && SCHEME.test(text) ? SCHEME.lastIndex : 0, text.length);
};
