// What text of agents and upstreams may hold that eyes do not see or mistake. The data is the Unicode database that the browser itself carries
// and keeps current (property escapes of ECMAScript), so that no list of characters ages here.

/** A stretch of text: plain, or one character that is shown by its number, or a word or name whose letters come from several scripts. */
export type TextPart =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'invisible' | 'direction' | 'control' | 'space' | 'private'; readonly text: string; readonly codePoint: string }
  | { readonly kind: 'mixed-script'; readonly text: string; readonly scripts: readonly string[] };

const BIDI = /\p{Bidi_Control}/u;
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/u;
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const SPACE = /\p{Zs}/u;
const PRIVATE = /[\p{Co}\p{Cn}\p{Cs}]/u;
/** What an emoji sequence is made of: a joiner or a variation selector after a pictograph is ordinary. */
const EMOJI_SEQUENCE = /\p{RGI_Emoji}/v;
/** A word, or words that make one name: `fs/copy_file`. Scripts that differ within it are a trick more often than not. */
const WORD = /[\p{L}\p{M}\p{Nd}]+(?:[/_.:@-][\p{L}\p{M}\p{Nd}]+)*/gu;

/** Scripts that one word may mix: Japanese, Korean and Chinese do by their nature (UTS 39, highly restrictive). */
const MAY_MIX: readonly (readonly string[])[] = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];
/** Scripts with letters that pass for those of another. */
const SCRIPTS = [
  'Latin',
  'Greek',
  'Cyrillic',
  'Armenian',
  'Cherokee',
  'Hebrew',
  'Arabic',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Bopomofo',
  'Georgian',
  'Coptic',
  'Lisu',
  'Deseret',
] as const;
const SCRIPT_TESTS = SCRIPTS.map((script) => [script, new RegExp(`\\p{Script=${script}}`, 'u')] as const);

const kindOf = (character: string): 'invisible' | 'direction' | 'control' | 'space' | 'private' | null => {
  if (character === ' ' || character === '\n' || character === '\t') return null;
  if (BIDI.test(character)) return 'direction';
  if (INVISIBLE.test(character)) return 'invisible';
  if (CONTROL.test(character)) return 'control';
  if (SPACE.test(character)) return 'space';
  return PRIVATE.test(character) ? 'private' : null;
};

/** `U+200B`. */
export const codePointOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

const scriptsOf = (word: string): readonly string[] => SCRIPT_TESTS.filter(([, test]) => test.test(word)).map(([script]) => script);

const isMixed = (scripts: readonly string[]): boolean =>
  scripts.length > 1 && !MAY_MIX.some((allowed) => scripts.every((script) => allowed.includes(script)));

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Takes text apart into what can be trusted to look like what it is, and what cannot. Joined again, the parts are the text. */
export const partsOf = (text: string): readonly TextPart[] => {
  const parts: TextPart[] = [];
  let plain = '';
  const endPlain = (): void => {
    if (plain !== '') parts.push(...wordsOf(plain));
    plain = '';
  };
  for (const { segment } of graphemes.segment(text)) {
    if (EMOJI_SEQUENCE.test(segment)) {
      plain += segment;
      continue;
    }
    for (const character of segment) {
      const kind = kindOf(character);
      if (kind === null) {
        plain += character;
        continue;
      }
      endPlain();
      parts.push({ kind, text: character, codePoint: codePointOf(character) });
    }
  }
  endPlain();
  return parts;
};

const wordsOf = (plain: string): readonly TextPart[] => {
  const parts: TextPart[] = [];
  let from = 0;
  for (const { 0: word, index } of plain.matchAll(WORD)) {
    const scripts = scriptsOf(word);
    if (!isMixed(scripts)) continue;
    if (index > from) parts.push({ kind: 'plain', text: plain.slice(from, index) });
    parts.push({ kind: 'mixed-script', text: word, scripts });
    from = index + word.length;
  }
  if (from < plain.length) parts.push({ kind: 'plain', text: plain.slice(from) });
  return parts;
};

/** What a part is, in words. */
export const explanationOf = (part: Exclude<TextPart, { kind: 'plain' }>): string => {
  switch (part.kind) {
    case 'invisible':
      return `${part.codePoint}: a character that is not seen`;
    case 'direction':
      return `${part.codePoint}: turns the direction of text, so that it reads as something else`;
    case 'control':
      return `${part.codePoint}: a control character`;
    case 'space':
      return `${part.codePoint}: a space that is no ordinary one`;
    case 'private':
      return `${part.codePoint}: a character without a fixed meaning`;
    case 'mixed-script':
      return `Letters of ${part.scripts.join(' and ')} in one name: some may pass for others`;
  }
};
