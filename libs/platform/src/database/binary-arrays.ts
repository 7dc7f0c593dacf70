/** Elements of `pg_type`: their numbers are part of the protocol and never change. */
const INT8_OID = 20;
const INT4_OID = 23;
const TEXT_OID = 25;

/** Dimensions, "has nulls", element type, length, lower bound: `array_recv` of PostgreSQL, src/backend/utils/adt/arrayfuncs.c. */
const HEAD_BYTES = 20;
/** UTF-16 units to UTF-8. */
const UTF8_BYTES_MAX = 3;
const REPLACEMENT = '\ufffd';

let scratch = Buffer.allocUnsafeSlow(65_536);
/** Beyond this the scratch is not kept. */
const SCRATCH_KEPT_BYTES = 1_048_576;

const writeHead = (target: Buffer, oid: number, hasNulls: boolean, length: number): number => {
  target.writeInt32BE(1, 0);
  target.writeInt32BE(hasNulls ? 1 : 0, 4);
  target.writeInt32BE(oid, 8);
  target.writeInt32BE(length, 12);
  target.writeInt32BE(1, 16);
  return HEAD_BYTES;
};

/** An array without elements has no dimension either. */
const emptyArray = (oid: number): Buffer => {
  const bytes = Buffer.alloc(12);
  bytes.writeInt32BE(oid, 8);
  return bytes;
};

/**
 * A `text[]` parameter in the binary form of the protocol. As text, every quote of every JSON in it would be escaped, sent twice as long and
 * read character by character: it costs both ends several times as much. Use it in hot statements, for parameters declared or cast as
 * `text[]` exactly. Like any text of ours it holds U+FFFD in place of NUL, which no text of PostgreSQL can hold, and of half a surrogate pair.
 */
export const textArray = (values: readonly (string | null)[]): Buffer => {
  if (values.length === 0) return emptyArray(TEXT_OID);
  let bytesMax = HEAD_BYTES;
  let hasNulls = false;
  for (const value of values) {
    bytesMax += 4 + (value === null ? 0 : value.length * UTF8_BYTES_MAX);
    hasNulls ||= value === null;
  }
  if (scratch.length < bytesMax) scratch = Buffer.allocUnsafeSlow(bytesMax);
  const target = scratch;
  let at = writeHead(target, TEXT_OID, hasNulls, values.length);
  for (const value of values) {
    const start = at + 4;
    const bytes = value === null ? -1 : target.write(value.includes('\0') ? value.replaceAll('\0', REPLACEMENT) : value, start);
    target.writeInt32BE(bytes, at);
    at = bytes === -1 ? start : start + bytes;
  }
  if (scratch.length > SCRATCH_KEPT_BYTES) scratch = Buffer.allocUnsafeSlow(65_536);
  // A copy: the parameter is read when its connection gets round to it.
  return Buffer.from(target.subarray(0, at));
};

/** An `int[]` parameter, see `textArray`. */
export const intArray = (values: readonly number[]): Buffer => {
  if (values.length === 0) return emptyArray(INT4_OID);
  const target = Buffer.allocUnsafe(HEAD_BYTES + values.length * 8);
  let at = writeHead(target, INT4_OID, false, values.length);
  for (const value of values) {
    at = target.writeInt32BE(4, at);
    at = target.writeInt32BE(value, at);
  }
  return target;
};

/** A `bigint[]` parameter, see `textArray`. */
export const bigintArray = (values: readonly bigint[]): Buffer => {
  if (values.length === 0) return emptyArray(INT8_OID);
  const target = Buffer.allocUnsafe(HEAD_BYTES + values.length * 12);
  let at = writeHead(target, INT8_OID, false, values.length);
  for (const value of values) {
    at = target.writeInt32BE(8, at);
    at = target.writeBigInt64BE(value, at);
  }
  return target;
};
