import { asLatin1, decodeBase64 } from './base64.js';
import { type Emit, isAlphanumeric, RANK, type Rule, type Subject } from './detection.js';

const JWT: Rule = { detector: 'json-web-token', label: 'secret.jwt', rank: RANK.jwt };
// `{"`, `{ `, `{` and a line break in base64url.
const BEGINNING = /(?:(?<![A-Za-z0-9_-])|(?<=%[0-9A-F]{2}))(?:ey[A-P]|ewo|ew0|ewk)[A-Za-z0-9_-]{5,}/g;
const HEADER_CHARS_MAX = 8192;
const PARTS_AFTER_HEADER_MAX = 4;

const isPartChar = (code: number): boolean => isAlphanumeric(code) || code === 45 || code === 95 || code === 61;

const isHeader = (part: string): boolean => {
  const bytes = decodeBase64(part.slice(0, HEADER_CHARS_MAX));
  return bytes !== null && /^\s*\{[\s\S]*"alg"\s*:\s*"/.test(asLatin1(bytes));
};

/** Claims JSON Web Tokens in compact form (RFC 7519, RFC 7516), signed or encrypted, also without signature: the header must name an `alg`. */
export const findJsonWebTokens = ({ text }: Subject, emit: Emit): void => {
  BEGINNING.lastIndex = 0;
  for (let match = BEGINNING.exec(text); match !== null; match = BEGINNING.exec(text)) {
    let end = BEGINNING.lastIndex;
    while (text.charCodeAt(end) === 61) end++;
    if (text.charCodeAt(end) !== 46 || !isHeader(match[0])) continue;
    for (let parts = 0; parts < PARTS_AFTER_HEADER_MAX && text.charCodeAt(end) === 46; parts++) {
      let partEnd = end + 1;
      while (partEnd < text.length && isPartChar(text.charCodeAt(partEnd))) partEnd++;
      // An empty part stands for no signature or a detached payload; after a whole token the point ends a sentence.
      if (partEnd === end + 1 && parts !== 1 && text.charCodeAt(partEnd) !== 46) break;
      end = partEnd;
    }
    emit(JWT, match.index, end);
    BEGINNING.lastIndex = end;
  }
};
