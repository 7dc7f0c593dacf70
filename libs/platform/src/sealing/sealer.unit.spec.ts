import { aTestClock } from '@sallyport/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rootKeyFromEnvironment, rootKeyFromKms } from './root-key.adapters.js';
import { parseRootKey, rootKeyOf } from './root-key.port.js';
import { openSealer } from './sealer.js';

const NEW = { kid: 'new', bytes: Buffer.alloc(32, 1) };
const OLD = { kid: 'old', bytes: Buffer.alloc(32, 2) };

const aSealer = (...versions: readonly (typeof NEW)[]) =>
  openSealer({ rootKey: rootKeyOf(versions.length === 0 ? [NEW] : versions, 'spec'), clock: aTestClock() });

const OPEN_FAILED = expect.objectContaining({ code: 'sealing.open-failed' });
const FORMAT = /^v1\.new\.20261121\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/;

describe('sealing', () => {
  const sealer = aSealer();
  const tenant = fc.string({ minLength: 1 });

  test('what was sealed opens to the same bytes, and never reads the same twice', () => {
    fc.assert(
      fc.property(tenant, fc.uint8Array(), fc.string(), (tenantId, bytes, context) => {
        const sealed = sealer.seal(tenantId, bytes, context);
        expect(sealed).toMatch(/^v1\./);
        expect(sealer.open(tenantId, sealed, context).equals(bytes)).toBe(true);
        expect(sealer.seal(tenantId, bytes, context)).not.toBe(sealed);
      }),
    );
  });

  test('any changed character makes it fail', () => {
    const alphabet = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.');
    fc.assert(
      fc.property(fc.string(), fc.nat(), alphabet, (text, at, character) => {
        const sealed = sealer.seal('acme', text, 'call-1');
        const index = at % sealed.length;
        fc.pre(sealed[index] !== character);
        const changed = sealed.slice(0, index) + character + sealed.slice(index + 1);
        expect(() => sealer.open('acme', changed, 'call-1')).toThrow(OPEN_FAILED);
      }),
      { numRuns: 2_000 },
    );
  });

  test('another tenant and another context cannot open it', () => {
    fc.assert(
      fc.property(tenant, tenant, fc.string(), fc.string(), (mine, other, context, elsewhere) => {
        fc.pre(mine !== other && context !== elsewhere);
        const sealed = sealer.seal(mine, 'secret', context);
        expect(() => sealer.open(other, sealed, context)).toThrow(OPEN_FAILED);
        expect(() => sealer.open(mine, sealed, elsewhere)).toThrow(OPEN_FAILED);
      }),
    );
  });

  test.each(['', 'v1', 'v2.new.20261121.AAAAAAAAAAAAAAAA.AAAA', 'v1.new.20261121.AAAAAAAAAAAAAAAA.AAAA', 'v1.new.20261121.AAAA.AAAA'])(
    'refuses %j, which is no sealed value',
    (sealed) => {
      expect(() => sealer.open('acme', sealed, 'call-1')).toThrow(OPEN_FAILED);
    },
  );

  test('names its root key version and the day by the clock, in UTC', () => {
    expect(sealer.seal('acme', 'x', 'call-1')).toMatch(FORMAT);
  });

  test('after a rotation the new version seals and the old one still opens', () => {
    const before = aSealer(OLD).seal('acme', 'kept', 'call-1');
    const rotated = aSealer(NEW, OLD);
    expect(rotated.open('acme', before, 'call-1').toString()).toBe('kept');
    expect(rotated.seal('acme', 'x', 'call-1')).toMatch(FORMAT);
  });

  test('taking a version away erases what it sealed', () => {
    const before = aSealer(OLD).seal('acme', 'erased', 'call-1');
    expect(() => aSealer(NEW).open('acme', before, 'call-1')).toThrow(OPEN_FAILED);
  });
});

describe('keyed digests', () => {
  const sealer = aSealer();

  test('equal bytes give equal digests, and neither another tenant nor another purpose gives the same', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (bytes, one, other) => {
        fc.pre(one !== other);
        const digest = sealer.keyedDigest(one, 'params', bytes);
        expect(digest).toMatch(/^[A-Za-z0-9_-]{43}$/);
        expect(sealer.keyedDigest(one, 'params', Buffer.from(bytes))).toBe(digest);
        expect(sealer.keyedDigest(other, 'params', bytes)).not.toBe(digest);
        expect(sealer.keyedDigest('acme', one, bytes)).not.toBe(sealer.keyedDigest('acme', other, bytes));
      }),
    );
  });

  test('tenant and purpose cannot be shifted into each other', () => {
    expect(sealer.keyedDigest('a\nb', 'c', 'x')).not.toBe(sealer.keyedDigest('b', 'c\na', 'x'));
    expect(sealer.keyedDigest('b', 'c\na', 'x')).not.toBe(sealer.keyedDigest('a\nb', 'c', 'x'));
  });

  test('stay comparable over a rotation', () => {
    expect(aSealer(NEW, OLD).keyedDigest('acme', 'params', 'x')).toBe(aSealer(OLD).keyedDigest('acme', 'params', 'x'));
  });
});

describe('root keys', () => {
  const key = Buffer.alloc(32, 7).toString('base64');

  test('are read from the environment, newest first, named or not, in either base64', () => {
    const rootKey = rootKeyFromEnvironment('KEY', { KEY: `2026:${key},${Buffer.alloc(32, 8).toString('base64url')}` });
    expect(rootKey.versions.map(({ kid }) => kid)).toEqual(['2026', expect.stringMatching(/^[0-9a-f]{16}$/)]);
  });

  test.each([
    ['nothing', ''],
    ['only a comment', '# none'],
    ['a short key', Buffer.alloc(16).toString('base64')],
    ['a version twice', `a:${key} a:${key}`],
    ['a name with a dot', `a.b:${key}`],
  ])('refuse %s, without repeating the text', (_what, text) => {
    expect(() => parseRootKey(text, 'KEY')).toThrow(
      expect.objectContaining({ code: 'configuration.invalid', message: expect.not.stringContaining(key) }),
    );
  });

  test('are unwrapped by a key management service once, and seal like any other', async () => {
    const rootKey = await rootKeyFromKms({ unwrap: async ({ wrapped }) => Buffer.from(wrapped, 'base64').reverse() }, [
      { kid: 'kms-1', wrapped: key },
    ]);
    const sealer = openSealer({ rootKey, clock: aTestClock() });
    expect(sealer.open('acme', sealer.seal('acme', 'x', 'c'), 'c').toString()).toBe('x');
  });
});
