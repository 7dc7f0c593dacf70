import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inspect, inspectAndMask, mask, UNINSPECTED } from './inspect.js';

const everything = () => true;

describe('inspecting a JSON value', () => {
  test('names labels and places, and shows no value', () => {
    const value = { to: ['ada@example.com', 'x'], 'a/b': { card: 4111111111111111 }, note: 'bob@example.com or eve@example.com' };
    const inspection = inspect(value);
    expect(inspection).toEqual({
      labels: ['pii.card', 'pii.email'],
      findings: [
        { path: '/to/0', label: 'pii.email', detector: 'email-address', count: 1 },
        { path: '/a~1b/card', label: 'pii.card', detector: 'payment-card', count: 1 },
        { path: '/note', label: 'pii.email', detector: 'email-address', count: 2 },
      ],
      findingsOmitted: 0,
      complete: true,
    });
  });

  test('shows a key with a finding masked in the path, even when only other labels are masked', () => {
    const { findings, value } = inspectAndMask({ 'ada@example.com': { card: '4111111111111111' } }, (label) => label === 'pii.card');
    expect(findings.map(({ path }) => path)).toEqual(['/[pii.email]', '/[pii.email]/card']);
    expect(value).toEqual({ 'ada@example.com': { card: '[pii.card]' } });
  });

  test('keeps masked keys unique and every value under its own', () => {
    const { value } = inspectAndMask({ 'a@example.com': 1, '[pii.email]': 2, 'b@example.com': 3, c: 4 }, everything);
    expect(Object.entries(value as object)).toEqual([
      ['[pii.email]', 1],
      ['[pii.email]#2', 2],
      ['[pii.email]#3', 3],
      ['c', 4],
    ]);
  });

  test('takes the key for what it says about the value', () => {
    expect(
      mask({ password: 'hunter2', phone: 4155552671, tel: ['030123456'], ssn: '078051120', token: 'next', count: 4155552671 }).value,
    ).toEqual({
      password: '[secret.provider-key]',
      phone: '[pii.phone]',
      tel: ['[pii.phone]'],
      ssn: '[pii.national-id]',
      token: 'next',
      count: 4155552671,
    });
    expect(
      mask([
        { name: 'DB_PASSWORD', value: 'hunter2' },
        { name: 'PORT', value: '5432' },
      ]).value,
    ).toEqual([
      { name: 'DB_PASSWORD', value: '[secret.provider-key]' },
      { name: 'PORT', value: '5432' },
    ]);
  });

  test('gives the same reference back when nothing was masked, and shares what did not change', () => {
    const clean = { a: [1, 'x', null, true], b: { c: 'nothing here' } };
    expect(mask(clean).value).toBe(clean);
    const value = { clean, to: 'ada@example.com' };
    const masked = mask(value).value as typeof value;
    expect(masked).not.toBe(value);
    expect(masked.clean).toBe(clean);
    expect(value.to).toBe('ada@example.com');
  });

  test('treats __proto__ as data', () => {
    const value: unknown = JSON.parse('{"__proto__":{"to":"ada@example.com"},"x":"ada@example.com"}');
    const masked = mask(value).value;
    expect(JSON.stringify(masked)).toBe('{"__proto__":{"to":"[pii.email]"},"x":"[pii.email]"}');
  });

  test('says when it did not look at everything, and masks what it did not look at', () => {
    let deep: unknown = 'ada@example.com';
    for (let i = 0; i < 100; i++) deep = [deep];
    expect(inspect(deep).complete).toBe(false);
    const masked = inspectAndMask(deep, everything);
    expect(masked.complete).toBe(false);
    expect(JSON.stringify(masked.value)).toContain(UNINSPECTED);
    expect(JSON.stringify(masked.value)).not.toContain('ada@');
    const wide = inspectAndMask(['x', 'y', 'ada@example.com'], everything, { nodesMax: 3 });
    expect(wide).toMatchObject({ complete: false, value: ['x', 'y', UNINSPECTED] });
  });

  test('lists at most the places asked for, counts the rest and keeps every label', () => {
    const value = [...Array.from({ length: 20 }, (_, i) => `user${i}@example.com`), '4111111111111111'];
    const { findings, findingsOmitted, labels, redactions } = inspectAndMask(value, everything, { findingsMax: 5 });
    expect([findings.length, findingsOmitted, redactions.length]).toEqual([5, 16, 5]);
    expect(labels).toEqual(['pii.card', 'pii.email']);
  });

  test('leaves binary content alone, and looks into text content', () => {
    const image = Buffer.alloc(600, 'ada@example.com').toString('base64');
    const binary = { type: 'image', mimeType: 'image/png', data: image };
    expect(mask(binary).value).toBe(binary);
    expect(mask({ mimeType: 'image/png', data: 'ada@example.com' }).value).toEqual({ mimeType: 'image/png', data: '[pii.email]' });
    const blob = Buffer.from('write to ada@example.com, ü').toString('base64');
    const masked = mask({ uri: 'file:///a', mimeType: 'text/plain', blob }).value as { blob: string };
    expect(Buffer.from(masked.blob, 'base64').toString()).toBe('write to [pii.email], ü');
  });

  test('uses the detector and the skip it is given', () => {
    const detector = {
      detect: (text: string) => (text === 'x' ? [{ label: 'pii.phone' as const, detector: 'own', start: 0, end: 1 }] : []),
    };
    expect(mask({ a: 'x', b: 'x' }, 'all', { detector, skip: (_, key) => key === 'b' }).value).toEqual({ a: '[pii.phone]', b: 'x' });
  });

  const texts = fc.constantFrom(
    'ada@example.com',
    '4111111111111111',
    'plain',
    '',
    '078-05-1120',
    'AKIAIOSFODNN7EXAMPLE',
    '[pii.email]',
    '__proto__',
    'password',
    'name',
    'value',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      texts,
      fc.constantFrom<unknown>(null, true, 1, 1.5, 4111111111111111),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(texts, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));

  test('masking twice equals masking once, in one walk or two, and no value is left', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const before = JSON.stringify(value);
        const once = inspectAndMask(value, everything);
        expect(JSON.stringify(value)).toBe(before);
        expect(mask(once.value).value).toBe(once.value);
        expect(inspect(once.value).labels).toEqual([]);
        const shown = JSON.stringify(once);
        for (const secret of ['ada@', '4111', '078-05', 'AKIA']) expect(shown).not.toContain(secret);
        expect(inspect(value).findings).toEqual(once.findings);
      }),
      { numRuns: 5_000 },
    );
  });
});
