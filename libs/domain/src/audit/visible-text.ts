/**
 * What a terminal would hide, move or take for something else: controls, formats (zero width, bidirectional overrides, tags), line and
 * paragraph separators, every space but the plain one, private use, surrogates without their half, variation selectors, Hangul fillers.
 */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u115F\u1160\u17B4\u17B5\u3164\uFFA0]|[\uFE00-\uFE0F]|[\u{E0100}-\u{E01EF}]|(?! )\p{Zs}/gu;

/** The text with everything invisible written out as `\u{202e}` and every backslash doubled, so that no text can look like another. */
export const visibleText = (text: string): string =>
  text.replaceAll('\\', '\\\\').replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** As `visibleText`, in quotes where a plain text would run into its neighbours: a name with a space in it cannot add a field to a line. */
export const visibleField = (text: string): string => {
  const visible = visibleText(text);
  return visible === '' || /[ "]/.test(visible) ? `"${visible.replaceAll('"', '\\"')}"` : visible;
};
