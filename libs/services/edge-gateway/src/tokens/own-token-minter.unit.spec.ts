import { chmodSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { systemIdSource } from '@sallyport/platform';
import { aTestClock } from '@sallyport/testing';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { expect, test } from 'vitest';
import { OwnTokenMinter, type SigningKey, signingKeyFromFile, signingKeyFromText } from './own-token-minter.adapter.js';

const principal = {
  subject: 'user:ada',
  actors: ['agent:inner', 'agent:outer'],
  tenantId: 'acme',
  issuer: 'https://issuer.test',
  scopes: [],
  mode: 'interactive',
  clientId: null,
  environment: 'test',
  tokenSource: 'test',
  workflow: null,
};
const keyFile = () => join(mkdtempSync(join(tmpdir(), 'sallyport-key-')), 'deep', 'key.json');

test('mints tokens that anybody can verify by the published keys: one audience, one scope, at most 60 s, who acts for whom', async () => {
  const clock = aTestClock();
  const key = await signingKeyFromFile(keyFile());
  const minter = new OwnTokenMinter({ issuer: 'https://gateway.test', key, clock, ids: systemIdSource, lifetimeSeconds: 3_600 });
  const { token, tokenId } = await minter.mint({ principal, audience: 'https://crm.test', scope: 'crm/read', callId: 'c1' });
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...minter.keySet.keys] }), {
    issuer: 'https://gateway.test',
    audience: 'https://crm.test',
    typ: 'at+jwt',
    currentDate: new Date(clock.nowMs()),
  });
  expect(payload).toMatchObject({
    sub: 'user:ada',
    scope: 'crm/read',
    txn: 'c1',
    jti: tokenId,
    act: { sub: 'agent:inner', act: { sub: 'agent:outer' } },
  });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
});

test('makes a key once, for its owner alone, and publishes no private part', async () => {
  const file = keyFile();
  const keys = await Promise.all(Array.from({ length: 50 }, () => signingKeyFromFile(file)));
  const [first] = keys as [SigningKey, ...SigningKey[]];
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
  expect(readdirSync(dirname(file))).toEqual([basename(file)]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(Object.keys(first.publicJwk)).not.toContain('d');
});

test('refuses a key that other accounts can read', async () => {
  const file = keyFile();
  await signingKeyFromFile(file);
  chmodSync(file, 0o644);
  await expect(signingKeyFromFile(file)).rejects.toMatchObject({ code: 'configuration.invalid' });
});

test.each([
  '{}',
  'not json',
  '{"kty":"oct","k":"AAAA"}',
  '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AAAA"}',
  '{"kty":"OKP","crv":"Ed25519","x":"AAAAAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}',
])('refuses %s as a key', async (text) => expect(signingKeyFromText(text)).rejects.toMatchObject({ code: 'configuration.invalid' }));
