import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auth, type OAuthClientProvider, type OAuthTokens } from '@modelcontextprotocol/client';
import {
  AppErrorFilter,
  createLogger,
  type Database,
  openDatabase,
  openSealer,
  parseConfiguration,
  parseRootKey,
  systemClock,
  toAppError,
} from '@sallyport/platform';
import { aProofKey, nextOf, ScriptlessBrowser, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import Fastify, { type FastifyInstance } from 'fastify';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuthorizationServer, openAuthorizationServer } from './authorization-server.js';
import { CLI_CLIENT_ID, CONSOLE_CLIENT_ID } from './clients.js';
import { DevelopmentIssuer } from './development-issuer.js';
import { AUTHORIZATION_SERVER_MIGRATIONS } from './migrations/index.js';

const CALLBACK = 'http://localhost:3333/callback';
const DOCUMENT = 'https://client.example/oauth/metadata.json';

let postgres: TestPostgres;
let database: Database;
let fastify: FastifyInstance;
let server: AuthorizationServer;
let folder: string;
let publicUrl: string;
let fetched = 0;

const configurationAt = (url: string, env: Record<string, string> = {}) =>
  parseConfiguration({
    file: 'sallyport.yaml',
    env,
    text: `
tenants: [{ id: demo, name: Demonstration }, { id: other, name: Other }]
gateway: { publicUrl: '${url}' }
identity:
  issuers: [{ issuer: /authorization, tokenSource: development, jwksFile: keys.json }]
  users:
    - { id: ada, tenant: demo, scopes: [tools:read, tools:write] }
    - { id: ada, tenant: other, scopes: [tools:read] }
    - { id: grace, tenant: demo, scopes: [tools:read, 'sallyport:audit', 'sallyport:approve'] }
    - { id: '*', tenant: demo, scopes: [tools:read] }
  agents:
    - { id: writer, tenant: demo, scopes: [tools:read, tools:write] }
    - { id: triage, tenant: demo, scopes: [tools:read] }
    - { id: secret, tenant: demo, scopes: [tools:read, tools:write] }
  grants:
    - { subject: '*', agent: triage, tenant: demo, scopes: [tools:read] }
    - { subject: ada, agent: writer, tenant: demo, scopes: [tools:read, tools:write] }
    - { subject: grace, agent: secret, tenant: demo, scopes: [tools:read] }
`,
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-issuer-'));
  postgres = await startTestPostgres();
  const { url } = await postgres.createDatabase();
  database = await openDatabase({
    url,
    schema: 'authorization_server',
    applicationName: 'spec',
    migrations: AUTHORIZATION_SERVER_MIGRATIONS,
  });
  fastify = Fastify();
  const filter = new AppErrorFilter(createLogger('spec'));
  fastify.setErrorHandler((error, request, reply) => filter.answer(toAppError(error), request, reply));
  const port = await freePort();
  publicUrl = `http://127.0.0.1:${port}`;
  const issuer = await DevelopmentIssuer.open(folder, `${publicUrl}/authorization`);
  server = await openAuthorizationServer({
    configuration: configurationAt(publicUrl),
    database,
    sealer: openSealer({ rootKey: parseRootKey(randomBytes(32).toString('base64url'), 'test'), clock: systemClock }),
    clock: systemClock,
    signingKey: issuer.privateJwk,
    env: {},
    fetch: async (input) => {
      fetched += 1;
      if (String(input) !== DOCUMENT) throw new TypeError(`nothing at ${String(input)}`);
      return Response.json({
        client_id: DOCUMENT,
        client_name: 'Described',
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: 'none',
      });
    },
  });
  server.prepareHttp(fastify);
  // What the gateway says of itself (RFC 9728).
  fastify.get('/.well-known/oauth-protected-resource/mcp', () => ({
    resource: `${publicUrl}/mcp`,
    authorization_servers: [`${publicUrl}/authorization`],
    scopes_supported: ['tools:read', 'tools:write'],
  }));
  await fastify.listen({ host: '127.0.0.1', port });
});
afterAll(async () => {
  await fastify?.close();
  await server?.close();
  await database?.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const freePort = async (): Promise<number> => {
  const probe = Fastify();
  const address = await probe.listen({ host: '127.0.0.1', port: 0 });
  await probe.close();
  return Number(new URL(address).port);
};

const post = (path: string, form: Readonly<Record<string, string>>) =>
  fetch(`${publicUrl}/authorization${path}`, { method: 'POST', body: new URLSearchParams(form) });
const register = async (
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<{ status: number; client_id: string; error?: string }> => {
  const response = await fetch(`${publicUrl}/authorization/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'An <b>agent</b>', redirect_uris: [CALLBACK], ...metadata }),
  });
  return { status: response.status, ...((await response.json()) as { client_id: string }) };
};

interface Asked {
  readonly client: string;
  readonly person?: string;
  readonly agent?: string;
  readonly answer?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly browser?: ScriptlessBrowser;
}
interface Answered {
  readonly back: URL;
  readonly verifier: string;
}

/** Logs in, agrees, and comes back to the client. */
const authorize = async ({
  client,
  person = 'demo:ada',
  agent = 'triage',
  answer = 'allow',
  query = {},
  ...rest
}: Asked): Promise<Answered> => {
  const { verifier, challenge } = aProofKey();
  const browser = rest.browser ?? new ScriptlessBrowser(publicUrl);
  const asked = new URLSearchParams({
    ...{ client_id: client, response_type: 'code', redirect_uri: CALLBACK, state: 'a state', resource: `${publicUrl}/mcp` },
    ...{ code_challenge: challenge, code_challenge_method: 'S256', scope: 'tools:read tools:write', ...query },
  });
  return { back: await agree(`/authorization/auth?${asked}`, { person, agent, answer }, browser), verifier };
};

/** Walks from where a client sends its person to where that person is sent back. */
const agree = async (
  address: string,
  { person, agent, answer }: { readonly person: string; readonly agent: string; readonly answer: string },
  browser = new ScriptlessBrowser(publicUrl),
): Promise<URL> => {
  const redirect = new URL(address, publicUrl).searchParams.get('redirect_uri') ?? CALLBACK;
  const login = await nextOf(await browser.get(address));
  const consent = await nextOf(await browser.get(await nextOf(await browser.post(login, { person }))));
  if (consent.startsWith(redirect)) return new URL(consent);
  const page = await (await browser.get(consent)).text();
  expect(page).not.toContain('<b>agent</b>');
  return new URL(await nextOf(await browser.get(await nextOf(await browser.post(consent, { agent, answer })))));
};

/** What a client of the SDK keeps. */
interface Kept {
  verifier: string;
  sentTo: URL | null;
  tokens: OAuthTokens | undefined;
  information: Awaited<ReturnType<OAuthClientProvider['clientInformation']>>;
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token?: string;
  readonly error?: string;
}
const redeem = async (client: string, { back, verifier }: Answered, more: Readonly<Record<string, string>> = {}): Promise<Tokens> => {
  const code = back.searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', client_id: client, code, code_verifier: verifier, redirect_uri: CALLBACK, ...more };
  return (await (await post('/token', form)).json()) as Tokens;
};
const refresh = async (client: string, token: string): Promise<Tokens> =>
  (await (await post('/token', { grant_type: 'refresh_token', client_id: client, refresh_token: token })).json()) as Tokens;

describe('where it serves', () => {
  const open = (url: string, env: Record<string, string | undefined> = {}, host = '127.0.0.1') =>
    openAuthorizationServer({
      configuration: configurationAt(url, { SALLYPORT_HOST: host }),
      database,
      sealer: openSealer({ rootKey: parseRootKey(randomBytes(32).toString('base64url'), 'test'), clock: systemClock }),
      clock: systemClock,
      signingKey: {},
      env,
    });

  test.each(['https://gateway.example.com', 'http://10.0.0.7:8080', 'http://127.0.0.1.example.com:8080'])(
    'refuses to be the issuer %s, which others can reach',
    async (url) => {
      await expect(open(url)).rejects.toMatchObject({
        code: 'configuration.invalid',
        message: expect.stringContaining('this machine alone'),
      });
    },
  );

  test('refuses to listen where others can reach it, whatever it calls itself', async () => {
    await expect(open('http://127.0.0.1:8080', {}, '0.0.0.0')).rejects.toMatchObject({ code: 'configuration.invalid' });
  });

  test('refuses a process that calls itself production', async () => {
    await expect(open('http://127.0.0.1:8080', { NODE_ENV: 'production' })).rejects.toMatchObject({ code: 'configuration.invalid' });
  });

  test('answers no other host, so that no page of another name gets in by its address', async () => {
    const { port } = new URL(publicUrl);
    const answer = await fastify.inject({ url: '/authorization/auth', headers: { host: `rebound.example:${port}` } });
    expect(answer.statusCode).toBe(403);
  });
});

describe('metadata', () => {
  test.each(['/.well-known/oauth-authorization-server/authorization', '/authorization/.well-known/openid-configuration'])(
    'stands at %s and names this issuer, S256, registration, documents and the device flow',
    async (path) => {
      const metadata = await (await fetch(`${publicUrl}${path}`)).json();
      expect(metadata).toMatchObject({
        issuer: `${publicUrl}/authorization`,
        code_challenge_methods_supported: ['S256'],
        client_id_metadata_document_supported: true,
        authorization_response_iss_parameter_supported: true,
        registration_endpoint: `${publicUrl}/authorization/reg`,
        device_authorization_endpoint: `${publicUrl}/authorization/device/auth`,
        response_types_supported: ['code'],
        token_endpoint_auth_methods_supported: ['none'],
      });
    },
  );
});

describe('a client that acts for somebody', () => {
  test('gets a token of this tenant for this gateway, with the agent that the person chose and what both may do', async () => {
    const { client_id } = await register();
    const answered = await authorize({ client: client_id, agent: 'writer' });
    expect(answered.back.searchParams.get('iss')).toBe(`${publicUrl}/authorization`);
    expect(answered.back.searchParams.get('state')).toBe('a state');
    const { access_token } = await redeem(client_id, answered);
    expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
    expect(decodeJwt(access_token)).toMatchObject({
      ...{ iss: `${publicUrl}/authorization`, aud: `${publicUrl}/mcp`, sub: 'ada', act: { sub: 'writer' }, client_id },
      ...{ sallyport_tenant: 'demo', sallyport_environment: 'development', scope: 'tools:read tools:write' },
    });
  });

  test('gets no scope that its agent lacks, and every one that it has where it asks for none by name', async () => {
    const { client_id } = await register();
    const less = await redeem(client_id, await authorize({ client: client_id, agent: 'triage' }));
    expect(decodeJwt(less.access_token)).toMatchObject({ act: { sub: 'triage' }, scope: 'tools:read' });
    const all = await redeem(client_id, await authorize({ client: client_id, agent: 'writer', query: { scope: '' } }));
    expect(decodeJwt(all.access_token)).toMatchObject({ scope: 'tools:read tools:write' });
  });

  test('is sent nowhere as an agent that the person delegated nothing to', async () => {
    const { client_id } = await register();
    await expect(authorize({ client: client_id, agent: 'secret' })).rejects.toThrow('no redirect but 400');
  });

  test('is told no when the person says no, and asked for again the next time', async () => {
    const { client_id } = await register();
    const browser = new ScriptlessBrowser(publicUrl);
    const { back } = await authorize({ client: client_id, answer: 'refuse', browser });
    expect(back.searchParams.get('error')).toBe('access_denied');
    const agreed = await authorize({ client: client_id, browser });
    expect(agreed.back.searchParams.get('code')).toMatch(/./);
    const again = await authorize({ client: client_id, agent: 'writer', browser });
    expect(decodeJwt((await redeem(client_id, again)).access_token)).toMatchObject({ act: { sub: 'writer' } });
  });

  test('keeps its person when somebody else logs in with the same browser', async () => {
    const { client_id } = await register();
    const browser = new ScriptlessBrowser(publicUrl);
    const first = await redeem(client_id, await authorize({ client: client_id, browser }));
    const second = await redeem(client_id, await authorize({ client: client_id, person: 'demo:grace', browser }));
    expect(decodeJwt(second.access_token)).toMatchObject({ sub: 'grace' });
    const renewed = await refresh(client_id, first.refresh_token);
    expect(decodeJwt(renewed.access_token)).toMatchObject({ sub: 'ada', act: { sub: 'triage' } });
  });

  test('has nothing of the person of the same name in another tenant', async () => {
    const { client_id } = await register();
    const browser = new ScriptlessBrowser(publicUrl);
    await expect(authorize({ client: client_id, person: 'other:ada', browser })).rejects.toThrow('no redirect but 400');
  });

  test('uses a code once and a refresh token once, and who uses one again loses what came of it', async () => {
    const { client_id } = await register();
    const answered = await authorize({ client: client_id });
    const { refresh_token } = await redeem(client_id, answered);
    const renewed = await refresh(client_id, refresh_token);
    expect(renewed.refresh_token).not.toBe(refresh_token);
    expect(await refresh(client_id, refresh_token)).toMatchObject({ error: 'invalid_grant' });
    expect(await refresh(client_id, renewed.refresh_token)).toMatchObject({ error: 'invalid_grant' });
    expect(await redeem(client_id, answered)).toMatchObject({ error: 'invalid_grant' });
  });

  test('is never taken for the person itself where it is not known any more as which agent it acts', async () => {
    const { client_id } = await register();
    const answered = await authorize({ client: client_id });
    const { refresh_token } = await redeem(client_id, await authorize({ client: client_id }));
    await database.query(`DELETE FROM artifact WHERE model = 'Acting'`);
    expect(await refresh(client_id, refresh_token)).toEqual(expect.objectContaining({ error: 'invalid_grant' }));
    expect(await redeem(client_id, answered)).toEqual(expect.objectContaining({ error: 'invalid_grant' }));
  });

  test('gets nothing for a code without its proof, for another client, address or resource', async () => {
    const { client_id } = await register();
    const other = await register();
    const code = () => authorize({ client: client_id });
    expect(await redeem(client_id, await code(), { code_verifier: aProofKey().verifier })).toMatchObject({ error: 'invalid_grant' });
    expect(await redeem(other.client_id, await code())).toMatchObject({ error: 'invalid_grant' });
    expect(await redeem(client_id, await code(), { redirect_uri: 'http://localhost:3333/other' })).toMatchObject({
      error: 'invalid_grant',
    });
    expect(await redeem(client_id, await code(), { resource: 'https://elsewhere.example' })).toMatchObject({ error: 'invalid_target' });
  });

  test.each([
    ['without a proof key', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
    ['with a plain proof key', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['for a resource that is not this gateway', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['for a path that no server has', { resource: '{publicUrl}/mcp/a/../b' }, 'invalid_target'],
  ])('is turned away %s', async (_how, query: Record<string, string>, error) => {
    const { client_id } = await register();
    const filled = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, value.replace('{publicUrl}', publicUrl)]));
    const asked = { client_id, response_type: 'code', redirect_uri: CALLBACK, scope: 'tools:read', code_challenge: aProofKey().challenge };
    const url = new URLSearchParams({ ...asked, code_challenge_method: 'S256', ...filled });
    for (const [name, value] of [...url]) if (value === '') url.delete(name);
    const back = new URL(await nextOf(await new ScriptlessBrowser(publicUrl).get(`/authorization/auth?${url}`)));
    expect(back.searchParams.get('error')).toBe(error);
  });

  test('is never sent to an address that it did not register', async () => {
    const { client_id } = await register();
    const query = new URLSearchParams({
      client_id,
      response_type: 'code',
      redirect_uri: 'http://localhost:3333/elsewhere',
      scope: 'tools:read',
    });
    const answer = await new ScriptlessBrowser(publicUrl).get(`/authorization/auth?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
  });
});

describe('registration', () => {
  test.each([
    ['a scheme of an application', ['cursor://anysphere.cursor-mcp/oauth/callback'], 201],
    ['an address of this machine', ['http://127.0.0.1:1/callback'], 201],
    ['an encrypted address', ['https://editor.example/redirect'], 201],
    ['a plain address elsewhere', ['http://elsewhere.example/callback'], 400],
    ['a script', ['javascript:alert(1)'], 400],
  ])('takes or refuses %s as the way back', async (_what, redirect_uris, status) => {
    expect(await register({ redirect_uris })).toMatchObject({ status });
  });

  test('refuses a plain address elsewhere from a client that calls itself a web client, too', async () => {
    expect(await register({ application_type: 'web', redirect_uris: ['http://elsewhere.example/callback'] })).toMatchObject({
      status: 400,
    });
  });

  test('takes the description of a client that has an address instead of a registration, and shows where it is from', async () => {
    const tokens = await redeem(DOCUMENT, await authorize({ client: DOCUMENT }));
    expect(decodeJwt(tokens.access_token)).toMatchObject({ client_id: DOCUMENT, act: { sub: 'triage' } });
    expect(fetched).toBe(1);
  });

  test('of the official SDK that has a document registers nothing, gets in with the address of it, and renews its token', async () => {
    const kept: Kept = { verifier: '', sentTo: null, tokens: undefined, information: undefined };
    const client: OAuthClientProvider = {
      redirectUrl: CALLBACK,
      clientMetadataUrl: DOCUMENT,
      clientMetadata: { client_name: 'Described', redirect_uris: [CALLBACK] },
      clientInformation: () => kept.information,
      saveClientInformation: (information) => {
        kept.information = information;
      },
      tokens: () => kept.tokens,
      saveTokens: (tokens) => {
        kept.tokens = tokens;
      },
      redirectToAuthorization: (address) => {
        kept.sentTo = address;
      },
      saveCodeVerifier: (verifier) => {
        kept.verifier = verifier;
      },
      codeVerifier: () => kept.verifier,
    };
    const serverUrl = `${publicUrl}/mcp`;
    expect(await auth(client, { serverUrl })).toBe('REDIRECT');
    expect(kept.sentTo?.searchParams.get('client_id')).toBe(DOCUMENT);
    const back = await agree(kept.sentTo?.href ?? '', { person: 'demo:ada', agent: 'triage', answer: 'allow' });
    const iss = back.searchParams.get('iss') ?? '';
    expect(await auth(client, { serverUrl, authorizationCode: back.searchParams.get('code') ?? '', iss })).toBe('AUTHORIZED');
    expect(decodeJwt(kept.tokens?.access_token ?? '')).toMatchObject({ client_id: DOCUMENT, aud: serverUrl, act: { sub: 'triage' } });
    const before = kept.tokens;
    expect(await auth(client, { serverUrl })).toBe('AUTHORIZED');
    expect(kept.tokens?.refresh_token).not.toBe(before?.refresh_token);
    expect(kept.information?.client_id).toBe(DOCUMENT);
  });

  test.each(['http://client.example/metadata.json', 'https://client.example/a/../b', 'https://user@client.example/m.json'])(
    'fetches nothing for the address %s',
    async (client_id) => {
      const before = fetched;
      const query = new URLSearchParams({ client_id, response_type: 'code', redirect_uri: CALLBACK, scope: 'tools:read' });
      const answer = await new ScriptlessBrowser(publicUrl).get(`/authorization/auth?${query}`);
      expect(answer.status).toBe(400);
      expect(fetched).toBe(before);
    },
  );
});

describe('the console', () => {
  test('logs its person in without a question, with roles and tenant, and as nobody but themselves', async () => {
    const redirect_uri = `${publicUrl}/console/session/callback`;
    const query = { redirect_uri, scope: 'openid profile sallyport:audit sallyport:approve', resource: publicUrl, nonce: 'n' };
    const answered = await authorize({ client: CONSOLE_CLIENT_ID, person: 'demo:grace', query });
    const tokens = await redeem(CONSOLE_CLIENT_ID, answered, { redirect_uri });
    expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({
      ...{ sub: 'grace', name: 'grace', nonce: 'n', roles: ['viewer', 'approver'], sallyport_tenant: 'demo' },
    });
    const access = decodeJwt(tokens.access_token);
    expect(access).toMatchObject({ sub: 'grace', aud: publicUrl, scope: 'sallyport:audit sallyport:approve' });
    expect(access).not.toHaveProperty('act');
  });
});

describe('the command line', () => {
  const begin = async () =>
    (await (await post('/device/auth', { client_id: CLI_CLIENT_ID, scope: 'tools:read sallyport:audit' })).json()) as Device;
  interface Device {
    readonly device_code: string;
    readonly user_code: string;
  }
  const poll = async (device_code: string) =>
    (await (
      await post('/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: CLI_CLIENT_ID, device_code })
    ).json()) as Tokens;
  const tokenIn = async (response: Response): Promise<string> => /name="xsrf" value="([^"]+)"/.exec(await response.text())?.[1] ?? '';

  /** What somebody does in the browser with the code of a terminal, up to the last page. */
  const enter = async (code: string, { abort = false } = {}): Promise<string> => {
    const browser = new ScriptlessBrowser(publicUrl);
    const xsrf = await tokenIn(await browser.get('/authorization/device'));
    const confirm = await browser.post('/authorization/device', { xsrf, user_code: code });
    if (confirm.status !== 200 || abort) {
      const stopped = abort
        ? await browser.post('/authorization/device', { xsrf: await tokenIn(confirm), user_code: code, abort: 'yes' })
        : confirm;
      return await stopped.text();
    }
    const page = await confirm.clone().text();
    if (!page.includes(code)) return page;
    const login = await nextOf(
      await browser.post('/authorization/device', { xsrf: await tokenIn(confirm), user_code: code, confirm: 'yes' }),
    );
    const consent = await nextOf(await browser.get(await nextOf(await browser.post(login, { person: 'demo:grace' }))));
    const done = await browser.get(await nextOf(await browser.post(consent, { answer: 'allow' })));
    return await done.text();
  };

  test('waits for the person, then acts as they do, and renews its token', async () => {
    const { device_code, user_code } = await begin();
    expect(await poll(device_code)).toMatchObject({ error: 'authorization_pending' });
    expect(await enter(user_code)).toContain('You are logged in');
    const tokens = await poll(device_code);
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      sub: 'grace',
      scope: 'tools:read sallyport:audit',
      sallyport_mode: 'interactive',
    });
    expect(decodeJwt(tokens.access_token)).not.toHaveProperty('act');
    expect((await refresh(CLI_CLIENT_ID, tokens.refresh_token)).access_token).toMatch(/./);
    expect(await poll(device_code)).toMatchObject({ error: 'invalid_grant' });
  });

  test('is told no by a person who does not know the code', async () => {
    const { device_code, user_code } = await begin();
    expect(await enter(user_code, { abort: true })).toContain('Nothing was logged in');
    expect(await poll(device_code)).toMatchObject({ error: 'access_denied' });
  });

  test('a code that nobody was given leads nowhere', async () => {
    expect(await enter('BBBB-BBBB')).toContain('not known here');
  });
});

describe('forms and pages', () => {
  const atLogin = async () => {
    const { client_id } = await register();
    const browser = new ScriptlessBrowser(publicUrl);
    const query = new URLSearchParams({
      ...{ client_id, response_type: 'code', redirect_uri: CALLBACK, scope: 'tools:read' },
      ...{ code_challenge: aProofKey().challenge, code_challenge_method: 'S256' },
    });
    return { browser, login: await nextOf(await browser.get(`/authorization/auth?${query}`)) };
  };

  test('take no answer from a page of another origin, nor from another browser', async () => {
    const { browser, login } = await atLogin();
    expect((await browser.post(login, { person: 'demo:ada' }, 'https://elsewhere.example')).status).toBe(403);
    const other = await new ScriptlessBrowser(publicUrl).post(login, { person: 'demo:ada' });
    expect(other.status).toBe(404);
    expect(await other.text()).toContain('This login is over');
  });

  test('ask again for a person who is none, and take no form without end', async () => {
    const { browser, login } = await atLogin();
    const wrong = await browser.post(login, { person: 'demo:mallory' });
    expect(wrong.status).toBe(400);
    expect(await wrong.text()).toContain('Choose one of these people');
    expect((await browser.post(login, { person: 'x'.repeat(20_000) })).status).toBe(413);
  });

  test('allow no script, no frame and no form to anywhere but here and the client', async () => {
    const { browser, login } = await atLogin();
    const page = await browser.get(login);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:3333; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(await page.text()).not.toContain('<script');
  });
});

test('a copy of the table is worth no token: neither ids nor payloads stand in it', async () => {
  const { client_id } = await register();
  const { refresh_token } = await redeem(client_id, await authorize({ client: client_id }));
  const { rows } = await database.query<{ row: string }>('SELECT row_to_json(artifact)::text AS row FROM artifact');
  const text = rows.map(({ row }) => row).join('\n');
  expect(rows.length).toBeGreaterThan(3);
  for (const secret of [refresh_token, client_id, 'demo:ada', CALLBACK]) expect(text).not.toContain(secret);
});
