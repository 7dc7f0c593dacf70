import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '@sallyport/testing';
import type { Stranger } from './hostile-request.js';

const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Tokens of every kind that must not open anything, and other things that stand where a token should. */
export const strangersOf = async (cluster: Cluster): Promise<readonly Stranger[]> => {
  const ada = { subject: 'ada', agent: 'triage' };
  const good = await cluster.token(ada);
  const [header = '', payload = '', signature = ''] = good.split('.');
  const now = Math.floor(Date.now() / 1_000);
  const keySet = readFileSync(join(cluster.folder, 'story-issuer.jwks.json'), 'utf8');
  const own = generateKeyPairSync('ed25519');
  const ownJwk = own.publicKey.export({ format: 'jwk' });
  /** Signed with a key nobody trusts, under a header of the attacker's choice. */
  const selfSigned = (more: Readonly<Record<string, unknown>>): string => {
    const text = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid: 'test', ...more })}.${payload}`;
    return `${text}.${sign(null, Buffer.from(text), own.privateKey).toString('base64url')}`;
  };
  const withMac = (secret: string, alg: string): string => {
    const text = `${encode({ alg, typ: 'at+jwt', kid: 'test' })}.${payload}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const claims = async (title: string, put: Readonly<Record<string, unknown>>): Promise<[string, string]> => [
    `claims: ${title}`,
    await cluster.token({ ...ada, claims: put }),
  ];
  const depth = (levels: number): unknown => (levels === 0 ? undefined : { sub: `agent-${levels}`, act: depth(levels - 1) });
  const tokens: [string, string][] = [
    ['alg none', `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`],
    ['alg None', `${encode({ alg: 'None', typ: 'at+jwt' })}.${payload}.`],
    ['alg none with a signature', `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.${signature}`],
    ['HS256 with the published key set as the secret', withMac(keySet, 'HS256')],
    ['HS256 with the public key as the secret', withMac(String(JSON.parse(keySet).keys[0].x), 'HS256')],
    ['HS256 with an empty secret', withMac('', 'HS256')],
    ['RS256 that is a MAC', withMac(keySet, 'RS256')],
    ['ES256 with another kind of signature', `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'test' })}.${payload}.${signature}`],
    ['signed by a stranger', await cluster.token(ada, 'stranger')],
    ['signed with a key it brings (jwk)', selfSigned({ jwk: ownJwk })],
    ['a key from elsewhere (jku)', selfSigned({ jku: 'http://127.0.0.1:9/keys.json' })],
    ['a certificate from elsewhere (x5u)', selfSigned({ x5u: 'http://127.0.0.1:9/cert.pem', x5c: ['MIIB'] })],
    ['kid is a path', selfSigned({ kid: '../../../../dev/null' })],
    ['kid is SQL', selfSigned({ kid: "' UNION SELECT 'x' --" })],
    ['kid is a URL', selfSigned({ kid: 'http://127.0.0.1:9/key' })],
    ['kid is an object', selfSigned({ kid: { $ne: null } })],
    ['kid is unknown', selfSigned({ kid: 'another' })],
    ['kid is __proto__', selfSigned({ kid: '__proto__' })],
    ['an unknown critical header', selfSigned({ crit: ['exp'], exp: 1 })],
    ['b64 false', selfSigned({ b64: false, crit: ['b64'] })],
    ['typ of an ID token', await cluster.token({ ...ada, header: { typ: 'id+jwt' } })],
    ['no typ', await cluster.token({ ...ada, header: { typ: undefined } })],
    ['expired', await cluster.token({ ...ada, ttlSeconds: -300 })],
    ['for another audience', await cluster.token({ ...ada, audience: 'https://another.example/mcp' })],
    ['of another issuer', await cluster.token({ ...ada, issuer: 'https://stranger.example' })],
    ['of another tenant', await cluster.token({ ...ada, tenant: 'another-tenant' })],
    await claims('not yet valid', { nbf: now + 3_600 }),
    await claims('issued without an end', { exp: undefined }),
    await claims('an end that is no number', { exp: 'tomorrow' }),
    await claims('an end beyond all time', { exp: -1e300 }),
    await claims('no subject', { sub: undefined }),
    await claims('an empty subject', { sub: '' }),
    await claims('a subject that is an object', { sub: { admin: true } }),
    await claims('no audience', { aud: undefined }),
    await claims('no audience at all', { aud: [] }),
    await claims('no tenant', { sallyport_tenant: undefined }),
    await claims('an empty tenant', { sallyport_tenant: '' }),
    await claims('tenants in a list', { sallyport_tenant: ['acme', 'another'] }),
    await claims('a tenant that is __proto__', { sallyport_tenant: '__proto__' }),
    await claims('an act chain of nine', { act: depth(9) }),
    await claims('an act chain of fifty', { act: depth(50) }),
    await claims('act is a text', { act: 'triage' }),
    await claims('act without a subject', { act: {} }),
    await claims('act with an empty subject', { act: { sub: '' } }),
    await claims('act with a list as subject', { act: { sub: ['triage'] } }),
    await claims('a mode of 5,000 letters', { sallyport_mode: 'm'.repeat(5_000) }),
    await claims('a subject of 5,000 letters', { sub: 's'.repeat(5_000) }),
    ['its end cut off', good.slice(0, -4)],
    ['without a signature', `${header}.${payload}.`],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${good}.${signature}`],
    ['five parts, as if encrypted', `${header}.${payload}.${signature}.${payload}.${signature}`],
    ['an empty payload', `${header}..${signature}`],
    ['a payload that is no JSON', `${header}.${encode('not json')}.${signature}`],
    ['a payload that is a list', `${header}.${encode([])}.${signature}`],
    ['a payload that is null', `${header}.${encode('null')}.${signature}`],
    ['a header that is no JSON', `${encode('{')}.${payload}.${signature}`],
    ['a header that is null', `${encode('null')}.${payload}.${signature}`],
    [
      'a payload of another token',
      `${header}.${encode({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), scope: 'sallyport:operate' })}.${signature}`,
    ],
    ['dots', '...'],
    ['one letter', 'x'],
    ['12 KB of letters', 'x'.repeat(12_000)],
    ['12 KB of dots', '.'.repeat(12_000)],
    ['an opaque token', 'ghp_0123456789abcdefghijklmnopqrstuvwxyz'],
  ];
  const lines: [string, string[]][] = [
    ['no credentials', []],
    ['an empty header', ['authorization:']],
    ['Bearer without a token', ['authorization: Bearer']],
    ['Bearer with two tokens', [`authorization: Bearer ${good} ${good}`]],
    ['Basic', [`authorization: Basic ${Buffer.from('ada:secret').toString('base64')}`]],
    ['Digest', ['authorization: Digest username="ada"']],
    ['a token without a scheme', [`authorization: ${good}`]],
    ['a quoted token', [`authorization: Bearer "${good}"`]],
    ['letters beyond ASCII', [`authorization: Bearer ${good}\xff`]],
    ['a good token with a comma behind it', [`authorization: Bearer ${good},`]],
    ['the token as a cookie', [`cookie: access_token=${good}`]],
    ['the token in another header', [`x-authorization: Bearer ${good}`, `proxy-authorization: Bearer ${good}`]],
    ['two Authorization headers, the good one first', [`authorization: Bearer ${good}`, 'authorization: Bearer x']],
    ['two Authorization headers, the good one last', ['authorization: Bearer x', `Authorization: Bearer ${good}`]],
    ['the same Authorization header twice', [`authorization: Bearer ${good}`, `authorization: Bearer ${good}`]],
    ['headers that name a user', ['x-forwarded-user: ada', 'x-remote-user: ada', 'x-sallyport-tenant: acme']],
  ];
  return [
    ...tokens.map(([title, token]) => ({ title, lines: [`authorization: Bearer ${token}`] })),
    ...lines.map(([title, own]) => ({ title, lines: own })),
  ];
};
