import { strict as assert } from 'node:assert';
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { REPLACED, type WrittenRecord } from './kafkajs.js';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder.js');
const RequestQueue = require('kafkajs/src/network/requestQueue/index.js');

interface Written {
  readonly buffer: Buffer;
}
type WriteRecord = (record: WrittenRecord) => Written;
interface ReadRecordResult<H> {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, H>>;
}
type HeaderBytes = Buffer | readonly Buffer[];
type ReadRecord<H> = (decoder: unknown, context: object) => ReadRecordResult<H>;

/** A part as the client came with it. */
const original = <T>(path: string): T => {
  const at = require.resolve(path);
  const kept = require.cache[at];
  delete require.cache[at];
  const part: T = require(path);
  require.cache[at] = kept;
  return part;
};

// The client took a header named like a method of every object for one that comes twice.
const headerName = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).filter((name) => !(name in Object.prototype));
const headerValue = fc.oneof(
  fc.string({ maxLength: 200, unit: 'grapheme' }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
const anyRecord: fc.Arbitrary<WrittenRecord> = fc.record({
  offsetDelta: fc.nat({ max: 100_000 }),
  timestampDelta: fc.nat({ max: 2 ** 31 - 1 }),
  key: fc.oneof(fc.constant(null), fc.string({ maxLength: 100, unit: 'grapheme' })),
  value: fc.oneof(fc.constant(null), fc.string({ maxLength: 5_000, unit: 'grapheme' })),
  headers: fc.dictionary(headerName, fc.oneof(headerValue, fc.array(headerValue, { minLength: 2, maxLength: 3 })), {
    noNullPrototype: true,
  }),
});

const writeRecord: WriteRecord = require(REPLACED.writeRecord);
const readRecord: ReadRecord<string> = require(REPLACED.readRecord);
const CONTEXT = {
  firstOffset: '9007199254740993',
  firstTimestamp: '1795812825518',
  magicByte: 2,
  timestampType: 0,
  maxTimestamp: '1795812825999',
};

/** Without the length, which the reader of a batch takes off. */
const bodyOf = ({ buffer }: Written): unknown => {
  const decoder = new Decoder(buffer);
  return new Decoder(decoder.readVarIntBytes());
};

describe('kafkajs, mended', () => {
  it('writes every record byte for byte as the client did', () => {
    const writeAsBefore = original<WriteRecord>(REPLACED.writeRecord);
    fc.assert(
      fc.property(anyRecord, (record) => {
        assert.deepEqual(writeRecord(record).buffer, writeAsBefore(record).buffer);
      }),
    );
  });

  it('takes the checksum that the client took', () => {
    const [now, before] = [require(REPLACED.checksum), original<(bytes: Buffer) => number>(REPLACED.checksum)];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        assert.equal(now(Buffer.from(bytes)), before(Buffer.from(bytes)));
      }),
    );
  });

  it('reads every record as the client did, its headers as texts', () => {
    const readAsBefore = original<ReadRecord<HeaderBytes>>(REPLACED.readRecord);
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 4 }), fc.constantFrom(0, 1), (records, timestampType) => {
        const context = { ...CONTEXT, timestampType };
        for (const record of records) {
          const written = writeRecord(record);
          const { headers, ...now } = readRecord(bodyOf(written), context);
          const { headers: bytes, ...before } = readAsBefore(bodyOf(written), context);
          assert.deepEqual(now, before);
          const texts = Object.entries(bytes).map(([name, value]) => [name, [value].flat().map(String).join(',')]);
          assert.deepEqual(Object.entries(headers), texts);
        }
      }),
    );
  });

  it('takes a header named like a part of every object for a header, and one that would replace them for none', () => {
    const headers = { ['__proto__']: 'x', toString: 'y', constructor: 'z' };
    const read = readRecord(bodyOf(writeRecord({ key: 'k', value: 'v', headers })), CONTEXT).headers;
    assert.deepEqual(Object.entries(read), [
      ['toString', 'y'],
      ['constructor', 'z'],
    ]);
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
  });

  it('leaves out a header without a value, and ends where the bytes do whatever number of headers they name', () => {
    const bytes = (...parts: readonly (number | string)[]): Buffer =>
      Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));
    // Attributes, delta of time, delta of offset, no key, no value; lengths and counts are written as twice what they are.
    const body = bytes(0, 0, 0, 1, 1, ...[0xfe, 0xff, 0xff, 0xff, 0x0f], 2, 'a', 1, 2, 'b', 2, 'c');
    assert.deepEqual(readRecord(new Decoder(body), CONTEXT).headers, { b: 'c' });
  });

  it('sets no timer on a connection where nothing waits', () => {
    const requests = new RequestQueue({
      maxInFlightRequests: 1,
      requestTimeout: 1_000,
      enforceRequestTimeout: false,
      clientId: 'test',
      broker: 'test',
      logger: { debug: () => {}, warn: () => {} },
      instrumentationEmitter: new EventEmitter(),
    });
    requests.checkPendingRequests();
    assert.equal(requests.throttleCheckTimeoutId, null);
  });

  it('sends what waits as soon as the broker no longer asks for rest', async () => {
    const requests = new RequestQueue({
      maxInFlightRequests: 1,
      requestTimeout: 10_000,
      enforceRequestTimeout: false,
      clientId: 'test',
      broker: 'test',
      logger: { debug: () => {}, warn: () => {} },
      instrumentationEmitter: new EventEmitter(),
    });
    requests.maybeThrottle(30);
    await new Promise<void>((resolve) => {
      requests.push({ entry: { correlationId: 1, apiKey: 0, apiName: 'Test', apiVersion: 0 }, expectResponse: true, sendRequest: resolve });
    });
    assert.equal(requests.pending.length, 0);
  });
});
