import { isUtf8 } from 'node:buffer';
import type { Json } from '@sallyport/contracts';
import { isJsonObject } from './json-types.js';

/** Bounds of one JSON text. */
export interface JsonBounds {
  readonly maxDepth: number;
  readonly maxMembers: number;
  /** Refuses numbers that would leave here as others than they came: whole numbers beyond 2^53 that no double holds, and infinite ones. */
  readonly exactNumbers?: boolean;
}

export type JsonFaultKind =
  | 'syntax'
  | 'encoding'
  | 'too-deep'
  | 'too-many-members'
  | 'duplicate-name'
  | 'lone-surrogate'
  | 'reserved-name'
  | 'inexact-number';

/** Why a JSON text was not accepted. `value` is there when it could be parsed, for the id to echo; nothing else of it may be used. */
export class JsonFault extends Error {
  constructor(
    readonly kind: JsonFaultKind,
    message: string,
    readonly value?: Json,
  ) {
    super(message);
    this.name = 'JsonFault';
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LOWER_U = 0x75;

interface Outline {
  /** Members of all objects, repeated names counted each time. */
  readonly names: number;
  /** Whether a `\u` escape occurs: only such a text can hold a lone surrogate. */
  readonly unicodeEscapes: boolean;
}

/** Reads brackets, commas and colons outside strings in one pass over the bytes, so that no bound is passed before anything is built. */
const outlineOf = (bytes: Uint8Array, bounds: JsonBounds): Outline => {
  let depth = 0;
  let names = 0;
  let members = 0;
  let unicodeEscapes = false;
  const end = bytes.length;
  for (let at = 0; at < end; at++) {
    switch (bytes[at]) {
      case QUOTE:
        for (at++; at < end; at++) {
          const byte = bytes[at];
          if (byte === QUOTE) break;
          if (byte === BACKSLASH) {
            at++;
            if (bytes[at] === LOWER_U) unicodeEscapes = true;
          }
        }
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        if (depth > bounds.maxDepth) throw new JsonFault('too-deep', `more than ${bounds.maxDepth} levels`);
        members++;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        break;
      case COMMA:
        members++;
        if (members > bounds.maxMembers) throw new JsonFault('too-many-members', `more than ${bounds.maxMembers} members`);
        break;
      case COLON:
        names++;
        break;
    }
  }
  if (members > bounds.maxMembers) throw new JsonFault('too-many-members', `more than ${bounds.maxMembers} members`);
  return { names, unicodeEscapes };
};

interface Walk {
  names: number;
  reserved: boolean;
  illFormed: boolean;
  /** A number so large that digits may have been lost. */
  large: boolean;
  infinite: boolean;
  readonly checkStrings: boolean;
}

const walk = (value: Json, found: Walk): void => {
  if (typeof value === 'string') {
    if (found.checkStrings && !value.isWellFormed()) found.illFormed = true;
    return;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) found.infinite = true;
    else if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) found.large = true;
    return;
  }
  if (Array.isArray(value)) {
    for (const element of value) walk(element, found);
    return;
  }
  if (!isJsonObject(value)) return;
  for (const name of Object.keys(value)) {
    found.names++;
    if (name === '__proto__') found.reserved = true;
    if (found.checkStrings && !name.isWellFormed()) found.illFormed = true;
    walk(value[name] ?? null, found);
  }
};

/** Whether a whole number in the text is not the one that a double makes of it. Strings are matched to be passed over. */
const losesDigits = (text: string): boolean => {
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d{16,}(?![\d.eE])/g))
    if (!token.startsWith('"') && BigInt(token) !== BigInt(Number(token))) return true;
  return false;
};

/**
 * Parses one JSON text (RFC 8259) within bounds that are checked before anything is built. What comes back has one value for each name, no
 * member called `__proto__` (whoever copies such an object by assignment would change its prototype) and well-formed strings only
 * (RFC 7493), so that every reader of it reads the same. Throws `JsonFault`. `maxMembers` counts members, elements and containers.
 */
export const parseBounded = (bytes: Uint8Array, bounds: JsonBounds): Json => {
  if (!isUtf8(bytes)) throw new JsonFault('encoding', 'not UTF-8');
  const outline = outlineOf(bytes, bounds);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's message quotes the text, so it is dropped: it may hold a secret.
    throw new JsonFault('syntax', 'not JSON');
  }
  const found: Walk = { names: 0, reserved: false, illFormed: false, large: false, infinite: false, checkStrings: outline.unicodeEscapes };
  walk(value, found);
  if (found.names !== outline.names) throw new JsonFault('duplicate-name', 'a member name occurs twice in one object', value);
  if (found.reserved) throw new JsonFault('reserved-name', 'a member is called __proto__', value);
  if (bounds.exactNumbers === true && (found.infinite || (found.large && losesDigits(text))))
    throw new JsonFault('inexact-number', 'a number has more digits than can be kept; send it as a text', value);
  if (found.illFormed) throw new JsonFault('lone-surrogate', 'a string holds half a surrogate pair', value);
  return value;
};
