const NEEDLE_CHARS_MIN = 8;
const FINGERPRINT_CHARS = 8;
const BITS = 1 << 24;

/** A value that was found where it must not be. */
export interface Leak {
  readonly value: string;
  readonly place: string;
  /** What stands round it. */
  readonly excerpt: string;
}

interface Needle {
  readonly text: string;
  readonly value: string;
  readonly isDigits: boolean;
}

/**
 * Looks for many values in much text at once, in time that grows with the text alone. Values of less than 8 characters are not looked for; of
 * those that an escape or a line break cuts, every part of 16 characters or more.
 */
export class LeakSearch {
  private readonly needles = new Map<string, Needle[]>();
  private readonly bits = new Uint8Array(BITS >> 3);
  readonly size: number;

  constructor(values: Iterable<string>) {
    let size = 0;
    for (const value of new Set(values)) {
      for (const text of partsOf(value)) {
        const fingerprint = text.slice(0, FINGERPRINT_CHARS);
        const known = this.needles.get(fingerprint);
        const needle: Needle = { text, value, isDigits: /^\d+$/.test(text) };
        if (known === undefined) this.needles.set(fingerprint, [needle]);
        else known.push(needle);
        const slot = slotOf(fingerprint, 0);
        this.bits[slot >> 3] = (this.bits[slot >> 3] ?? 0) | (1 << (slot & 7));
        size += 1;
      }
    }
    this.size = size;
  }

  /** Every value that `text` holds, `max` at most. */
  in(text: string, place: string, max = 20): readonly Leak[] {
    const leaks: Leak[] = [];
    for (let at = 0; at + FINGERPRINT_CHARS <= text.length && leaks.length < max; at++) {
      const slot = slotOf(text, at);
      if (((this.bits[slot >> 3] ?? 0) & (1 << (slot & 7))) === 0) continue;
      for (const needle of this.needles.get(text.slice(at, at + FINGERPRINT_CHARS)) ?? []) {
        if (!text.startsWith(needle.text, at) || (needle.isDigits && !standsAlone(text, at, needle.text.length))) continue;
        leaks.push({ value: needle.value, place, excerpt: text.slice(Math.max(0, at - 80), at + needle.text.length + 40) });
      }
    }
    return leaks;
  }
}

/** Digits inside longer digits or a hash are a coincidence; after an escape (`\n`) they are not. */
const standsAlone = (text: string, at: number, length: number): boolean => {
  const before = text.slice(Math.max(0, at - 2), at);
  const after = text[at + length] ?? '';
  return (!/[0-9A-Za-z_.-]$/.test(before) || /\\[nrt]$/.test(before)) && !/^[0-9A-Za-z_-]/.test(after);
};

const partsOf = (value: string): readonly string[] => {
  if (!/[\n\r\t"\\]/.test(value)) return value.length >= NEEDLE_CHARS_MIN ? [value] : [];
  return value.split(/(?:\\+[nrt"]|[\n\r\t"\\])+/).filter((part) => part.length >= 2 * NEEDLE_CHARS_MIN && !part.startsWith('-----'));
};

const slotOf = (text: string, at: number): number => {
  let hash = 0x811c9dc5;
  for (let offset = 0; offset < FINGERPRINT_CHARS; offset++) hash = Math.imul(hash ^ text.charCodeAt(at + offset), 0x01000193);
  return (hash ^ (hash >>> 8)) & (BITS - 1);
};
