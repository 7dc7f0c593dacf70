import { expect, test } from 'vitest';
import { ConsoleCookies, consoleCookieNamesOf, cookieOf } from './console-cookies.js';
import { csrfDigestOf } from './console-token.js';

const PUBLIC_URL = 'https://gateway.test';
const CSRF = 'c'.repeat(43);
const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');
const CLAIMS = { sid: 'session', csrf: csrfDigestOf(CSRF), login_iss: 'https://login.test', login_source: 'login', exp: 1_000 };
const tokenOf = (claims: object): string => `${part({ alg: 'EdDSA' })}.${part(claims)}.c2ln`;
const TOKEN = tokenOf(CLAIMS);
const COOKIE = `other=1; __Secure-sallyport-access=${TOKEN}`;

const cookies = new ConsoleCookies(PUBLIC_URL);
const READ = { method: 'GET', route: '/v1/audit/calls' };
const CHANGE = { method: 'PUT', route: '/v1/controls' };
const FROM_PAGE = { cookie: COOKIE, origin: PUBLIC_URL, 'sallyport-csrf': CSRF, 'sec-fetch-site': 'same-origin' };

test('the cookie speaks for a request of a page of the console, until its token ends', () => {
  for (const request of [
    { ...READ, headers: { cookie: COOKIE } },
    { ...CHANGE, headers: { ...FROM_PAGE } },
  ]) {
    expect(cookies.admit(request)).toBe(1_000_000);
    expect(request.headers).toMatchObject({ authorization: `Console ${TOKEN}` });
  }
});

test.each([
  ['POST', '/v1/invoke'],
  ['POST', '/mcp'],
  ['POST', '/mcp/:server'],
  ['GET', '/console/session'],
  ['GET', '/v1'],
  ['GET', undefined],
])('the cookie speaks for nothing at %s %s', (method, route) => {
  const headers: Record<string, string> = { ...FROM_PAGE };
  expect(cookies.admit({ method, route, headers })).toBeNull();
  expect(headers.authorization).toBeUndefined();
});

test('other credentials stand for themselves, and nobody outside names a session', () => {
  const headers = { ...FROM_PAGE, authorization: 'Bearer abc' };
  expect(cookies.admit({ ...CHANGE, headers })).toBeNull();
  expect(headers.authorization).toBe('Bearer abc');
  for (const authorization of [`Console ${TOKEN}`, 'console x', ' CONSOLE'])
    expect(() => cookies.admit({ method: 'POST', route: '/mcp', headers: { authorization } })).toThrow(
      expect.objectContaining({ code: 'identity.token-invalid' }),
    );
});

test.each<[string, Record<string, string | undefined>]>([
  ['no Origin', { origin: undefined }],
  ['a foreign Origin', { origin: 'https://gateway.test.evil.example' }],
  ['the Origin of another port', { origin: 'https://gateway.test:8443' }],
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['the address line', { 'sec-fetch-site': 'none' }],
  ['no secret of the page', { 'sallyport-csrf': undefined }],
  ['another secret', { 'sallyport-csrf': 'd'.repeat(43) }],
  ['the digest in place of the secret', { 'sallyport-csrf': CLAIMS.csrf }],
])('changes nothing with %s', (_, over) => {
  const sent: Record<string, string | undefined> = { ...FROM_PAGE, ...over };
  const headers = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined));
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE'])
    expect(() => cookies.admit({ ...CHANGE, method, headers })).toThrow(expect.objectContaining({ code: 'console.cross-site' }));
});

test('a cookie that is there twice is nobody’s, and one that is no token of a session is refused', () => {
  expect(cookieOf(`${COOKIE}; __Secure-sallyport-access=planted`, '__Secure-sallyport-access')).toBeNull();
  const { csrf: _without, ...rest } = CLAIMS;
  for (const token of ['x', tokenOf({}), tokenOf(rest), tokenOf({ ...CLAIMS, sid: 'no table holds \u0000' })])
    expect(() => cookies.admit({ ...READ, headers: { cookie: `__Secure-sallyport-access=${token}` } })).toThrow(
      expect.objectContaining({ code: 'identity.token-invalid' }),
    );
});

test('over https names carry the prefixes that keep plain http and other hosts from setting them', () => {
  expect(Object.values(consoleCookieNamesOf(PUBLIC_URL))).toEqual([
    '__Host-sallyport-session',
    '__Host-sallyport-login',
    '__Secure-sallyport-access',
  ]);
});
