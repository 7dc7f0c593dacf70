import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskText } from './mask-text.js';

const untouched: Readonly<Record<string, readonly string[]>> = {
  'dates and times': [
    '2026-11-21',
    '2026-11-21T12:24:30.123Z',
    '2026-11-21T12:24:30.123456789+01:00',
    '21.11.2026 12:30',
    '01/02/2024',
    '01-02-2024 10:11:12',
    'Sat, 21 Nov 2026 12:24:30 GMT',
    '20261121T122430Z',
    '09:30-17:45',
    '20240102030405',
  ],
  counters: [
    '1732190400',
    '1732190400123',
    '1732190400123456',
    '1732190400123456789',
    '0',
    '42',
    '1234567',
    '123456789',
    '12345678901',
    '1796182347129384960',
  ],
  identifiers: [
    'f47ac10b-58cc-4372-a567-0e02b2c3d479',
    '01890a5d-ac96-774b-bcce-b302099a8057',
    '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'd670460b4b4aece5915caf5c68d12f560a9fe3e4',
    'e83c516',
    '4bf92f3577b34da6a3ce929d0e0e4736',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'ORD-2024-000123',
    'INV/2024/11/00042',
    'order 100234567',
    'SKU 0012345678',
    'PR #12345, issue 98765',
    'task-orchestration-with-several-workers-2024',
    'risk-assessment-for-the-whole-quarter-2024Q3',
    'sk-learn-contrib-and-other-packages',
  ],
  'numbers with a unit': [
    '$1,234,567.89',
    '+132/-16760',
    '0.0012  0.4328  0.0015  0.0015',
    '0300.0250.01.01',
    '1 234 567,89 EUR',
    '12.50',
    '3.14159265358979',
    '0.123456789',
    '1e-9',
    '100 000 000',
    '-273.15',
    '+1500000',
    '99.95%',
    '52.520008, 13.404954',
  ],
  'network addresses': [
    '192.168.100.200',
    '10.0.0.1:8080',
    '255.255.255.255',
    '2001:0db8:85a3:0000:0000:8a2e:0370:7334',
    '00:1b:63:84:45:e6',
    'http://127.0.0.1:8080/mcp',
    'https://example.com/a/b?c=1&d=2#e',
  ],
  versions: [
    '1.2.3',
    'v10.20.30-beta.1',
    'node v24.21.0',
    'lodash@4.17.21',
    '@scope/pkg@1.2.3-rc.one',
    'python 3.12.4',
    '2026.8.31',
    'GLIBC_2.17',
  ],
  colours: ['#ff8800', '#FFFFFFCC', 'rgb(255, 136, 0)', 'rgba(10,20,30,0.5)'],
  'at signs': [
    'git@github.com:org/repo.git',
    'icon@2x.png',
    '@app.route("/x")',
    '@Inject(TOKEN)',
    'follow @ada',
    'user@localhost',
    'a @ b',
    'x@',
  ],
  code: [
    'const token = getToken();',
    'function login(password: string): Promise<void> {}',
    'password = config.password',
    'if (token === undefined) return;',
    'export const API_KEY = process.env.API_KEY',
    'connect(password=password, user=user)',
    'api_key = os.environ["API_KEY"]',
    'password: \u0024{DB_PASSWORD}',
    'PASSWORD=$DB_PASSWORD',
    'secret: null',
    '"password": "********"',
    '"max_tokens": 4096, "progressToken": "abc-1", "nextPageToken": "CAoQAA"',
    'the password must hold eight characters',
    'Secret: the story of a garden',
    'for (let i = 0; i < 100000; i++) sum += 4096 * i;',
    'Bearer authentication is required',
    'Basic knowledge of mathematics',
    '-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQ\n-----END CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----',
    'postgres://localhost:5432/app',
    'postgres://\u0024{USER}:\u0024{PASSWORD}@localhost/app',
    'eyJ is how a token begins. eyJub3QiOiJhIHRva2VuIn0.abc.def',
  ],
  'binary in text': [
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    '<Buffer 01 02 03 04 05 06 07 08>',
    '08 07 06 05 04 03 02 01 00',
    'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7',
  ],
  masks: [
    '[pii.email]',
    '[secret.private-key]: x1y2z3',
    'password=[secret.provider-key]',
    'Authorization: Bearer [secret.jwt]',
    'postgres://ada:[secret.provider-key]@db.internal/x',
  ],
};

describe.each(Object.entries(untouched))('%s', (_, texts) => {
  test.each(texts)('leaves %j as it is', (text) => {
    expect(maskText(text)).toBe(text);
    expect(maskText(JSON.stringify({ value: text }))).toBe(JSON.stringify({ value: text }));
  });
});

const rare = (arbitrary: fc.Arbitrary<string>, allowed: number) => {
  const seed = 20_261_121;
  const samples = fc.sample(arbitrary, { numRuns: 10_000, seed });
  const changed = samples.filter((text) => maskText(text) !== text);
  expect(changed.length, `seed ${seed}: ${changed.slice(0, 5).join(' ')}`).toBeLessThanOrEqual(allowed);
};

describe('random values that are nobody’s', () => {
  test('UUIDs stay', () => rare(fc.uuid(), 0));
  test('timestamps stay', () =>
    rare(
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((d) => d.toISOString()),
      0,
    ));
  test('epoch milliseconds stay', () => rare(fc.integer({ min: 0, max: 2_000_000_000_000 }).map(String), 0));
  test('commit ids stay', () => rare(fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 }), 0));
  test('trace and span ids stay', () => {
    const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
    rare(hex(32), 0);
    rare(hex(16), 0);
    rare(
      fc.tuple(hex(32), hex(16)).map(([trace, span]) => `00-${trace}-${span}-01`),
      0,
    );
  });
  test('random ids in base64url stay', () =>
    rare(
      fc.string({
        unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'),
        minLength: 21,
        maxLength: 43,
      }),
      // One in a hundred thousand begins like a key of OpenAI, and nobody can tell it from one.
      2,
    ));
  test('addresses stay', () => rare(fc.ipV4(), 0));
  test('ULIDs stay', () => rare(fc.ulid(), 0));
  test('numbers of one to twelve digits stay', () =>
    rare(
      fc.maxSafeNat().map((n) => String(n % 1e12)),
      0,
    ));
  test('base64 stays', () => rare(fc.base64String({ minLength: 400, maxLength: 800 }), 0));
  test('words stay', () => rare(fc.lorem({ maxCount: 40 }), 0));
});
