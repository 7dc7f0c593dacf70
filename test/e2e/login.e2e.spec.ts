import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, type OAuthClientProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ConsoleSession } from '@sallyport/contracts';
import { type Cluster, startCluster } from '@sallyport/testing';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person } from './console/person.ts';
import { routesIn } from './guarded/told-routes.ts';
import { LOGIN_CLUSTER, OFFICE } from './login-cluster.ts';

const CALLBACK = 'http://127.0.0.1:53682/callback';
const TELLING = { NODE_OPTIONS: `--import=${new URL('./guarded/tells-routes.preload.ts', import.meta.url).href}` };
/** Every route of the embedded authorization server, and what keeps a stranger from having anything of it. */
const OPEN_ROUTES: Readonly<Record<string, string>> = {
  'ALL /authorization/*': 'what the provider serves: each of its addresses asks for a client, a code with its proof, or a token (below)',
  'GET /authorization/auth': 'begins a login; gives nothing without a client that is known',
  'GET /authorization/interaction/:uid': 'a page of one login, shown to the browser that began it',
  'POST /authorization/interaction/:uid': 'an answer in one login, taken from the browser that began it',
  'GET /authorization/style.css': 'how its pages look',
  'GET /.well-known/oauth-authorization-server/authorization': 'public metadata (RFC 8414)',
  'GET /.well-known/openid-configuration/authorization': 'public metadata (OpenID Connect Discovery)',
};
/** Addresses of the provider, and how a stranger without anything is answered there. */
const PROVIDER: readonly (readonly [verb: string, path: string, status: number])[] = [
  ['GET', '/auth', 400],
  ['POST', '/token', 400],
  ['POST', '/device/auth', 400],
  ['GET', '/me', 401],
  ['POST', '/token/introspection', 404],
  ['POST', '/token/revocation', 400],
  ['GET', '/interaction/0000000000000000000000', 404],
  ['POST', '/interaction/0000000000000000000000', 403],
  ['POST', '/reg', 400],
  ['GET', '/nothing', 404],
];
const PROGRAM = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url));

/** What a client keeps of its logins, on either line of the SDK. Nobody told it anything but the address of the gateway. */
class Keeper implements OAuthClientProvider {
  readonly redirectUrl = CALLBACK;
  readonly clientMetadata = { client_name: 'Some client', redirect_uris: [CALLBACK] };
  sentTo: URL | null = null;
  registration: Awaited<ReturnType<OAuthClientProvider['clientInformation']>>;
  kept: Awaited<ReturnType<OAuthClientProvider['tokens']>>;
  private verifier = '';

  clientInformation() {
    return this.registration;
  }
  saveClientInformation(registration: NonNullable<Keeper['registration']>) {
    this.registration = registration;
  }
  tokens() {
    return this.kept;
  }
  saveTokens(tokens: NonNullable<Keeper['kept']>) {
    this.kept = tokens;
  }
  redirectToAuthorization(address: URL) {
    this.sentTo = address;
  }
  saveCodeVerifier(verifier: string) {
    this.verifier = verifier;
  }
  codeVerifier() {
    return this.verifier;
  }
}

interface Connected {
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

/** How a line of the SDK connects, and ends a login that it began. */
interface Line {
  connect(url: URL, keeper: Keeper): Promise<Connected>;
  finish(url: URL, keeper: Keeper, back: URL): Promise<void>;
}
const V2: Line = {
  connect: async (url, keeper) => {
    const client = new Client({ name: 'some-client', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new StreamableHTTPClientTransport(url, { authProvider: keeper }));
    return client;
  },
  finish: (url, keeper, back) => new StreamableHTTPClientTransport(url, { authProvider: keeper }).finishAuth(back.searchParams),
};
const V1: Line = {
  connect: async (url, keeper) => {
    const client = new ClientV1({ name: 'some-client', version: '1.0.0' });
    await client.connect(new TransportV1(url, { authProvider: keeper }));
    return client;
  },
  finish: (url, keeper, back) => new TransportV1(url, { authProvider: keeper }).finishAuth(back.searchParams.get('code') ?? ''),
};

describe('a login on this machine', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ ...LOGIN_CLUSTER, env: TELLING });
  }, 120_000);
  afterAll(() => cluster?.close());

  test.each<[string, Line, string, string]>([
    ['SDK v2 at /mcp', V2, '/mcp', 'story__echo'],
    ['SDK v2 at one server', V2, '/mcp/story', 'echo'],
    ['SDK v1 at /mcp', V1, '/mcp', 'story__echo'],
    ['SDK v1 at one server', V1, '/mcp/story', 'echo'],
  ])('%s gets in with the address alone: from the 401 to a call, and on with a refreshed token', async (_, line, path, tool) => {
    const url = new URL(path, cluster.gatewayUrl);
    const keeper = new Keeper();
    await expect(line.connect(url, keeper)).rejects.toThrow(/unauthorized/i);
    expect(keeper.sentTo?.href).toMatch(`${cluster.gatewayUrl}/authorization/auth?`);
    expect(keeper.sentTo?.searchParams.get('resource')).toBe(url.href);

    const seen: string[] = [];
    const back = await new Person(cluster).walk(keeper.sentTo?.href ?? '', { person: 'acme:ada', agent: 'triage', answer: 'allow' }, seen);
    expect(`${back.origin}${back.pathname}`).toBe(CALLBACK);
    expect(back.searchParams.get('iss')).toBe(`${cluster.gatewayUrl}/authorization`);
    expect(seen.at(-1)).toContain('Some client');
    await line.finish(url, keeper, back);
    expect(decodeJwt(keeper.kept?.access_token ?? '')).toMatchObject({
      sub: 'ada',
      act: { sub: 'triage' },
      scope: 'tools:read',
      aud: url.href,
    });

    const client = await line.connect(url, keeper);
    expect(await client.callTool({ name: tool, arguments: { text: 'hello' } })).not.toMatchObject({ isError: true });
    await client.close();

    const before = keeper.kept;
    if (before === undefined) throw new TypeError('no tokens');
    keeper.kept = { ...before, access_token: `${before.access_token.slice(0, -8)}AAAAAAAA` };
    const again = await line.connect(url, keeper);
    expect(await again.callTool({ name: tool, arguments: { text: 'again' } })).not.toMatchObject({ isError: true });
    await again.close();
    expect(keeper.kept?.refresh_token).not.toBe(before.refresh_token);
  });

  test('the record says who called, by which agent, with whose token', async () => {
    const { text } = await cluster.fetchAs({ subject: 'grace', scopes: OFFICE }, '/v1/audit/calls?subject=user:ada&limit=200');
    const calls: { readonly principal: { readonly tokenSource: string; readonly actors: readonly string[] } }[] = JSON.parse(text).calls;
    const byLogin = calls.filter(({ principal }) => principal.tokenSource === 'development');
    expect(byLogin.length).toBeGreaterThan(0);
    for (const { principal } of byLogin) expect(principal.actors).toEqual(['agent:triage']);
  });

  test('its routes are those that are named here with what guards them, and a stranger gets nothing at any', async () => {
    const told = routesIn(cluster.output()).filter((route) => route.includes('authorization') || route.includes('openid-configuration'));
    expect(told).toEqual(Object.keys(OPEN_ROUTES).sort());
    const answers: [string, string, number][] = [];
    for (const [verb, path] of PROVIDER) {
      const form = verb === 'POST' ? { body: new URLSearchParams({ a: 'b' }) } : {};
      const answer = await cluster.fetchRaw(`/authorization${path}`, { method: verb, redirect: 'manual', ...form });
      answers.push([verb, path, answer.status]);
      expect(answer.text).not.toMatch(/access_token|at .*\.js:\d+/);
    }
    expect(answers).toEqual(PROVIDER);
  });

  test('a person who says no sends the client away with nothing', async () => {
    const url = new URL('/mcp', cluster.gatewayUrl);
    const keeper = new Keeper();
    await expect(V2.connect(url, keeper)).rejects.toThrow();
    const back = await new Person(cluster).walk(keeper.sentTo?.href ?? '', { person: 'acme:ada', agent: 'triage', answer: 'deny' });
    expect(back.searchParams.get('error')).toBe('access_denied');
    await expect(V2.finish(url, keeper, back)).rejects.toThrow();
    expect(keeper.kept).toBeUndefined();
  });

  test('the console logs in there by itself, as the person alone, and out again', async () => {
    const person = new Person(cluster);
    const begun = await person.ask('/console/session/login?return=/console/calls');
    const back = await person.walk(begun.headers.get('location') ?? '', { person: 'acme:grace', answer: 'allow' });
    expect(back.pathname).toBe('/console/session/callback');
    const landed = await person.ask(`${back.pathname}${back.search}`);
    expect(landed.headers.get('location')).toBe(`${cluster.gatewayUrl}/console/calls`);
    person.session = ConsoleSession.parse(JSON.parse((await person.ask('/console/session')).text));
    expect(person.session).toMatchObject({
      subject: 'user:grace',
      tenantId: 'acme',
      roles: expect.arrayContaining(['admin']),
      scopes: OFFICE,
    });
    expect(await person.ask('/v1/audit/calls')).toMatchObject({ status: 200 });
    const { text } = await person.ask('/console/session/logout', { method: 'POST', body: {} });
    expect(JSON.parse(text).providerLogoutUrl).toMatch(`${cluster.gatewayUrl}/authorization/`);
    expect(await person.ask('/console/session')).toMatchObject({ status: 401 });
  });

  describe('the command line', () => {
    let home: string;
    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), 'sallyport-login-'));
    });
    afterAll(() => rm(home, { recursive: true, force: true }));

    const start = (...args: readonly string[]): ChildProcess =>
      spawn(process.execPath, [PROGRAM, ...args, '--url', cluster.gatewayUrl, '--json'], {
        env: { PATH: process.env.PATH, XDG_CONFIG_HOME: home },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const told = async (child: ChildProcess): Promise<{ readonly lines: readonly string[]; readonly code: number | null }> => {
      const lines: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        if (stream !== null) createInterface({ input: stream }).on('line', (line) => lines.push(line));
      await once(child, 'close');
      return { lines, code: child.exitCode };
    };
    const hiddenIn = (page: string, name: string): string => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '';

    /** What a person does with the code of a terminal: sees that it is theirs, says who they are, agrees. */
    const enter = async (address: string, code: string): Promise<string> => {
      const person = new Person(cluster);
      const first = await person.ask('/authorization/device');
      const confirm = { method: 'POST', form: { xsrf: hiddenIn(first.text, 'xsrf'), user_code: code } };
      const shown = await person.ask('/authorization/device', confirm);
      expect(address).toContain(cluster.gatewayUrl);
      expect(shown.text).toContain(code);
      const form = { xsrf: hiddenIn(shown.text, 'xsrf'), user_code: code, confirm: 'yes' };
      let answer = await person.ask('/authorization/device', { method: 'POST', form });
      while (answer.headers.get('location') !== null) {
        const { pathname } = new URL(answer.headers.get('location') ?? '', cluster.gatewayUrl);
        answer = await person.ask(pathname);
        if (answer.status === 200 && pathname.includes('/interaction/'))
          answer = await person.ask(pathname, { method: 'POST', form: { person: 'acme:grace', answer: 'allow' } });
      }
      return answer.text;
    };

    test('logs in with a browser, keeps and renews the login for its owner alone, acts as that person, and forgets it', async () => {
      const login = start('login');
      const ended = told(login);
      const [ask] = (await once(createInterface({ input: login.stdout ?? process.stdin }), 'line')) as [string];
      const { address, code } = JSON.parse(ask) as { address: string; code: string };
      expect(await enter(address, code)).toContain('You are logged in');
      const { lines, code: exit } = await ended;
      expect(exit, lines.join('\n')).toBe(0);
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ subject: 'grace', scopes: expect.arrayContaining(OFFICE) });
      const file = join(home, 'sallyport', 'logins.json');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(lines.join('\n')).not.toContain(JSON.parse(await readFile(file, 'utf8'))[cluster.gatewayUrl].accessToken);

      const kept = JSON.parse(await readFile(file, 'utf8'));
      await writeFile(file, JSON.stringify({ [cluster.gatewayUrl]: { ...kept[cluster.gatewayUrl], expiresAtMs: 0 } }));
      const listed = await told(start('catalog', 'list'));
      expect(listed.code, listed.lines.join('\n')).toBe(0);
      expect(JSON.parse(await readFile(file, 'utf8'))[cluster.gatewayUrl].expiresAtMs).toBeGreaterThan(0);
      const out = await told(start('logout'));
      expect(JSON.parse(out.lines.at(-1) ?? '')).toEqual({ url: cluster.gatewayUrl, wasLoggedIn: true, isTakenBack: true });
      await expect(stat(file)).rejects.toThrow('ENOENT');
    });
  });
});
