import { expect, test } from 'vitest';
import { RequestGuard } from './request-guard.js';

const publicGuard = new RequestGuard({
  publicUrl: 'https://gateway.example',
  allowedHosts: ['inside.example'],
  allowedOrigins: ['https://console.example'],
});
const localGuard = new RequestGuard({ publicUrl: 'http://127.0.0.1:8080', allowedHosts: [], allowedOrigins: [] });
const check =
  (guard: RequestGuard, headers: Record<string, string>, url = '/mcp') =>
  () =>
    guard.check({ headers, url });

test.each(['gateway.example', 'GATEWAY.example', 'gateway.example:443', 'inside.example'])('serves the host %s', (host) =>
  expect(check(publicGuard, { host })).not.toThrow(),
);
test.each(['evil.example', 'gateway.example.evil.example', '127.0.0.1', ''])('refuses the host %j', (host) =>
  expect(check(publicGuard, { host })).toThrow(expect.objectContaining({ code: 'request.host-refused' })),
);
test('refuses a request without a host', () =>
  expect(check(publicGuard, {})).toThrow(expect.objectContaining({ code: 'request.host-refused' })));
test('serves loopback names where it is a local gateway', () => {
  expect(check(localGuard, { host: 'localhost:8080' })).not.toThrow();
  expect(check(localGuard, { host: 'rebound.example:8080' })).toThrow();
});
test.each(['https://evil.example', 'null', 'http://gateway.example'])('refuses the origin %s', (origin) =>
  expect(check(publicGuard, { host: 'gateway.example', origin })).toThrow(expect.objectContaining({ code: 'request.origin-refused' })),
);
test.each(['https://gateway.example', 'https://console.example'])('serves the origin %s', (origin) =>
  expect(check(publicGuard, { host: 'gateway.example', origin })).not.toThrow(),
);
test('takes a page of another local port for a stranger', () => {
  expect(check(localGuard, { host: '127.0.0.1:8080', origin: 'http://localhost:8080' })).not.toThrow();
  expect(check(localGuard, { host: '127.0.0.1:8080', origin: 'http://localhost:3000' })).toThrow();
});
test('refuses a token in the address', () =>
  expect(check(publicGuard, { host: 'gateway.example' }, '/mcp?a=1&access_token=x')).toThrow(
    expect.objectContaining({ code: 'identity.token-invalid' }),
  ));
