/**
 * A text as the rules read it: escapes decoded, invisible characters dropped, look-alike forms made plain,
 * with the way back to the offsets of the original.
 */
export interface FoldedText {
  readonly text: string;
  /** Original offset at which each folded code unit starts, and one more for the end; `null` when nothing was folded. */
  readonly starts: Uint32Array | null;
}

// Runs of backslashes are taken whole: JSON inside JSON inside JSON doubles them at every level.
const SPECIAL = /\\+(?:u[0-9a-fA-F]{4}|["/nrtbf])?|[\u0080-\uffff]+/g;
// Letters that are neither invisible nor compatibility forms: kept one to one without a look at each.
const PLAIN_LETTERS =
  /^[\u00c0-\u024f\u0370-\u058f\u05d0-\u05ea\u0620-\u064a\u0904-\u0939\u0e01-\u0e2e\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3]+$/;
// Variation selectors and fillers combine with what stands before them, so they are listed one range at a time.
const INVISIBLE =
  /^(?:\u034f|[\u115f\u1160]|[\u17b4\u17b5]|[\u180b-\u180f]|[\ufe00-\ufe0f]|[\u{e0000}-\u{e01ef}]|[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0])$/u;
const SPACE = /^[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]$/;
const DASH = /^[\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d]$/;
// Zero of each decimal digit block of the scripts in common use (Unicode category Nd).
const DIGIT_ZEROS = [
  0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0, 0x1040,
];
/** The characters that stand for escaped quotes in a folded text, one for each depth of escaping from 1 to 8 (deeper ones count as 8). */
export const ESCAPED_QUOTES = '\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008';
const EXPANSION_MAX = 4;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: ' ', f: ' ', '/': '/' };

const foldCharacter = (character: string): string => {
  if (INVISIBLE.test(character)) return '';
  if (SPACE.test(character)) return ' ';
  if (DASH.test(character)) return '-';
  const code = character.codePointAt(0) ?? 0;
  for (const zero of DIGIT_ZEROS) if (code >= zero && code <= zero + 9) return String(code - zero);
  const plain = character.normalize('NFKC');
  return plain.length <= EXPANSION_MAX ? plain : character;
};

const foldEscape = (sequence: string): string => {
  const slashes = sequence.lastIndexOf('\\') + 1;
  const rest = sequence.slice(slashes);
  if (rest === '') return '\\';
  // A quote remembers its depth, so that the quote that ends a value is not taken for one inside it.
  if (rest === '"') return ESCAPED_QUOTES.charAt(Math.min(slashes, ESCAPED_QUOTES.length) - 1);
  if (rest.length === 1) return ESCAPES[rest] ?? rest;
  const code = Number.parseInt(rest.slice(1), 16);
  const character = String.fromCharCode(code);
  return code < 0x80 ? character : foldCharacter(character);
};

interface Piece {
  readonly text: string;
  readonly at: number;
  readonly oneToOne: boolean;
}

/**
 * Folds a text for the rules: full-width and mathematical forms to ASCII, digits of other scripts to `0-9`, special spaces and dashes to plain
 * ones, zero-width characters dropped, JSON escapes decoded at any depth. Escaped quotes become the control characters 1 to 8 by their depth.
 */
export const foldText = (original: string): FoldedText => {
  const pieces: Piece[] = [];
  let length = 0;
  let changed = false;
  const add = (text: string, at: number, oneToOne: boolean) => {
    if (text === '') return;
    pieces.push({ text, at, oneToOne });
    length += text.length;
  };
  let from = 0;
  SPECIAL.lastIndex = 0;
  for (let match = SPECIAL.exec(original); match !== null; match = SPECIAL.exec(original)) {
    const [special] = match;
    if (special.charCodeAt(0) === 0x5c) {
      add(original.slice(from, match.index), from, true);
      add(foldEscape(special), match.index, false);
    } else if (PLAIN_LETTERS.test(special)) {
      continue;
    } else {
      add(original.slice(from, match.index), from, true);
      let at = match.index;
      for (const character of special) {
        const folded = foldCharacter(character);
        add(folded, at, folded === character);
        at += character.length;
      }
    }
    from = match.index + special.length;
    changed = true;
  }
  if (!changed) return { text: original, starts: null };
  add(original.slice(from), from, true);
  const starts = new Uint32Array(length + 1);
  let index = 0;
  for (const piece of pieces) for (let i = 0; i < piece.text.length; i++) starts[index++] = piece.oneToOne ? piece.at + i : piece.at;
  starts[length] = original.length;
  return { text: pieces.map((piece) => piece.text).join(''), starts };
};

/** Offset in the original of the folded offset `index`, taken as the start of a stretch. */
export const originalStart = (folded: FoldedText, index: number): number => folded.starts?.[index] ?? index;

/** Offset in the original of the folded offset `index`, taken as the exclusive end of a stretch: a folded character is covered whole. */
export const originalEnd = (folded: FoldedText, index: number): number => {
  const { starts } = folded;
  if (starts === null || index === 0) return index;
  let end = index;
  while (end < starts.length - 1 && starts[end] === starts[index - 1]) end++;
  return starts[end] ?? index;
};
