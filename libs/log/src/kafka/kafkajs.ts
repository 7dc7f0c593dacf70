import { createRequire } from 'node:module';
import crc32c from 'crc-32/crc32c.js';

/** A part of the client, of those that write requests. */
interface Encoder {
  buf: Buffer;
  offset: number;
  ensureAvailable(bytes: number): void;
}

interface EncoderClass {
  readonly prototype: Encoder;
  new (bytes: number): Encoder;
  nextPowerOfTwo(value: number): number;
  sizeOfVarInt(value: number): number;
}

/** The same of those that read answers. */
interface Decoder {
  readonly buffer: Buffer;
  offset: number;
  readInt8(): number;
  readVarInt(): number;
  readVarLong(): Long;
  readVarIntBytes(): Buffer | null;
}

interface Long {
  add(other: Long | number): Long;
  toString(): string;
}

type Bytes = Buffer | string | null;
type HeaderValue = Buffer | string;

/** A record to be written; offsets and times relative to those of its batch. */
export interface WrittenRecord {
  readonly offsetDelta?: number;
  /** Milliseconds, at most 31 bits of them: a batch is of one moment. */
  readonly timestampDelta?: number;
  readonly key: Bytes;
  readonly value: Bytes;
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>;
}

interface BatchContext {
  readonly firstOffset: unknown;
  readonly firstTimestamp: unknown;
  readonly magicByte?: number;
  readonly isControlBatch?: boolean;
  readonly timestampType?: number;
  readonly maxTimestamp?: string;
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  /** Milliseconds since 1970 until when the broker asked for rest; negative when it never did. */
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/** Paths of the parts that are replaced. The client has no `exports` map, and its version is pinned. */
export const REPLACED = {
  writeRecord: 'kafkajs/src/protocol/recordBatch/record/v0/index.js',
  readRecord: 'kafkajs/src/protocol/recordBatch/record/v0/decoder.js',
  checksum: 'kafkajs/src/protocol/recordBatch/crc32C/index.js',
} as const;

const CHECK_MS = 10;
const VARINT_BYTES_MAX = 5;
/** Of what stands in a record before its key: length, attributes, both deltas, number of headers. */
const HEAD_BYTES_MAX = 1 + 4 * VARINT_BYTES_MAX;

const require = createRequire(import.meta.url);
const Encoder: EncoderClass = require('kafkajs/src/protocol/encoder.js');
const Long: { fromValue(value: unknown): Long } = require('kafkajs/src/utils/long.js');
const { LOG_APPEND_TIME }: { LOG_APPEND_TIME: number } = require('kafkajs/src/protocol/timestampTypes.js');
const { prototype: queue }: { prototype: RequestQueue } = require('kafkajs/src/network/requestQueue/index.js');

/** Looks for waiting requests only while some wait: an answer looks as well, so what is left to a timer is a rest that the broker asked for. */
queue.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
  const restMs = Math.max(CHECK_MS, this.throttledUntil - Date.now());
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null;
    this.checkPendingRequests();
  }, restMs);
};

Encoder.prototype.ensureAvailable = function ensureAvailable(this: Encoder, bytes: number): void {
  if (this.offset + bytes <= this.buf.length) return;
  // What is behind `offset` is never read, so it need not be zeroed.
  const larger = Buffer.allocUnsafe(Encoder.nextPowerOfTwo(this.offset + bytes));
  this.buf.copy(larger, 0, 0, this.offset);
  this.buf = larger;
};

/** Where a record is put together, and how far it has come. */
let scratch = Buffer.allocUnsafeSlow(65_536);
let at = 0;
/** Beyond this the scratch is not kept. */
const SCRATCH_KEPT_BYTES = 1_048_576;
/** UTF-16 units to UTF-8. */
const UTF8_BYTES_MAX = 3;
/** Lengths up to this take one byte. */
const SHORT_MAX = 63;

/** A length as Kafka writes it: twice as much, so that a negative one may be odd; seven bits a byte. */
const putLength = (length: number): void => {
  let rest = length < 0 ? 1 : length * 2;
  for (; rest > 0x7f; rest >>>= 7) scratch[at++] = (rest & 0x7f) | 0x80;
  scratch[at++] = rest;
};

/** Most texts are short and ASCII: those cost less letter by letter than two calls. */
const putShort = (text: string): boolean => {
  const start = at;
  for (let n = 0; n < text.length; n += 1) {
    const unit = text.charCodeAt(n);
    if (unit > 0x7f) return false;
    scratch[start + 1 + n] = unit;
  }
  scratch[start] = text.length * 2;
  at = start + 1 + text.length;
  return true;
};

const putBytes = (value: Bytes): void => {
  if (value === null) putLength(-1);
  else if (typeof value !== 'string') {
    putLength(value.length);
    at += value.copy(scratch, at);
  } else if (value.length > SHORT_MAX || !putShort(value)) {
    putLength(Buffer.byteLength(value));
    at += scratch.write(value, at);
  }
};

const roomOf = (value: Bytes): number => VARINT_BYTES_MAX + (value === null ? 0 : value.length * UTF8_BYTES_MAX);

/** Writes a record of format 2 (Kafka protocol, "Record") in one pass, and copies it into a buffer of its size. */
const writeRecord = ({ offsetDelta = 0, timestampDelta = 0, key, value, headers = {} }: WrittenRecord): Encoder => {
  const pairs: [name: string, value: HeaderValue][] = [];
  let room = HEAD_BYTES_MAX + roomOf(key) + roomOf(value);
  for (const name in headers) {
    const own = headers[name];
    if (own === undefined) continue;
    for (const one of Array.isArray(own) ? own : [own]) {
      pairs.push([name, one]);
      room += roomOf(name) + roomOf(one);
    }
  }
  if (scratch.length < room) scratch = Buffer.allocUnsafeSlow(room);
  at = VARINT_BYTES_MAX;
  scratch[at++] = 0;
  putLength(timestampDelta);
  putLength(offsetDelta);
  putBytes(key);
  putBytes(value);
  putLength(pairs.length);
  for (const [name, own] of pairs) {
    putBytes(name);
    putBytes(own);
  }
  const end = at;
  const bytes = end - VARINT_BYTES_MAX;
  const start = VARINT_BYTES_MAX - Encoder.sizeOfVarInt(bytes);
  at = start;
  putLength(bytes);
  const record = new Encoder(1);
  record.buf = Buffer.from(scratch.subarray(start, end));
  record.offset = end - start;
  if (scratch.length > SCRATCH_KEPT_BYTES) scratch = Buffer.allocUnsafeSlow(65_536);
  return record;
};

/** Names as the last record had them, by their place: writers repeat themselves, and a name that is known need not be made. */
const names: string[] = [];
const NAMES_MAX = 64;
/** Longer ones are none of ours, and would be kept for as long as nothing else comes in their place. */
const NAME_BYTES_MAX = 64;

/**
 * The headers of a record, of which the rest of the bytes consists, as texts. One that comes more than once is joined by commas; one without a value, and
 * `__proto__`, which no writer of ours uses, is left out. Names and values are cut out of one text, as long as they are ASCII: each by itself costs a
 * buffer and a call.
 */
const readHeaders = (record: Decoder): Record<string, string> => {
  const { buffer, offset: from } = record;
  const all = buffer.toString('latin1', from);
  const textAt = (start: number, end: number): string => {
    for (let at = start; at < end; at += 1) if ((buffer[at] ?? 0) > 0x7f) return buffer.toString('utf8', start, end);
    return all.substring(start - from, end - from);
  };
  const headers: Record<string, string> = {};
  const count = record.readVarInt();
  for (let place = 0; place < count && record.offset < buffer.length; place += 1) {
    const nameBytes = record.readVarInt();
    const nameAt = record.offset;
    let name = names[place];
    if (name?.length !== nameBytes || !all.startsWith(name, nameAt - from)) {
      name = textAt(nameAt, nameAt + nameBytes);
      if (place < NAMES_MAX && nameBytes <= NAME_BYTES_MAX) names[place] = name;
    }
    record.offset += nameBytes;
    const valueBytes = record.readVarInt();
    if (valueBytes < 0) continue;
    const value = textAt(record.offset, record.offset + valueBytes);
    record.offset += valueBytes;
    const before = headers[name];
    // What every object has is no text.
    headers[name] = typeof before === 'string' ? `${before},${value}` : value;
  }
  return headers;
};

/** Reads a record of format 2. */
const readRecord = (record: Decoder, batchContext: BatchContext): object => {
  const { firstOffset, firstTimestamp, magicByte, isControlBatch = false, timestampType, maxTimestamp } = batchContext;
  const attributes = record.readInt8();
  const timestampDelta = record.readVarLong();
  const isOfLog = timestampType === LOG_APPEND_TIME && maxTimestamp !== undefined;
  const timestamp = isOfLog ? maxTimestamp : Long.fromValue(firstTimestamp).add(timestampDelta).toString();
  const offset = Long.fromValue(firstOffset).add(record.readVarInt()).toString();
  const key = record.readVarIntBytes();
  const value = record.readVarIntBytes();
  const headers = readHeaders(record);
  return { magicByte, attributes, timestamp, offset, key, value, headers, isControlRecord: isControlBatch, batchContext };
};

/** CRC-32C, eight bytes at a time where the client took one. */
const checksum = (bytes: Buffer): number => crc32c.buf(bytes) >>> 0;

const replace = (path: string, part: unknown): void => {
  require(path);
  const loaded = require.cache[require.resolve(path)];
  if (loaded !== undefined) loaded.exports = part;
};

// Before the client is loaded as a whole: its parts keep what they find.
replace(REPLACED.writeRecord, writeRecord);
replace(REPLACED.readRecord, readRecord);
replace(REPLACED.checksum, checksum);

/**
 * kafkajs 2.2.4 with four mends; the only way to the client. Nothing was released since 2023, and each of them costs a service more than its own work
 * does (ADR 0004):
 * - it looked for waiting requests every millisecond of a connection's life, 6 % of a core for a process at rest (its issues 1556, 1704, 1751);
 * - it made a zeroed buffer of 512 bytes for each header of a record it wrote, and an array and a buffer for each length;
 * - it took the checksum of what it sent byte by byte;
 * - it made two buffers and a text for each header of a record it read, and copied all of them for each one more. They are texts now: `headersOf`.
 */
export const kafkajs: typeof import('kafkajs') = require('kafkajs');

/** The headers of a message. */
export const headersOf = ({ headers = {} }: import('kafkajs').KafkaMessage): Record<string, string> => headers as Record<string, string>;
