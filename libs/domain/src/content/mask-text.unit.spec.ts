import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInDetector } from './built-in-detector.js';
import { CONTENT_LABELS, maskOf } from './content-detector.port.js';
import { maskFindings, maskText } from './mask-text.js';

describe('masking a text', () => {
  test('replaces the value and nothing beside it', () => {
    expect(maskText('write to ada@example.com, today')).toBe('write to [pii.email], today');
    expect(maskText('Authorization: Bearer abcdefghijklmnop1234')).toBe('Authorization: Bearer [secret.provider-key]');
    expect(maskText('postgres://ada:hunter22@db.internal:5432/app')).toBe('postgres://ada:[secret.provider-key]@db.internal:5432/app');
    expect(maskText('https://example.org/find?mail=ada%40example.com&x=1')).toBe('https://example.org/find?mail=[pii.email]&x=1');
    expect(maskText('call +44 (0)20 7946 0958 (day)')).toBe('call [pii.phone] (day)');
  });

  test('keeps JSON in a text parseable, numbers and escapes included', () => {
    const inner = JSON.stringify({
      card: 4111111111111111,
      list: [5555555555554444, 1],
      note: 'line\nada@example.com\n"quoted"',
      password: 'a"b\\c1',
    });
    const outer = JSON.stringify({ inner, deeper: JSON.stringify({ inner }) });
    expect(JSON.parse(maskText(inner))).toEqual({
      card: '[pii.card]',
      list: ['[pii.card]', 1],
      note: 'line\n[pii.email]\n"quoted"',
      password: '[secret.provider-key]',
    });
    const read = JSON.parse(maskText(outer));
    expect(JSON.parse(read.inner).note).toBe('line\n[pii.email]\n"quoted"');
    expect(JSON.parse(JSON.parse(read.deeper).inner).card).toBe('[pii.card]');
  });

  test('a private key without its last line is masked as far as it reaches', () => {
    expect(maskText('key: -----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabc+/=\n')).toBe('key: [secret.private-key]\n');
  });

  test('masks only the labels asked for', () => {
    const text = 'ada@example.com paid with 4111 1111 1111 1111';
    const { text: masked, found, masked: redacted } = maskFindings(builtInDetector, text, (label) => label === 'pii.card');
    expect(masked).toBe('ada@example.com paid with [pii.card]');
    expect(found.map(({ label }) => label)).toEqual(['pii.email', 'pii.card']);
    expect(redacted.map(({ label }) => label)).toEqual(['pii.card']);
  });

  const fragment = fc.constantFrom(
    'ada@example.com',
    '4111 1111 1111 1111',
    '+49 30 901820',
    'password=',
    '"token":"',
    'AKIAIOSFODNN7EXAMPLE',
    'eyJhbGciOiJub25lIn0.e30.',
    'DE89370400440532013000',
    '078-05-1120',
    '-----BEGIN PRIVATE KEY-----',
    '-----END PRIVATE KEY-----',
    'postgres://a:',
    '@',
    ' ',
    '"',
    '\\',
    '\\n',
    '\\u0040',
    '\u200b',
    '1',
    '-',
    '.',
    ':',
    '=',
    'x',
    ...CONTENT_LABELS.map(maskOf),
  );
  const texts = fc.oneof(
    fc
      .array(fc.oneof(fragment, fc.string({ maxLength: 6 }), fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 16 })
      .map((parts) => parts.join('')),
    fc.string({ maxLength: 200 }),
  );

  test('masking twice equals masking once', () => {
    fc.assert(
      fc.property(texts, (text) => maskText(maskText(text)) === maskText(text)),
      { numRuns: 20_000 },
    );
  });

  test('changes exactly the texts that have findings, and those lie in order inside the text', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const findings = builtInDetector.detect(text);
        let from = 0;
        for (const { start, end } of findings) {
          if (start < from || end <= start || end > text.length) return false;
          from = end;
        }
        if (findings.length === 0) return maskText(text) === text;
        return maskText(text) !== text;
      }),
      { numRuns: 20_000 },
    );
  });

  test('comes to an end on hostile texts', () => {
    for (const unit of [
      'a@',
      '@a.',
      '1 1',
      '4111-',
      '+1 ',
      'eyJ.eyJ',
      'password="',
      'password=a,',
      'sk-',
      'AKIA',
      '-----BEGIN PRIVATE KEY-----',
      '\\',
      '\\"',
      'a://b:',
      'secret key ',
      'Bearer ',
      '\u200b@',
      '\uff11',
    ]) {
      const text = unit.repeat(Math.ceil(65_536 / unit.length));
      expect(typeof maskText(text)).toBe('string');
    }
  });
});
