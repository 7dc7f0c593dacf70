import { HTTP_ROUTES, type HttpRoute } from '@sallyport/contracts';
import { CLUSTER_SERVICES, type Cluster, type CountingUpstream, startCluster, startCountingUpstream, until } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ask,
  callIdOf,
  eventsOf,
  expectNothingOf,
  expectRejections,
  faultsOf,
  identities,
  moneyOf,
  OTHER_TENANT,
  OWN_TENANT,
  open,
  type Request,
} from './guarded/asking.ts';
import { beginSession, type GovernedWay, governedWays, METHODS } from './guarded/governed-ways.ts';
import {
  LOGIN_WAYS,
  NOWHERE,
  OFFICE_WAYS,
  type OfficeWay,
  OPEN_WAYS,
  PAGE_WAYS,
  type Possessions,
  SESSION_WAYS,
  UNTOLD_WAYS,
} from './guarded/office-ways.ts';
import { acquire, GRANTED } from './guarded/possessions.ts';
import { routesIn } from './guarded/told-routes.ts';

const ENV = { NODE_OPTIONS: `--import=${new URL('./guarded/tells-routes.preload.ts', import.meta.url).href}` };
/** Every way is tried, a few at a time; on a machine that is busy this takes its time. */
const PATIENCE_MS = 300_000;
/** What every process serves, whatever runs in it. */
const HEALTH = ['GET /healthz', 'GET /readyz'];
const SESSIONS_CATALOG = `server: sessions
defaults:
  owner: story-team
  dataDomain: stories
  supportContact: the story desk
  version: 1.0.0
  lifecycle: active
  lastReviewed: 2026-11-16
  costMicros: 0
  currency: USD
  pin: on-first-use
tools:
  echo: { tier: read }
  add: { tier: write-low }
  slow: { tier: read, pin: by-hand }
`;
const NO_SESSION = { stopped: '' };

describe('every path is guarded: routes from the running programs, methods from the table that decides', () => {
  let cluster: Cluster;
  let upstream: CountingUpstream;
  let own: Possessions;
  let marks: readonly string[] = [];
  let sessions = NO_SESSION;
  const ways = governedWays(
    () => cluster,
    () => sessions,
  );
  const listed = [
    ...new Set([
      ...ways.map(({ route }) => route),
      ...OFFICE_WAYS.map(({ route }) => route),
      ...Object.keys({ ...OPEN_WAYS, ...PAGE_WAYS, ...LOGIN_WAYS, ...SESSION_WAYS }),
      NOWHERE,
    ]),
  ].sort();

  beforeAll(async () => {
    upstream = await startCountingUpstream({ era: 'legacy' });
    cluster = await startCluster({
      size: 'embedded',
      grantedWrites: GRANTED,
      catalog: { sessions: SESSIONS_CATALOG },
      env: ENV,
      configuration: {
        tenants: [OWN_TENANT, OTHER_TENANT].map((id) => ({ id, name: id })),
        identity: identities(),
        gateway: { approvalHoldMs: 1_000, observeEveryMs: 3_600_000, decisionTimeoutMs: 10_000, callTtlMs: 20_000 },
        upstreams: [
          { server: 'sessions', tenant: OWN_TENANT, transport: { kind: 'http', url: upstream.url.href }, answerTimeoutMs: 600_000 },
        ],
      },
    });
    sessions = { stopped: await beginSession(cluster, 'stopped') };
    const body = { control: 'agent', value: 'agent:stopped', active: true, why: 'what it does must be stopped' };
    expect(await ask(cluster, 'office', { verb: 'PUT', path: '/v1/controls', body })).toMatchObject({ status: 200 });
    ({ own, marks } = await acquire(cluster, upstream));
  }, PATIENCE_MS);
  afterAll(async () => {
    cluster?.upstream.release();
    await cluster?.close();
    await upstream?.close();
  });

  test('the routes of the running program are those that are tried here, and no others', () => {
    const told = routesIn(cluster.output());
    expect(told.length).toBeGreaterThan(30);
    expect(told).toEqual(listed);
  });

  test('the OpenAPI document tells the routes of the running program, and no others, with the scopes that let in', () => {
    const told = routesIn(cluster.output()).filter((route) => !UNTOLD_WAYS.includes(route));
    expect(told).toEqual(Object.keys(HTTP_ROUTES).toSorted());
    const scopes = OFFICE_WAYS.map((way) => [way.route, way.scopes.length === 0 ? 'token' : way.scopes]);
    const routes: Readonly<Record<string, HttpRoute>> = HTTP_ROUTES;
    expect(OFFICE_WAYS.map(({ route }) => [route, routes[route]?.access])).toEqual(scopes);
    expect(Object.keys(OPEN_WAYS).map((route) => [route, routes[route]?.access])).toEqual(Object.keys(OPEN_WAYS).map((r) => [r, 'open']));
  });

  test('every method that is decided is tried, on each address that takes it, and one that nobody knows', () => {
    for (const door of ['/mcp', '/mcp/story', '/mcp/sessions'])
      expect(ways.filter((way) => way.door === door).map(({ method }) => method)).toEqual([...METHODS]);
  });

  /** Messages that reached an upstream so far. */
  const messages = (): number => upstream.requests().length + cluster.upstream.calls.length;

  const nameOf = ({ method, door }: GovernedWay): string => `${method} at ${door}`;
  const calls = ways.filter(({ turnedAwayWith }) => turnedAwayWith === null);

  describe('calls', { timeout: PATIENCE_MS }, () => {
    test('without a token every one of them is turned away, on record', async () => {
      await expectRejections(cluster, 'identity.token-missing', ways.length, async () => {
        const faults = await faultsOf(ways, nameOf, async (way) => {
          const { status, text } = await ask(cluster, null, await way.request('agent'));
          expect({ status, text }).toMatchObject({ status: 401, text: expect.stringContaining('identity.token-missing') });
        });
        expect(faults).toEqual([]);
      });
    });

    test('every one is recorded and decided by policy; the call of a tool is held and settled, and nothing else moves money', async () => {
      const faults = await faultsOf(calls, nameOf, async ({ request, method, isCharged }) => {
        const answer = await ask(cluster, 'agent', await request('agent'));
        const callId = callIdOf(answer);
        expect(callId, `${answer.status} ${answer.text.slice(0, 200)}`).not.toBeNull();
        const { call, types } = await cluster.record.call(callId ?? '');
        expect(call).toMatchObject({ tenantId: OWN_TENANT, method, principal: { subject: 'user:ada' } });
        expect(types).toContain('PolicyDecided');
        const money = await until('the call is charged', async () => {
          const told = moneyOf((await cluster.record.call(callId ?? '')).events);
          return !isCharged || told.length > 1 ? told.toSorted() : undefined;
        });
        expect(money).toEqual(isCharged ? ['BudgetReserved', 'BudgetSettled'] : []);
      });
      expect(faults).toEqual([]);
    });

    test('what has no form where it is asked for never becomes a call, and is on record as turned away', async () => {
      for (const way of ways) {
        if (way.turnedAwayWith === null) continue;
        const request = await way.request('agent');
        await expectRejections(cluster, way.turnedAwayWith, 1, async () =>
          expect(callIdOf(await ask(cluster, 'agent', request)), nameOf(way)).toBeNull(),
        );
      }
    });

    test('every one is stopped by a kill switch before it reaches anything, on record', async () => {
      const before = messages();
      const faults = await faultsOf(calls, nameOf, async ({ request, method }) => {
        const answer = await ask(cluster, 'stopped', await request('stopped'));
        const callId = callIdOf(answer);
        expect(callId, `${answer.status} ${answer.text.slice(0, 200)}`).not.toBeNull();
        const { call, types } = await cluster.record.call(callId ?? '');
        const { decision, outcome, code, policyIds } = call;
        expect({ method: call.method, decision, outcome, code, policyIds }).toEqual({
          ...{ method, decision: 'deny', outcome: 'refused', code: 'control.killed', policyIds: ['control.agent'] },
        });
        expect(types).toContain('PolicyDecided');
        expect(types).not.toContain('ToolCallDispatched');
      });
      expect(faults).toEqual([]);
      expect(messages()).toBe(before);
    });

    test('another tenant gets nothing by any of them, reaches nothing, and is on record for itself alone', async () => {
      const requests = new Map(await Promise.all(ways.map(async (way) => [way, await way.request('stranger')] as const)));
      const before = messages();
      const faults = await faultsOf(
        [...requests],
        ([way]) => nameOf(way),
        async ([, request]) => {
          const answer = await ask(cluster, 'stranger', request);
          expectNothingOf(marks, request, answer);
          const callId = callIdOf(answer);
          if (callId === null) {
            expect(answer.status).toBeGreaterThanOrEqual(400);
            return;
          }
          await until('the call is on record in its own tenant', async () => {
            const { status, text } = await ask(cluster, 'other-office', { verb: 'GET', path: `/v1/audit/calls/${callId}` });
            return (status === 200 && text.includes(`"tenantId":"${OTHER_TENANT}"`)) || undefined;
          });
          expect(await ask(cluster, 'office', { verb: 'GET', path: `/v1/audit/calls/${callId}` })).toMatchObject({ status: 404 });
        },
      );
      expect(faults).toEqual([]);
      expect(messages()).toBe(before);
    });
  });

  describe('what people ask for', { timeout: PATIENCE_MS }, () => {
    const routeOf = ({ route }: OfficeWay): string => route;
    const changed = (tenantId: string, { changes }: OfficeWay): Promise<number> =>
      changes === null ? Promise.resolve(0) : eventsOf(cluster, tenantId, changes);
    const ofScope = OFFICE_WAYS.filter(({ scopes }) => scopes.length > 0);

    test('without a token every one of them is turned away, on record', async () => {
      await expectRejections(cluster, 'identity.token-missing', OFFICE_WAYS.length, async () => {
        const faults = await faultsOf(OFFICE_WAYS, routeOf, async (way) => {
          expect(await ask(cluster, null, way.request(own))).toMatchObject({ status: 401 });
        });
        expect(faults).toEqual([]);
      });
    });

    test('every one asks for its scope, tells and changes nothing without it, and says on record who had none', async () => {
      const before = await Promise.all(ofScope.map((way) => changed(OWN_TENANT, way)));
      await expectRejections(cluster, 'identity.forbidden', ofScope.length, async () => {
        const faults = await faultsOf(ofScope, routeOf, async (way) => {
          const answer = await ask(cluster, 'agent', way.request(own));
          expect(answer.status).toBe(403);
          expect(answer.text).toContain('identity.forbidden');
          expectNothingOf(marks, way.request(own), answer);
        });
        expect(faults).toEqual([]);
      });
      expect(await Promise.all(ofScope.map((way) => changed(OWN_TENANT, way)))).toEqual(before);
    });

    test('another tenant with every scope gets nothing of this one by any of them, and changes nothing', async () => {
      const before = await Promise.all(OFFICE_WAYS.map((way) => changed(OWN_TENANT, way)));
      const probe = async (way: OfficeWay): Promise<void> => {
        const answer = await ask(cluster, way.asks === 'agent' ? 'stranger' : 'other-office', way.request(own));
        expectNothingOf(marks, way.request(own), answer);
        if (way.isAboutOne) expect([403, 404]).toContain(answer.status);
      };
      // What it writes into its own tenant here has our marks in it, and it may read that: so it looks first.
      const isLook = ({ route }: OfficeWay): boolean => route.startsWith('GET ');
      const faults = [...(await faultsOf(OFFICE_WAYS.filter(isLook), routeOf, probe))];
      faults.push(
        ...(await faultsOf(
          OFFICE_WAYS.filter((way) => !isLook(way)),
          routeOf,
          probe,
        )),
      );
      expect(faults).toEqual([]);
      expect(await Promise.all(OFFICE_WAYS.map((way) => changed(OWN_TENANT, way)))).toEqual(before);
    });

    test('the tail shows another tenant its own calls from the beginning, and none of this one', async () => {
      const mine = await ask(cluster, 'stranger', { verb: 'GET', path: '/v1/tools' });
      const callId = callIdOf(mine) ?? '';
      const request = { verb: 'GET', path: '/v1/audit/tail?cursor=0', headers: { accept: 'text/event-stream' } };
      const { body, headers, status } = await open(cluster, 'other-office', request);
      expect(status).toBe(200);
      let text = '';
      for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        if (text.includes(callId)) break;
      }
      expect(text).toContain(callId);
      expectNothingOf(marks, request, { status, headers, text });
    });

    // Last: they change what the others look at.
    test.each(OFFICE_WAYS.map((way): [string, OfficeWay] => [way.route, way]))(
      '%s does what it is for, and what it changes is on record',
      async (_, way) => {
        const before = await changed(OWN_TENANT, way);
        const answer = await ask(cluster, way.asks, way.request(own));
        expect(answer.status, answer.text.slice(0, 500)).toBe(200);
        if (way.changes === null) return;
        await until(`${way.changes} is on record`, async () => ((await changed(OWN_TENANT, way)) > before ? true : undefined));
      },
    );
  });

  test.each(Object.entries(OPEN_WAYS))('%s is open to everybody and says nothing of any tenant', async (_, path) => {
    const request: Request = { verb: 'GET', path };
    const answer = await ask(cluster, null, request);
    expect(answer.status).toBe(200);
    expectNothingOf([...marks, OWN_TENANT, OTHER_TENANT], request, answer);
  });

  test.each(Object.entries(PAGE_WAYS))('%s, a page or file of the console, is open and says nothing of any tenant', async (_, path) => {
    const request: Request = { verb: 'GET', path: path.endsWith('/') ? path + (await scriptOfConsole()) : path };
    const answer = await ask(cluster, null, request);
    expect(answer.status).toBe(200);
    expectNothingOf([...marks, OWN_TENANT, OTHER_TENANT], request, answer);
  });

  /** The name of the script that the console's page asks for. */
  const scriptOfConsole = async (): Promise<string> => {
    const { text } = await ask(cluster, null, { verb: 'GET', path: '/console' });
    const [, name = ''] = /\/console\/assets\/([\w.-]+\.js)/.exec(text) ?? [];
    return name;
  };

  test('nobody gets into a session of the console without its cookie, whatever token they have, and each is on record', async () => {
    const ways = Object.entries(SESSION_WAYS).flatMap(([route, request]) =>
      ([null, 'office'] as const).map((asker) => ({ route, request, asker })),
    );
    await expectRejections(cluster, 'console.session-missing', ways.length, async () => {
      for (const { route, request, asker } of ways) {
        const { status, text } = await ask(cluster, asker, request);
        expect({ status, text }, route).toMatchObject({ status: 401, text: expect.stringContaining('console.session-missing') });
      }
    });
  });

  test.each(Object.entries(LOGIN_WAYS))(
    '%s sends who cannot be logged in back to the console, without a cookie of a session',
    async (_, path) => {
      const { status, headers } = await cluster.fetchRaw(path, { redirect: 'manual' });
      expect(status).toBe(303);
      expect(headers.get('location')).toMatch(new RegExp(`^${cluster.gatewayUrl}/console/login\\?reason=`));
      expect(headers.getSetCookie().join()).not.toMatch(/sallyport-(session|access)/);
    },
  );

  test('an address that is none is turned away, on record, with or without a token', async () => {
    for (const asker of [null, 'agent', 'office'] as const)
      await expectRejections(cluster, 'request.not-found', 1, async () => {
        expect((await ask(cluster, asker, { verb: 'GET', path: '/v2/anything' })).status).toBe(404);
      });
  });
});

describe('the services apart', () => {
  test('serve together exactly what is guarded above, and nothing else but health', { timeout: PATIENCE_MS }, async () => {
    const cluster = await startCluster({ size: 'postgres-separate', env: ENV });
    try {
      const told = CLUSTER_SERVICES.map((service) => routesIn(cluster.service(service).lines));
      for (const routes of told) expect(routes).toEqual(expect.arrayContaining(HEALTH));
      const own = told.flatMap((routes) => routes.filter((route) => !HEALTH.includes(route)));
      const ways = governedWays(
        () => cluster,
        () => NO_SESSION,
      );
      const listed = new Set([
        ...ways.map(({ route }) => route),
        ...OFFICE_WAYS.map(({ route }) => route),
        ...Object.keys({ ...OPEN_WAYS, ...PAGE_WAYS, ...LOGIN_WAYS, ...SESSION_WAYS }),
        NOWHERE,
      ]);
      expect(own.toSorted()).toEqual([...listed].filter((route) => !HEALTH.includes(route)).sort());
    } finally {
      await cluster.close();
    }
  });
});
