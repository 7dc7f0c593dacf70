import { LoginPage, OpenConsoleSessions } from '@sallyport/contracts';
import { type Cluster, type NextLogin, startCluster, TestIdentityProvider, until } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Asked, Person } from './console/person.ts';

const CLIENT = { id: 'console-of-acme', secret: 'only-the-provider-knows' };
const OFFICE = ['sallyport:approve', 'sallyport:audit', 'sallyport:operate'];
const TENANTS = ['acme', 'umbrella'];
const SESSION = 'sallyport-session';
const ACCESS = 'sallyport-access';
const LOGIN = 'sallyport-login';
const SECRET = /[A-Za-z0-9_-]{43}/;

const who = (sub: string, roles: unknown, sallyport_tenant: unknown = 'acme'): NextLogin => ({
  claims: { sub, name: `${sub} of the tests`, sallyport_tenant, roles },
});
const GRACE = who('grace', ['admin']);
const INA = who('ina', ['admin'], 'umbrella');
const CONTROL = { control: 'token', value: 'a-token-that-was-lost', active: true, why: 'to see who may' };
const PUT_CONTROL: Asked = { method: 'PUT', body: CONTROL };

const configurationFor = (provider: TestIdentityProvider) => ({
  tenants: TENANTS.map((id) => ({ id, name: id })),
  identity: {
    users: [
      ...['grace', 'hal', 'mia'].map((id) => ({ id, tenant: 'acme', scopes: ['tools:read', ...OFFICE] })),
      { id: 'ada', tenant: 'acme', scopes: ['tools:read'] },
      { id: 'ina', tenant: 'umbrella', scopes: ['tools:read', ...OFFICE] },
    ],
  },
  console: { issuer: provider.issuer, clientId: CLIENT.id, clientSecret: CLIENT.secret, maxSessionsPerPerson: 3 },
});

describe('sessions of the console', { timeout: 60_000 }, () => {
  let provider: TestIdentityProvider;
  let cluster: Cluster;
  beforeAll(async () => {
    provider = await TestIdentityProvider.start(CLIENT);
    cluster = await startCluster({ size: 'embedded', configuration: configurationFor(provider) });
  }, 120_000);
  afterAll(async () => {
    await cluster?.close();
    await provider?.close();
  });

  const someone = (): Person => new Person(cluster, provider);
  const loggedIn = async (login: NextLogin): Promise<Person> => {
    const person = someone();
    await person.login(login);
    return person;
  };
  /** Why a login came to nothing; nobody may be logged in after it. */
  const reasonOf = async (person: Person, path: string): Promise<string | null> => {
    const { headers, status } = await person.ask(path);
    expect(status).toBe(303);
    expect(person.cookie(SESSION)).toBe('');
    const location = new URL(headers.get('location') ?? '');
    expect(location.href).toMatch(`${cluster.gatewayUrl}/console/login?reason=`);
    return location.searchParams.get('reason');
  };
  test('who logs in does in the console what role and configuration both allow, and the record says who it was', async () => {
    const person = someone();
    const begun = await person.begin('/console/calls?of=ada');
    const asked = new URL(begun.headers.get('location') ?? '').searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    const back = await person.ask(await person.atProvider(begun, GRACE));
    expect(back.headers.get('location')).toBe(`${cluster.gatewayUrl}/console/calls?of=ada`);
    const { text } = await person.ask('/console/session');
    person.session = JSON.parse(text);
    expect(person.session).toMatchObject({
      subject: 'user:grace',
      name: 'grace of the tests',
      tenantId: 'acme',
      roles: ['admin'],
      scopes: OFFICE,
    });
    expect(Date.parse(person.session?.renewBefore ?? '') - Date.now()).toBeLessThanOrEqual(60_000);
    expect(await person.ask('/v1/audit/calls')).toMatchObject({ status: 200 });
    const put = await person.ask('/v1/controls', PUT_CONTROL);
    expect(put.status, put.text).toBe(200);
    expect((await person.ask('/v1/controls')).text).toContain('user:grace');
    expect(await person.ask('/console/session/renew', { method: 'POST' })).toMatchObject({ status: 200 });
  });

  test('no script can read its cookies, no other site can send them, and no answer says what is in them', async () => {
    const person = await loggedIn(GRACE);
    expect(person.cookies.get(SESSION)?.attributes).toMatch(/^Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    expect(person.cookies.get(ACCESS)?.attributes).toMatch(/^Path=\/v1; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    const { text, headers } = await person.ask('/console/session');
    for (const name of [SESSION, ACCESS]) expect(text).not.toContain(person.cookie(name));
    expect(headers.get('cache-control')).toBe('no-store');
    const rows = JSON.stringify(await cluster.admin('SELECT * FROM edge_gateway.console_sessions'));
    expect(rows).not.toContain(person.cookie(SESSION));
    expect(rows).not.toMatch(/eyJ[A-Za-z0-9_-]+\./);
    const said = cluster.output().join('\n');
    for (const secret of [person.cookie(SESSION), person.cookie(ACCESS), CLIENT.secret]) expect(said).not.toContain(secret);
  });

  test('a role gives nobody what the configuration does not, and the configuration nobody what their role does not', async () => {
    const viewer = await loggedIn(who('grace', 'viewer other'));
    expect(viewer.session).toMatchObject({ roles: ['viewer'], scopes: ['sallyport:audit'] });
    expect(await viewer.ask('/v1/controls')).toMatchObject({ status: 200 });
    expect(await viewer.ask('/v1/controls', PUT_CONTROL)).toMatchObject({ status: 403 });
    const ada = await loggedIn(who('ada', ['admin']));
    expect(ada.session).toMatchObject({ roles: ['admin'], scopes: [] });
    expect(await ada.ask('/v1/audit/calls')).toMatchObject({ status: 403 });
    expect((await loggedIn(who('hal', { admin: true }))).session).toMatchObject({ roles: [], scopes: [] });
  });

  test('nothing is changed or told for a page of another site, nor without the secret of the page', async () => {
    const person = await loggedIn(GRACE);
    const other = await loggedIn(who('hal', ['admin']));
    const wish = { method: 'PUT', body: { ...CONTROL, value: 'a-wish-of-an-attacker' } };
    const attacks: readonly Readonly<Record<string, string | undefined>>[] = [
      { 'sallyport-csrf': undefined },
      { 'sallyport-csrf': '' },
      { 'sallyport-csrf': other.session?.csrfToken },
      { origin: undefined },
      { origin: 'null' },
      { origin: 'https://evil.example' },
      { origin: 'http://127.0.0.1:1' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ];
    for (const headers of attacks) {
      for (const [path, asked] of [
        ['/v1/controls', wish],
        ['/console/session/logout', { method: 'POST', body: {} }],
        ['/console/session/renew', { method: 'POST' }],
      ] as const) {
        const { status, text } = await person.ask(path, { ...asked, headers });
        expect({ status, text }, `${path} ${JSON.stringify(headers)}`).toMatchObject({
          status: 403,
          text: expect.stringMatching(/console\.cross-site|request\.origin-refused/),
        });
      }
    }
    for (const path of ['/v1/controls', '/console/session', '/console/sessions'])
      expect(await person.ask(path, { headers: { 'sec-fetch-site': 'cross-site' } })).toMatchObject({ status: 403 });
    expect((await person.ask('/v1/controls')).text).not.toContain(wish.body.value);
    expect(await person.ask('/console/session')).toMatchObject({ status: 200 });
  });

  test('the session of a person opens no door of agents, and its token is no bearer token', async () => {
    const person = await loggedIn(GRACE);
    const token = person.cookie(ACCESS);
    const cookie = `${ACCESS}=${token}; ${SESSION}=${person.cookie(SESSION)}`;
    const call = { tool: 'story/echo', arguments: {} };
    for (const path of ['/mcp', '/mcp/story', '/v1/invoke'])
      expect(await person.ask(path, { method: 'POST', body: call, headers: { cookie } }), path).toMatchObject({ status: 401 });
    for (const scheme of ['Bearer', 'Console', 'console'])
      expect(await person.ask('/v1/controls', { headers: { cookie: undefined, authorization: `${scheme} ${token}` } })).toMatchObject({
        status: 401,
      });
    expect(await person.ask('/v1/controls', { headers: { cookie: `${ACCESS}=${token}; ${ACCESS}=${token}` } })).toMatchObject({
      status: 401,
    });
    const [head, , signature] = token.split('.');
    const claims = { ...JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')), sub: 'hal' };
    const forged = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
    expect(await person.ask('/v1/controls', { headers: { cookie: `${ACCESS}=${forged}` } })).toMatchObject({ status: 401 });
    const agents = await cluster.token({ subject: 'grace', scopes: OFFICE });
    expect(await person.ask('/v1/controls', { headers: { cookie: `${ACCESS}=${agents}` } })).toMatchObject({ status: 401 });
  });

  test('a login takes no session that the browser brought: its secret is new, and what was there before is over', async () => {
    const planted = 'p'.repeat(43);
    const victim = someone();
    victim.cookies.set(SESSION, { value: planted, path: '/', attributes: '' });
    await victim.login(GRACE);
    const first = victim.cookie(SESSION);
    expect(first).toMatch(SECRET);
    expect(first).not.toBe(planted);
    const token = victim.cookie(ACCESS);
    await victim.login(GRACE);
    expect(victim.cookie(SESSION)).not.toBe(first);
    const thief = someone();
    thief.cookies.set(SESSION, { value: first, path: '/', attributes: '' });
    thief.cookies.set(ACCESS, { value: token, path: '/v1', attributes: '' });
    expect(await thief.ask('/console/session')).toMatchObject({ status: 401 });
    expect(await thief.ask('/v1/controls')).toMatchObject({ status: 401 });
  });

  test('a login ends the session that the browser had, also where the provider is another site and the browser does not show it', async () => {
    const person = await loggedIn(GRACE);
    const before = person.cookies.get(SESSION);
    const path = await person.atProvider(await person.begin(), GRACE);
    const login = `${LOGIN}=${person.cookie(LOGIN)}`;
    const { headers } = await person.ask(path, { headers: { cookie: login, 'sec-fetch-site': 'cross-site' } });
    expect(headers.get('location')).toBe(`${cluster.gatewayUrl}/console/`);
    const thief = someone();
    if (before !== undefined) thief.cookies.set(SESSION, before);
    expect(await thief.ask('/console/session')).toMatchObject({ status: 401 });
  });

  test('an answer to another login leaves the one that is under way alone', async () => {
    const [attacker, person] = [someone(), someone()];
    const answer = await attacker.atProvider(await attacker.begin(), GRACE);
    const begun = await person.begin();
    for (const foreign of [answer, '/console/session/callback', '/console/session/callback?state=x'])
      expect((await person.ask(foreign)).headers.get('location')).toContain('reason=expired');
    const back = await person.ask(await person.atProvider(begun, GRACE));
    expect(back.headers.get('location')).toBe(`${cluster.gatewayUrl}/console/`);
    expect(person.cookie(LOGIN)).toBe('');
  });

  test('no answer can be put into a frame or taken for another kind than it says, whatever it is', async () => {
    const person = await loggedIn(GRACE);
    for (const [path, headers] of [
      ['/console/', {}],
      ['/console/assets/nothing.js', {}],
      ['/console/session', {}],
      ['/console/session/login', {}],
      ['/console/session/callback', {}],
      ['/console/session/login?return=//evil.example', {}],
      ['/v1/controls', {}],
      ['/v1/controls', { cookie: undefined }],
      ['/v1/nothing', {}],
      ['/nothing', {}],
      ['/mcp', {}],
      ['/console/', { host: 'evil.example' }],
      ['/v1/controls?a=%00', {}],
    ] as const) {
      const answer = await person.ask(path, { headers });
      expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(answer.headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
    }
  });

  test.each([
    ...['//evil.example', 'https://evil.example/console/', '/\\evil.example', '/console/\\evil.example', '/console//evil.example'],
    ...['/consoles', '/v1/controls', '/console/\r\nset-cookie: a=b', '/console/../\\evil.example', 'javascript:alert(1)'],
  ])('no login comes back to %j', async (returnTo) => {
    const { status, headers } = await someone().begin(returnTo);
    expect({ status, location: headers.get('location') }).toEqual({ status: 400, location: null });
  });

  describe('a login comes to nothing', () => {
    test.each<[string, string, NextLogin]>([
      ['the answer is of another provider (mix-up)', 'expired', { ...GRACE, answerIssuer: 'https://evil.example' }],
      ['the answer names no provider', 'expired', { ...GRACE, answerIssuer: null }],
      ['the state is not the one that was sent', 'expired', { ...GRACE, state: 'another' }],
      ['the ID token is of another login', 'provider-unavailable', { claims: { ...GRACE.claims, nonce: 'another' } }],
      ['the ID token is of another provider', 'provider-unavailable', { claims: { ...GRACE.claims, iss: 'https://evil.example' } }],
      ['the ID token is for another client', 'provider-unavailable', { claims: { ...GRACE.claims, aud: 'another' } }],
      ['the ID token is too old', 'provider-unavailable', { claims: { ...GRACE.claims, exp: 1_000 } }],
      ['the key of the ID token is a stranger’s', 'expired', { ...GRACE, signsAsStranger: true }],
      ['the person says no', 'refused', { ...GRACE, refuses: true }],
      ['the tenant is not served here', 'no-tenant', who('grace', ['admin'], 'nobodys')],
      ['no tenant is named', 'no-tenant', who('grace', ['admin'], null)],
      ['the person would be taken for a service', 'refused', who(CLIENT.id, ['admin'])],
      ['the person would be taken for the console itself', 'refused', who('sallyport-console', ['admin'])],
    ])('where %s', async (_, reason, login) => {
      const person = someone();
      expect(await reasonOf(person, await person.atProvider(await person.begin(), login))).toBe(reason);
    });

    test('where its answer was used before, with the cookies of then as well', async () => {
      const person = someone();
      const begun = await person.begin();
      const kept = person.cookie(LOGIN);
      const path = await person.atProvider(begun, GRACE);
      expect((await person.ask(path)).headers.get('location')).toBe(`${cluster.gatewayUrl}/console/`);
      const thief = someone();
      expect(await reasonOf(thief, path)).toBe('expired');
      thief.cookies.set(LOGIN, { value: kept, path: '/', attributes: '' });
      expect(await reasonOf(thief, path)).toBe('expired');
    });

    test('where another browser began it', async () => {
      const [attacker, victim] = [someone(), someone()];
      const path = await attacker.atProvider(await attacker.begin(), GRACE);
      expect(await reasonOf(victim, path)).toBe('expired');
      await victim.begin();
      expect(await reasonOf(victim, path)).toBe('expired');
    });
  });

  test('a session that is over opens nothing, at once: logged out, ended, unused for too long, too old', async () => {
    const ways: readonly [string, (person: Person) => Promise<unknown>][] = [
      ['logged out', (person) => person.ask('/console/session/logout', { method: 'POST', body: {} })],
      [
        'unused',
        () =>
          cluster.admin("UPDATE edge_gateway.console_sessions SET last_seen_at = now() - interval '31 minutes' WHERE subject = 'user:mia'"),
      ],
      ['too old', () => cluster.admin("UPDATE edge_gateway.console_sessions SET expires_at = now() WHERE subject = 'user:mia'")],
    ];
    for (const [name, end] of ways) {
      const person = await loggedIn(who('mia', ['admin']));
      const kept = new Map(person.cookies);
      expect(await person.ask('/v1/controls')).toMatchObject({ status: 200 });
      await end(person);
      for (const [cookie, value] of kept) person.cookies.set(cookie, value);
      for (const path of ['/console/session', '/console/sessions', '/v1/controls', '/v1/audit/calls'])
        expect(await person.ask(path), `${name} ${path}`).toMatchObject({
          status: 401,
          text: expect.stringContaining('console.session-missing'),
        });
      expect(await person.ask('/console/session/renew', { method: 'POST' }), name).toMatchObject({ status: 401 });
    }
  });

  test('logging out tells where the session at the provider ends, and everywhere means everywhere', async () => {
    const [here, there] = [await loggedIn(who('hal', ['admin'])), await loggedIn(who('hal', ['admin']))];
    const { text } = await here.ask('/console/session/logout', { method: 'POST', body: { everywhere: true } });
    const address = new URL(JSON.parse(text).providerLogoutUrl);
    expect(`${address.origin}${address.pathname}`).toBe(`${provider.issuer}/logout`);
    expect(address.searchParams.get('post_logout_redirect_uri')).toBe(`${cluster.gatewayUrl}/console/`);
    expect(here.cookie(SESSION)).toBe('');
    expect(await there.ask('/v1/controls')).toMatchObject({ status: 401 });
  });

  test('logging out ends the session also where nobody can read any more what the provider said', async () => {
    const person = await loggedIn(who('mia', ['viewer']));
    await cluster.admin("UPDATE edge_gateway.console_sessions SET id_token_sealed = 'of another root key' WHERE subject = 'user:mia'");
    const { status, text } = await person.ask('/console/session/logout', { method: 'POST', body: {} });
    expect({ status, body: JSON.parse(text) }).toEqual({ status: 200, body: { providerLogoutUrl: null } });
    expect(person.cookie(SESSION)).toBe('');
  });

  test('people see and end their own sessions, operators those of their tenant, nobody those of another', async () => {
    const [hal, grace, mia, ina] = [
      await loggedIn(who('hal', ['viewer'])),
      await loggedIn(GRACE),
      await loggedIn(who('mia', ['viewer'])),
      await loggedIn(INA),
    ];
    const listOf = async (person: Person, of: string) =>
      OpenConsoleSessions.parse(JSON.parse((await person.ask(`/console/sessions?of=${of}`)).text)).sessions;
    const idOf = async (person: Person): Promise<string> => (await listOf(person, 'me')).find(({ isCurrent }) => isCurrent)?.id ?? '';
    const end = (person: Person, id: string) => person.ask(`/console/sessions/${id}`, { method: 'DELETE' });
    expect(new Set((await listOf(hal, 'me')).map(({ subject }) => subject))).toEqual(new Set(['user:hal']));
    expect(await hal.ask('/console/sessions?of=tenant')).toMatchObject({ status: 403 });
    const ofTenant = await listOf(grace, 'tenant');
    expect(ofTenant.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['user:hal', 'user:grace', 'user:mia']));
    expect((await listOf(ina, 'tenant')).map(({ subject }) => subject)).toEqual(['user:ina']);
    expect(await end(hal, await idOf(mia))).toMatchObject({ status: 404 });
    expect(await end(ina, await idOf(mia))).toMatchObject({ status: 404 });
    expect(await mia.ask('/v1/controls')).toMatchObject({ status: 200 });
    expect(await end(grace, await idOf(mia))).toMatchObject({ status: 200 });
    expect(await mia.ask('/v1/controls')).toMatchObject({ status: 401 });
    expect(await ina.ask('/v1/controls')).toMatchObject({ status: 200 });
    expect((await ina.ask('/v1/controls')).text).not.toContain('a-token-that-was-lost');
  });

  test('logins, ends of sessions and failed logins are on record, and no secret is in them', async () => {
    const grace = await loggedIn(GRACE);
    const mia = await loggedIn(who('mia', ['viewer']));
    const secrets = [grace, mia].flatMap((person) => [person.cookie(SESSION), person.cookie(ACCESS)]);
    const [{ id } = { id: '' }] = OpenConsoleSessions.parse(JSON.parse((await mia.ask('/console/sessions?of=me')).text)).sessions;
    expect(await grace.ask(`/console/sessions/${id}`, { method: 'DELETE' })).toMatchObject({ status: 200 });
    expect(await reasonOf(someone(), '/console/session/callback?code=guessed&state=guessed')).toBe('expired');
    const loginsOf = async (person: Person) => LoginPage.parse(JSON.parse((await person.ask('/v1/audit/logins?limit=200')).text)).logins;
    const logins = await until('both are on record', async () => {
      const found = (await loginsOf(grace)).filter(({ sessionId }) => sessionId === id);
      return found.length === 2 ? found : undefined;
    });
    expect(logins).toMatchObject([
      { what: 'revoked', subject: 'user:mia', by: 'user:grace' },
      { what: 'opened', subject: 'user:mia', by: 'user:mia' },
    ]);
    const ina = await loggedIn(INA);
    expect((await loginsOf(ina)).map(({ subject }) => subject)).not.toContain('user:mia');
    const onRecord = async () => {
      const rows = await cluster.admin<{ event_type: string; value: string }>(
        `SELECT event_type, headers || value AS value FROM audit_projector.audit_event
         WHERE event_type LIKE 'ConsoleSession%' OR value LIKE '%console.login-failed%'`,
      );
      return rows.some(({ event_type }) => event_type === 'RequestRejected') ? rows : undefined;
    };
    const told = JSON.stringify(await until('the failed login is on record', onRecord));
    for (const secret of [...secrets, CLIENT.secret, 'guessed']) expect(told).not.toContain(secret);
    const forSiem = () =>
      cluster.admin<{ value: string }>("SELECT value FROM log.event WHERE topic = 'audit.ocsf.v1' AND value LIKE '%\"class_uid\":3002%'");
    await until('the SIEM is told of logon, logoff and failure', async () => {
      const values = (await forSiem()).map(({ value }) => JSON.parse(value));
      const has = (activity: number, status: number) =>
        values.some(({ activity_id, status_id }) => activity_id === activity && status_id === status);
      return (has(1, 1) && has(2, 1) && has(1, 2)) || undefined;
    });
  });

  test('one session more than a person may have ends the oldest, and nobody else’s', async () => {
    const grace = await loggedIn(GRACE);
    const all: Person[] = [];
    for (let n = 0; n < 4; n++) all.push(await loggedIn(who('mia', ['viewer'])));
    const statuses = await Promise.all(all.map(async (person) => (await person.ask('/v1/controls')).status));
    expect(statuses).toEqual([401, 200, 200, 200]);
    expect(await grace.ask('/v1/controls')).toMatchObject({ status: 200 });
  });
});

describe('the services apart', { timeout: 120_000 }, () => {
  test('each believes the session by the keys that the gateway publishes, under the same rules', async () => {
    const provider = await TestIdentityProvider.start(CLIENT);
    const cluster = await startCluster({ size: 'postgres-separate', configuration: configurationFor(provider) });
    try {
      const person = new Person(cluster, provider);
      await person.login(GRACE);
      expect(await person.ask('/v1/audit/calls', { base: cluster.auditUrl })).toMatchObject({ status: 200 });
      expect(await person.ask('/v1/controls', { ...PUT_CONTROL, base: cluster.policyUrl })).toMatchObject({ status: 200 });
      const without = { ...PUT_CONTROL, base: cluster.policyUrl, headers: { 'sallyport-csrf': undefined } };
      expect(await person.ask('/v1/controls', without)).toMatchObject({ status: 403, text: expect.stringContaining('console.cross-site') });
    } finally {
      await cluster.close();
      await provider.close();
    }
  });
});
