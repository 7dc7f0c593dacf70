import { type Emit, isAlphanumeric, RANK, type Rule, type Subject } from './detection.js';

const PRIVATE_KEY: Rule = { detector: 'private-key-block', label: 'secret.private-key', rank: RANK.privateKey };
// PEM (RFC 7468), OpenSSH, PGP (RFC 9580 section 6.2) and SSH2 (RFC 4716) armour.
const BEGIN = /-{3,5} ?BEGIN (?:[A-Za-z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)? ?-{3,5}/gi;
const END = '-----END';
const END_LINE = /-{3,5} ?END [A-Za-z0-9 ]{0,64}-{0,5}/y;

// RFC 1421 and PGP headers stand before the body; a block pasted onto one line has them on the same line.
const HEADERS_CHARS_MAX = 300;
const BODY_SIGNS = '+/=\\';
const HEADER_SIGNS = `${BODY_SIGNS}:,.-()`;

/** How far the body of a block without an end reaches: headers, then base64 and white space. */
const bodyEnd = (text: string, from: number): number => {
  let end = from;
  while (end < text.length && text.charCodeAt(end) <= 0x20) end++;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    if (!isAlphanumeric(code) && code > 0x20 && !(end - from < HEADERS_CHARS_MAX ? HEADER_SIGNS : BODY_SIGNS).includes(text.charAt(end)))
      break;
    end++;
  }
  while (end > from && text.charCodeAt(end - 1) <= 0x20) end--;
  return end;
};

/** Claims private keys in armour, from the first line to the last; without a last line, as far as the body reaches. */
export const findPrivateKeys = ({ text }: Subject, emit: Emit): void => {
  let nextEnd = 0;
  BEGIN.lastIndex = 0;
  for (let match = BEGIN.exec(text); match !== null; match = BEGIN.exec(text)) {
    const body = BEGIN.lastIndex;
    // Looked up once per end line, so that many beginnings without an end stay linear.
    if (nextEnd !== -1 && nextEnd < body) nextEnd = text.indexOf(END, body);
    let end = bodyEnd(text, body);
    if (nextEnd !== -1 && (nextEnd <= end || !text.slice(body, nextEnd).includes('BEGIN '))) {
      END_LINE.lastIndex = nextEnd;
      end = END_LINE.test(text) ? END_LINE.lastIndex : nextEnd + END.length;
    }
    emit(PRIVATE_KEY, match.index, end);
    BEGIN.lastIndex = end;
  }
};
