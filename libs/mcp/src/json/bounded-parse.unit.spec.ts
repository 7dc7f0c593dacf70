import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonFault, parseBounded } from './bounded-parse.js';

const bounds = { maxDepth: 8, maxMembers: 100 };
const parse = (text: string) => parseBounded(Buffer.from(text), bounds);
const faultOf = (text: string | Buffer): string => {
  try {
    parseBounded(typeof text === 'string' ? Buffer.from(text) : text, bounds);
  } catch (error) {
    if (error instanceof JsonFault) return error.kind;
    throw error;
  }
  return 'none';
};

describe('a JSON text', () => {
  test('within its bounds is read as JSON.parse reads it', () => {
    const wide = { maxDepth: 100, maxMembers: 100_000 };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__'));
        expect(parseBounded(Buffer.from(text), wide)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('is held to its depth and size before anything is built', () => {
    expect(faultOf('[[[[[[[[1]]]]]]]]')).toBe('none');
    expect(faultOf('[[[[[[[[[1]]]]]]]]]')).toBe('too-deep');
    expect(faultOf('['.repeat(1_000_000))).toBe('too-deep');
    expect(faultOf(`[${'1,'.repeat(99)}1]`)).toBe('none');
    expect(faultOf(`[${'1,'.repeat(100)}1]`)).toBe('too-many-members');
    expect(faultOf(`"${'[{,:'.repeat(1_000)}"`)).toBe('none');
  });

  test('has each name once, however it is written', () => {
    expect(faultOf('{"a":1,"a":2}')).toBe('duplicate-name');
    expect(faultOf('{"a":1,"\\u0061":2}')).toBe('duplicate-name');
    expect(faultOf('{"a":{"b":[{"c":1,"c":1}]}}')).toBe('duplicate-name');
    expect(faultOf('{"a":{"a":{"a":1}},"b":{"a":1}}')).toBe('none');
    expect(faultOf('{"a:b":"c:d, {","e\\":":1}')).toBe('none');
  });

  test('cannot change what objects are', () => {
    expect(faultOf('{"__proto__":{"admin":true}}')).toBe('reserved-name');
    expect(faultOf('{"\\u005f_proto__":{"admin":true}}')).toBe('reserved-name');
    expect(parse('{"constructor":{"prototype":{}}}')).toEqual({ constructor: { prototype: {} } });
  });

  test('is well-formed text', () => {
    expect(faultOf('"\\ud800"')).toBe('lone-surrogate');
    expect(faultOf('{"\\udc00":1}')).toBe('lone-surrogate');
    expect(faultOf('"\\ud83d\\ude00"')).toBe('none');
    expect(faultOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe('encoding');
    expect(faultOf('\ufeff{}')).toBe('syntax');
  });

  test('keeps the numbers it came with, where that is asked for', () => {
    const exact = { ...bounds, exactNumbers: true };
    const inexact = expect.objectContaining({ kind: 'inexact-number' });
    for (const text of ['[12345678901234567890]', '{"a":-9007199254740993}', '1e400'])
      expect(() => parseBounded(Buffer.from(text), exact)).toThrow(inexact);
    for (const text of ['9007199254740993', '1e400']) expect(() => parse(text)).not.toThrow();
    for (const text of ['9007199254740991', '18014398509481984', '1e20', '0.30000000000000004', '["12345678901234567890\\"", 1e20]'])
      expect(() => parseBounded(Buffer.from(text), exact)).not.toThrow();
  });

  test('that is faulty is not quoted in the fault', () => {
    expect(() => parse('{"password": hunter2}')).toThrow(/^not JSON$/);
  });
});
