import { mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aTestClock } from '@sallyport/testing';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authenticator } from './authenticator.js';
import type { IssuerSettings } from './issuer-settings.js';
import { localKeySet } from './key-set.adapters.js';

const PUBLIC_URL = 'https://gateway.test';
const CLAIMS = { tenant: 'tenant', workflow: 'workflow', mode: 'mode', environment: 'environment' };

interface Issuer {
  readonly settings: IssuerSettings;
  readonly key: CryptoKey;
  readonly jwk: JWK;
  readonly file: string;
}

const clock = aTestClock();
const folder = mkdtempSync(join(tmpdir(), 'sallyport-issuers-'));

const anIssuer = async (name: string, over: Partial<IssuerSettings> = {}): Promise<Issuer> => {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  const jwk = { ...(await exportJWK(publicKey)), kid: name, alg: 'EdDSA' };
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ keys: [jwk] }));
  const settings: IssuerSettings = {
    ...{ issuer: `https://${name}.test`, tokenSource: name, jwksFile: file, algorithms: ['EdDSA'], clockSkewSeconds: 5, claims: CLAIMS },
    ...over,
  };
  return { settings, key: privateKey, jwk, file };
};

const tokenOf = ({ settings, key, jwk }: Issuer, claims: Readonly<Record<string, unknown>> = {}): Promise<string> => {
  const now = Math.floor(clock.nowMs() / 1_000);
  return new SignJWT({ iss: settings.issuer, sub: 'ada', aud: PUBLIC_URL, iat: now, exp: now + 300, tenant: 'acme', ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid })
    .sign(key);
};

const authenticatorOf = (...issuers: readonly Issuer[]): Authenticator =>
  new Authenticator({
    issuers: issuers.map(({ settings }) => settings),
    tenants: ['acme', 'globex'],
    publicUrl: PUBLIC_URL,
    consoleKeys: localKeySet({ keys: [] }),
    clock,
  });
const enter = async (authenticator: Authenticator, token: string) =>
  authenticator.authenticate({ authorization: `Bearer ${token}` }, `${PUBLIC_URL}/mcp`);

test('an issuer speaks for the tenants of its entry alone, and for none that is not declared', async () => {
  const issuer = await anIssuer('one', { tenants: ['acme'] });
  const authenticator = authenticatorOf(issuer);
  expect(await enter(authenticator, await tokenOf(issuer))).toMatchObject({ tenantId: 'acme', subject: 'user:ada' });
  for (const tenant of ['globex', 'nobody', '*', ['acme', 'globex'], '']) {
    await expect(enter(authenticator, await tokenOf(issuer, { tenant }))).rejects.toMatchObject({ code: 'identity.token-invalid' });
  }
});

test('an issuer that is trusted signs nothing in the name of another', async () => {
  const [own, other] = [await anIssuer('own', { tenants: ['acme'] }), await anIssuer('other', { tenants: ['globex'] })];
  const authenticator = authenticatorOf(own, other);
  const forged = await tokenOf(other, { iss: own.settings.issuer });
  await expect(enter(authenticator, forged)).rejects.toMatchObject({ code: 'identity.token-invalid' });
});

test('a token that was verified once is good until it ends and no longer', async () => {
  const issuer = await anIssuer('ending');
  const authenticator = authenticatorOf(issuer);
  const token = await tokenOf(issuer);
  await enter(authenticator, token);
  clock.advance(290_000);
  await enter(authenticator, token);
  clock.advance(16_000);
  await expect(enter(authenticator, token)).rejects.toMatchObject({ detail: { description: 'the token has expired' } });
});

test('keys in a file are exchanged without a restart, and tokens of the old ones are not verified anew', async () => {
  const [old, fresh] = [await anIssuer('kept'), await anIssuer('kept')];
  writeFileSync(old.file, JSON.stringify({ keys: [old.jwk] }));
  const authenticator = authenticatorOf(old);
  await enter(authenticator, await tokenOf(old));
  writeFileSync(old.file, JSON.stringify({ keys: [fresh.jwk] }));
  utimesSync(old.file, new Date(), new Date(Date.now() + 10_000));
  clock.advance(2_000);
  await enter(authenticator, await tokenOf(fresh));
  await expect(enter(authenticator, await tokenOf(old, { jti: 'another' }))).rejects.toMatchObject({ code: 'identity.token-invalid' });
});

describe('keys that are fetched', () => {
  let server: Server;
  let url = '';
  let fetches: string[] = [];
  let keys: readonly JWK[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      fetches.push(request.url ?? '');
      if (request.url === '/elsewhere') response.writeHead(302, { location: '/keys' }).end();
      else if (request.url === '/broken') response.writeHead(500).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('no port');
    url = `http://127.0.0.1:${address.port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  const fetching = async (path: string): Promise<Issuer> => {
    const { settings, ...issuer } = await anIssuer('fetched');
    keys = [issuer.jwk];
    fetches = [];
    const { jwksFile: _file, ...rest } = settings;
    return { ...issuer, settings: { ...rest, jwksUrl: `${url}${path}` } };
  };

  test('cause no storm: tokens of unknown keys are refused without asking for each', async () => {
    const issuer = await fetching('/keys');
    const authenticator = authenticatorOf(issuer);
    await enter(authenticator, await tokenOf(issuer));
    for (let n = 0; n < 20; n++) {
      const unknown = { ...issuer, jwk: { ...issuer.jwk, kid: `unknown-${n}` } };
      await expect(enter(authenticator, await tokenOf(unknown))).rejects.toMatchObject({ code: 'identity.token-invalid' });
    }
    expect(fetches).toHaveLength(1);
  });

  test('are fetched from their own address only: a redirect is not followed', async () => {
    const issuer = await fetching('/elsewhere');
    await expect(enter(authenticatorOf(issuer), await tokenOf(issuer))).rejects.toMatchObject({ code: 'identity.keys-unavailable' });
    expect(fetches).toEqual(['/elsewhere']);
  });

  test('let nobody in while they cannot be had', async () => {
    const issuer = await fetching('/broken');
    await expect(enter(authenticatorOf(issuer), await tokenOf(issuer))).rejects.toMatchObject({ code: 'identity.keys-unavailable' });
  });
});
