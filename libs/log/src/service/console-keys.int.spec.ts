import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { JWT_CLAIMS } from '@sallyport/contracts';
import { CONSOLE_TOKEN_TYPE, consoleAudienceOf, parseConfiguration } from '@sallyport/platform';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryEventLog } from '../memory/memory-event-log.adapter.js';
import { openProcessRuntime } from './service-runtime.js';

/** An address that no name server knows: whoever asks there for keys gets none. */
const PUBLIC_URL = 'https://gateway.invalid';

const authenticatorWith = (gateway: string) =>
  openProcessRuntime({
    configuration: parseConfiguration({
      text: `tenants: [{ id: acme, name: Acme }]
identity: { issuers: [{ issuer: i, tokenSource: t, jwksFile: keys.json }] }
gateway: { ${gateway} }`,
      file: '/etc/sallyport/sallyport.yaml',
      env: {},
    }),
    log: new MemoryEventLog(),
    sharesProcess: false,
  }).authenticator;

/** A gateway's keys at an address of their own, and a token of a session signed with one of them. */
const publishedKeys = async () => {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'EdDSA' }] });
  const server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end(jwks));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address() as AddressInfo;
  const token = await new SignJWT({
    ...{ sid: 's', csrf: 'c', login_iss: 'https://login.example', login_source: 'login' },
    ...{ scope: 'sallyport:audit', [JWT_CLAIMS.tenant]: 'acme', [JWT_CLAIMS.mode]: 'interactive' },
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: CONSOLE_TOKEN_TYPE, kid: 'k' })
    .setIssuer(PUBLIC_URL)
    .setAudience(consoleAudienceOf(PUBLIC_URL))
    .setSubject('grace')
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(privateKey);
  return { port: address.port, headers: { authorization: `Console ${token}` } };
};

test('a service believes console sessions by the keys of `gateway.jwksUrl`, where the public URL is out of its reach', async () => {
  const { port, headers } = await publishedKeys();
  const authenticator = authenticatorWith(`publicUrl: '${PUBLIC_URL}', jwksUrl: 'http://127.0.0.1:${port}/keys'`);
  expect(await authenticator.authenticate(headers, `${PUBLIC_URL}/v1`)).toMatchObject({ subject: 'user:grace', tenantId: 'acme' });
});

test.each([
  ['nothing answers at `jwksUrl`', `publicUrl: '${PUBLIC_URL}', jwksUrl: 'http://127.0.0.1:1/keys'`, 'identity.keys-unavailable'],
  ['the public URL alone is there and out of reach', `publicUrl: '${PUBLIC_URL}'`, 'identity.keys-unavailable'],
  ['the public URL is one where others could answer', `publicUrl: 'http://gateway.invalid'`, 'identity.token-invalid'],
])('a service believes no console session where %s', async (_title, gateway, code) => {
  const { headers } = await publishedKeys();
  await expect(authenticatorWith(gateway).authenticate(headers, `${PUBLIC_URL}/v1`)).rejects.toMatchObject({ code });
});
