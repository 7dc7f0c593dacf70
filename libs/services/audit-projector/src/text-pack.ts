/**
 * Many long texts as one binary parameter with the place of each: an array parameter would be escaped character by character, which costs
 * more than hashing it. In SQL a text is `convert_from(substr($pack, at, bytes), 'UTF8')`.
 */
export interface TextPack {
  readonly pack: Buffer;
  /** Counted from 1, as `substr` does. */
  readonly at: readonly number[];
  readonly bytes: readonly number[];
}

/** Packs texts in their order. */
export const packTexts = (texts: readonly string[]): TextPack => {
  const bytes = texts.map((text) => Buffer.byteLength(text));
  const pack = Buffer.allocUnsafe(bytes.reduce((sum, length) => sum + length, 0));
  const at: number[] = [];
  let offset = 0;
  for (const [index, text] of texts.entries()) {
    at.push(offset + 1);
    pack.write(text, offset);
    offset += bytes[index] ?? 0;
  }
  return { pack, at, bytes };
};
