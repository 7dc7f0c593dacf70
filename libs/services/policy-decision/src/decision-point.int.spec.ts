import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  type AnyEnvelope,
  AppError,
  decodeEvent,
  type EventData,
  encodeEvent,
  type Principal,
  type RequestFacts,
} from '@sallyport/contracts';
import { LogStrategy, MemoryEventLog, postgresPositions } from '@sallyport/log';
import {
  AppErrorFilter,
  createLogger,
  type Database,
  openDatabase,
  openSealer,
  parseRootKey,
  quietTelemetry,
  systemClock,
  systemIdSource,
} from '@sallyport/platform';
import { anEvent, requestFacts, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type DeclaredTenant, PolicyDecisionModule, policyDecisionMigrations } from './index.js';

const ROOT = join(import.meta.dirname, '../../../..');
const folderOf = (folder: string, pattern: RegExp): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => pattern.test(file))
      .map((file) => [file, readFileSync(join(ROOT, folder, file), 'utf8')]),
  );

const POLICIES = folderOf('policies', /\.(cedar|cedarschema|yaml)$/);
const TENANT: DeclaredTenant = {
  id: 'acme',
  identity: {
    users: [
      { id: 'user:ada', scopes: ['tools:read', 'tools:write'] },
      { id: 'user:grace', scopes: ['tools:read', 'sallyport:operate'] },
      { id: 'user:olga', scopes: ['sallyport:audit'] },
    ],
    agents: [
      { id: 'agent:triage', scopes: ['tools:read'] },
      { id: 'agent:writer', scopes: ['tools:read', 'tools:write'] },
    ],
    delegations: ['agent:triage', 'agent:writer'].map((agent) => ({ subject: '*', agent, scopes: ['tools:read', 'tools:write'] })),
  },
  policies: POLICIES,
  catalog: folderOf('catalog', /\.yaml$/),
};
const DIGEST = `sha256:${'1'.repeat(64)}`;
const OTHER_DIGEST = `sha256:${'2'.repeat(64)}`;

let postgres: TestPostgres;
let db: Database;
let log: MemoryEventLog;
let app: NestFastifyApplication;
const sealer = openSealer({ rootKey: parseRootKey(randomBytes(32).toString('base64url'), 'test'), clock: systemClock });
const waits: number[] = [];
let calls = 0;

const start = async (tenants: readonly DeclaredTenant[] = [TENANT]): Promise<NestFastifyApplication> => {
  const authenticate = async (authorization: string | undefined): Promise<Principal> => {
    if (authorization === undefined) throw new AppError('identity.token-missing', 'no header');
    const [subject = '', tenantId = 'acme'] = authorization.replace('Bearer ', '').split('@');
    return { ...requestFacts().principal, subject, tenantId, actors: [], scopes: ['tools:read', 'sallyport:operate', 'sallyport:audit'] };
  };
  const module = await Test.createTestingModule({
    imports: [
      PolicyDecisionModule.forRoot({
        ...{
          db,
          log,
          sealer,
          tenants,
          clock: systemClock,
          ids: systemIdSource,
          telemetry: quietTelemetry(),
          authenticator: { authenticate },
        },
        instanceId: 'pdp-1',
        onFault: (what, error) => console.error(what, error),
        wait: async (milliseconds) => {
          waits.push(milliseconds);
        },
      }),
    ],
  }).compile();
  const created = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  created.useGlobalFilters(new AppErrorFilter(createLogger('test', { level: 'silent' })));
  created.connectMicroservice({ strategy: new LogStrategy({ log, positions: () => postgresPositions(db) }) });
  await created.init();
  await created.startAllMicroservices();
  return created;
};

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  await postgres.stop();
});
beforeEach(async () => {
  const database = await postgres.createDatabase();
  db = await openDatabase({
    url: database.url,
    schema: 'policy_decision',
    applicationName: 'test',
    migrations: policyDecisionMigrations(),
  });
  log = new MemoryEventLog();
  waits.length = 0;
  app = await start();
  await observe([
    ['fs', 'read_text_file'],
    ['fs', 'write_file'],
    ['everything', 'echo'],
    ['everything', 'get-env'],
    ['everything', 'surprise'],
  ]);
});
afterEach(async () => {
  await app.close();
  await log.close();
  await db.close();
});

const eventsOf = (topic: string): AnyEnvelope[] => log.recordsOf(topic).map((record) => decodeEvent(record));
const decisionOf = (callId: string, evaluation = 1): EventData<'PolicyDecided'> | undefined => {
  for (const event of eventsOf('policy.events.v1')) {
    if (event.type === 'PolicyDecided' && event.callId === callId && event.data.evaluation === evaluation) return event.data;
  }
  return undefined;
};
const decided = (callId: string, evaluation = 1): Promise<EventData<'PolicyDecided'>> =>
  vi.waitFor(
    () => {
      const data = decisionOf(callId, evaluation);
      if (data === undefined) throw new Error(`no decision on ${callId}`);
      return data;
    },
    { timeout: 10_000, interval: 2 },
  );

interface Wish {
  readonly tool?: string;
  readonly actor?: string;
  readonly args?: object;
  readonly facts?: Partial<RequestFacts>;
  readonly tenantId?: string;
  readonly chainId?: string;
}

const request = async ({
  tool = 'fs/read_text_file',
  actor = 'agent:triage',
  args = {},
  facts = {},
  tenantId = 'acme',
  chainId = 'chain-1',
}: Wish = {}): Promise<string> => {
  calls += 1;
  const callId = `call-${calls}`;
  const [server = '', name = ''] = tool.split('/');
  const principal = { ...requestFacts().principal, tenantId, actors: [actor], scopes: ['tools:read', 'tools:write'] };
  const data = {
    ...requestFacts({ principal, method: 'tools/call', target: { kind: 'tool', server, name }, tool: null, ...facts }),
    sealedParams: sealer.seal(tenantId, JSON.stringify({ name, arguments: args }), callId),
    ...{ idempotencyKeyHash: null, ttlMs: 8_000, requires: ['policy' as const] },
  };
  const event = anEvent('ToolCallRequested', data, { callId, tenantId, key: chainId, chainId });
  await log.append([encodeEvent(event)]);
  return callId;
};

const observe = async (tools: readonly (readonly [string, string])[], digest = DIGEST): Promise<void> => {
  for (const [server, name] of tools) {
    const definitions = [{ name, digest, definition: { name, description: 'a \u0000 tool', inputSchema: { type: 'object' } } }];
    const data = { server, protocolVersion: '2025-11-25', serverName: server, serverVersion: '1', definitions };
    await log.append([encodeEvent(anEvent('ToolDefinitionsObserved', data, { callId: null, chainId: null, key: 'edge' }))]);
  }
  await vi.waitFor(async () => {
    const { rows } = await db.query<{ count: string }>('SELECT count(*) FROM catalog_tool WHERE observed LIKE $1', [`%${digest}%`]);
    if (Number(rows[0]?.count) < tools.length) throw new Error('not observed yet');
  }, 10_000);
};

const http = async (method: 'GET' | 'PUT' | 'POST', url: string, body?: object, as: string | null = 'user:grace') => {
  const answer = await app.inject({
    method,
    url,
    headers: as === null ? {} : { authorization: `Bearer ${as}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: answer.json() };
};

test('answers a request with one decision, caused by it, in its trace, for its edge', async () => {
  const callId = await request({ args: { path: 'notes.txt' } });
  expect(await decided(callId)).toMatchObject({
    effect: 'allow',
    code: null,
    policyIds: ['read-by-scope', 'mask-results', 'mask-secrets'],
    engine: expect.stringMatching(/^cedar /),
    obligations: [{ type: 'mask-arguments' }, { type: 'mask-result' }],
    evaluation: 1,
  });
  const event = eventsOf('policy.events.v1').find((one) => one.callId === callId);
  const asked = log.recordsOf('tool-call.events.v1').find((one) => one.headers.ce_subject === callId);
  expect(event).toMatchObject({
    causationId: asked?.id,
    edgeId: 'edge-1',
    chainId: 'chain-1',
    key: 'chain-1',
    subject: 'user:ada',
    source: '/policy-decision/pdp-1',
  });
  expect(event?.traceparent.slice(0, 35)).toBe(asked?.headers.traceparent?.slice(0, 35));
  expect(event?.traceparent).not.toBe(asked?.headers.traceparent);
});

test('decides by true arguments, not by what the event shows of them', async () => {
  const callId = await request({ args: { path: '/sandbox/.env' }, facts: { paramsMasked: { path: 'harmless.txt' } } });
  expect(await decided(callId)).toMatchObject({ effect: 'deny', code: 'policy.denied', policyIds: ['no-credential-files'] });
});

test('denies what it cannot open, and a tenant it does not know', async () => {
  calls += 1;
  const callId = `call-${calls}`;
  const data = {
    ...requestFacts({ target: { kind: 'tool', server: 'fs', name: 'read_text_file' } }),
    sealedParams: 'forged',
    idempotencyKeyHash: null,
    ttlMs: 8_000,
    requires: ['policy' as const],
  };
  await log.append([encodeEvent(anEvent('ToolCallRequested', data, { callId }))]);
  expect(await decided(callId)).toMatchObject({ effect: 'deny', code: 'policy.denied', policyIds: ['engine.failed'] });
  expect(await decided(await request({ tenantId: 'stranger' }))).toMatchObject({ effect: 'deny', policyIds: ['tenant.unknown'] });
});

test('a decision made again has the same id', async () => {
  const callId = await request();
  await decided(callId);
  const record = log.recordsOf('tool-call.events.v1').find((one) => one.headers.ce_subject === callId);
  if (record === undefined) throw new Error('the request is gone');
  await log.append([record]);
  const ids = await vi.waitFor(() => {
    const found = eventsOf('policy.events.v1').filter((one) => one.callId === callId);
    if (found.length < 2) throw new Error('not decided again yet');
    return found.map(({ id }) => id);
  });
  expect(new Set(ids).size).toBe(1);
});

test('asks again: by memory, by what the question carries, and with a clear no when it knows neither', async () => {
  const ask = async (callId: string, over: Partial<EventData<'ToolCallReevaluationRequested'>>): Promise<void> => {
    const data = {
      evaluation: 2,
      reason: 'decision-too-old' as const,
      sealedParams: null,
      paramsHash: 'h'.repeat(43),
      labels: [],
      edgeId: 'edge-1',
      ...over,
    };
    await log.append([encodeEvent(anEvent('ToolCallReevaluationRequested', data, { callId }))]);
  };
  const known = await request();
  await decided(known);
  await ask(known, {});
  expect(await decided(known, 2)).toMatchObject({ effect: 'allow', evaluation: 2 });
  await ask(known, {
    evaluation: 3,
    reason: 'new-input',
    sealedParams: sealer.seal('acme', JSON.stringify({ arguments: { path: 'key.pem' } }), known),
  });
  expect(await decided(known, 3)).toMatchObject({ effect: 'deny', policyIds: ['no-credential-files'] });
  await ask('call-elsewhere', {});
  expect(await decided('call-elsewhere', 2)).toMatchObject({ effect: 'deny', code: 'policy.unavailable' });
  const facts = requestFacts({
    principal: { ...requestFacts().principal, actors: ['agent:triage'] },
    target: { kind: 'tool', server: 'fs', name: 'read_text_file' },
    tool: { id: 'fs/read_text_file', definitionDigest: DIGEST, version: '1', riskTier: 'read' },
  });
  await ask('call-whole', { request: facts, sealedParams: sealer.seal('acme', '{"arguments":{}}', 'call-whole') });
  expect(await decided('call-whole', 2)).toMatchObject({ effect: 'allow' });
});

test('tools are pinned at first sight, held when they change, and open again when a person accepts; an undeclared one is never callable', async () => {
  expect(await decided(await request({ tool: 'everything/get-env' }))).toMatchObject({ code: 'catalog.not-callable' });
  expect(await decided(await request({ tool: 'everything/surprise' }))).toMatchObject({ code: 'tool.unknown' });
  await observe([['everything', 'echo']], OTHER_DIGEST);
  expect(await decided(await request({ tool: 'everything/echo' }))).toMatchObject({ code: 'catalog.not-callable' });
  const shown = await http('GET', '/v1/catalog/everything/echo');
  expect(shown.body).toMatchObject({ pinnedDigest: DIGEST, driftedDigest: OTHER_DIGEST, missing: ['definition-drifted'] });
  expect(await http('POST', '/v1/catalog/everything/echo/pin', { why: 'seen', digest: DIGEST })).toMatchObject({ status: 409 });
  expect(await http('POST', '/v1/catalog/everything/echo/pin', { why: 'reviewed' })).toMatchObject({
    status: 200,
    body: { pinnedDigest: OTHER_DIGEST, missing: [] },
  });
  expect(await decided(await request({ tool: 'everything/echo' }))).toMatchObject({ effect: 'allow' });
  const types = eventsOf('policy.events.v1').map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(['DefinitionPinned', 'DefinitionDrifted', 'CatalogChanged', 'PolicyChanged']));
  const state = eventsOf('catalog.state.v1')
    .filter((one) => one.key === 'acme/everything/echo')
    .at(-1);
  expect(state).toMatchObject({
    type: 'ToolInCatalog',
    data: { pinnedDigest: OTHER_DIGEST, definition: { description: 'a \u0000 tool' } },
  });
});

test('a list shows what may be called, and follows the state it is decided by', async () => {
  const list = (): Promise<string> =>
    request({ facts: { method: 'tools/list', target: { kind: 'gateway', server: null, name: null } }, actor: 'agent:writer' });
  expect((await decided(await list())).visible).toEqual(['everything/echo', 'fs/read_text_file', 'fs/write_file']);
  await http('PUT', '/v1/controls', { control: 'server', value: 'fs', active: true, why: 'maintenance' });
  expect((await decided(await list())).visible).toEqual(['everything/echo']);
});

test('a change of policy in the middle of a stream: whatever is appended after it returned is decided by the new set', async () => {
  const before: string[] = [];
  const after: string[] = [];
  let changed = false;
  const stream = (async () => {
    while (after.length < 50) {
      const asOfChange = changed;
      const callId = await request({ chainId: `chain-${calls % 7}` });
      (asOfChange ? after : before).push(callId);
      if (calls % 5 === 0) await new Promise(setImmediate);
    }
  })();
  await vi.waitFor(() => expect(before.length).toBeGreaterThan(20));
  const forbid = '@id("stop") forbid(principal, action == Action::"call", resource in Server::"fs");';
  const { tests: _tests, ...files } = { ...POLICIES, tests: '' };
  const put = { ...Object.fromEntries(Object.entries(files).filter(([file]) => !file.startsWith('tests/'))), 'stop.cedar': forbid };
  const answer = await http('PUT', '/v1/policies', { files: put, why: 'a test' });
  expect(answer.status).toBe(200);
  changed = true;
  await stream;
  const decisions = await Promise.all(after.map((callId) => decided(callId)));
  expect(new Set(decisions.map(({ policySetHash }) => policySetHash))).toEqual(new Set([answer.body.policySetHash]));
  expect(new Set(decisions.map(({ effect }) => effect))).toEqual(new Set(['deny']));
  expect((await decided(before[0] ?? '')).effect).toBe('allow');
  expect(waits).toContain(1_000);
  expect(eventsOf('policy.state.v1').at(-1)?.data).toMatchObject({ policySetHash: answer.body.policySetHash, epoch: answer.body.epoch });
});

test('a set with faults is not put in force, and every fault is named', async () => {
  const put = {
    ...POLICIES,
    'bad.cedar': 'permit(principal, action, resource);\n@id("x") permit(principal, action == Action::"fly", resource);',
    'junk.txt': '',
  };
  const answer = await http('PUT', '/v1/policies', { files: put, why: 'a test' });
  expect(answer).toMatchObject({ status: 422, body: { code: 'policy.invalid' } });
  expect(answer.body.detail.faults.join('\n')).toMatch(/junk\.txt[\s\S]*bad\.cedar/);
  const broken = {
    ...POLICIES,
    'extra.cedar': '@id("all-writes") permit(principal, action == Action::"call", resource is Tool) when { resource.tags.isEmpty() };',
  };
  const refused = await http('PUT', '/v1/policies', { files: broken, why: 'a test' });
  expect(refused.body.detail.faults.join('\n')).toContain('a low-risk write that nobody granted is refused');
  expect(await decided(await request())).toMatchObject({ effect: 'allow' });
});

test.each([
  ['tool', 'fs/read_text_file'],
  ['server', 'fs'],
  ['agent', 'agent:triage'],
  ['subject', 'user:ada'],
  ['all', '*'],
])('a kill switch on %s stops calls until it is lifted', async (control, value) => {
  const set = (active: boolean) => http('PUT', '/v1/controls', { control, value, active, why: 'a test' });
  expect(await set(true)).toMatchObject({ status: 200, body: { control, value, active: true, changedBy: 'user:grace' } });
  expect(await decided(await request())).toMatchObject({ effect: 'deny', code: 'control.killed', policyIds: [`control.${control}`] });
  expect((await http('GET', '/v1/controls')).body.controls).toMatchObject([{ control, value, active: true }]);
  await set(false);
  expect(await decided(await request())).toMatchObject({ effect: 'allow' });
  expect(eventsOf('controls.state.v1').map(({ data }) => data)).toMatchObject([{ active: true }, { active: false }]);
});

test('a dead letter of any service stops its chain, and only that, until a person resolves it', async () => {
  const headers = {
    ...encodeEvent(
      anEvent(
        'ToolCallRequested',
        { ...requestFacts(), sealedParams: 'x', idempotencyKeyHash: null, ttlMs: 1, requires: ['policy'] },
        { key: 'sick', chainId: 'sick' },
      ),
    ).headers,
  };
  await log.append([{ topic: 'audit-projector.dead-letter.v1', key: 'sick', id: 'letter-1', headers, value: '{}' }]);
  await vi.waitFor(() => expect(eventsOf('policy.events.v1').some(({ type }) => type === 'ChainPoisoned')).toBe(true));
  expect(await decided(await request({ chainId: 'sick' }))).toMatchObject({ effect: 'deny', code: 'chain.poisoned' });
  expect(await decided(await request({ chainId: 'well' }))).toMatchObject({ effect: 'allow' });
  expect(await http('POST', '/v1/chains/other/resolve', { why: 'x' })).toMatchObject({ status: 404 });
  expect(await http('POST', '/v1/chains/sick/resolve', { why: 'looked into it' })).toMatchObject({ status: 200 });
  expect(await decided(await request({ chainId: 'sick' }))).toMatchObject({ effect: 'allow' });
});

test('a request that nobody waits for any more is not answered', async () => {
  const late = await request({ facts: {} });
  await decided(late);
  const record = log.recordsOf('tool-call.events.v1').find((one) => one.headers.ce_subject === late);
  if (record === undefined) throw new Error('the request is gone');
  const value = JSON.stringify({ ...JSON.parse(record.value), ttlMs: 1 });
  const now = vi.spyOn(Date, 'now').mockReturnValueOnce(Date.now() - 120_000);
  await log.append([{ ...record, value, headers: { ...record.headers, ce_subject: 'call-late' } }]);
  now.mockRestore();
  await decided(await request());
  expect(decisionOf('call-late')).toBeUndefined();
});

const READ_ROUTES = [
  '/v1/catalog',
  '/v1/catalog/servers',
  '/v1/policies',
  '/v1/policies/versions',
  '/v1/policies/1',
  '/v1/access?limit=1',
  '/v1/access/names',
];

test.each(READ_ROUTES)('%s is read with the scope to audit or to operate, in a tenant that is declared', async (route) => {
  expect(await http('GET', route, undefined, null)).toMatchObject({ status: 401 });
  expect(await http('GET', route, undefined, 'user:ada')).toMatchObject({ status: 403, body: { code: 'identity.forbidden' } });
  expect(await http('GET', route, undefined, 'user:grace@stranger')).toMatchObject({ status: 403 });
  expect(await http('GET', route, undefined, 'user:olga')).not.toMatchObject({ status: 403 });
});

test('the catalog comes in pages, by what is wanted, and its servers are counted', async () => {
  const names: string[] = [];
  let cursor = '';
  do {
    const { body } = await http('GET', `/v1/catalog?limit=7${cursor}`);
    expect(body.tools.length).toBeLessThanOrEqual(7);
    names.push(...body.tools.map(({ id }: { id: string }) => id));
    cursor = body.nextCursor === null ? '' : `&cursor=${encodeURIComponent(body.nextCursor)}`;
  } while (cursor !== '');
  expect(names).toEqual([...new Set(names)].sort());
  expect(names).toContain('fs/write_file');
  await observe([['everything', 'echo']], OTHER_DIGEST);
  const ids = async (query: string): Promise<string[]> =>
    (await http('GET', `/v1/catalog?limit=200&${query}`)).body.tools.map(({ id }: { id: string }) => id);
  expect(await ids('state=held')).toEqual(['everything/echo']);
  expect(await ids('state=callable&server=fs')).toEqual(['fs/read_text_file', 'fs/write_file']);
  expect(await ids('text=SURPRISE')).toEqual(['everything/surprise']);
  const { body } = await http('GET', '/v1/catalog/servers');
  expect(body.servers.find(({ server }: { server: string }) => server === 'everything')).toMatchObject({ held: 1, stopped: false });
  expect(await http('GET', '/v1/catalog?state=lost')).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
});

test('a drifted tool shows both definitions, and since when the other one was seen', async () => {
  await observe([['everything', 'echo']], OTHER_DIGEST);
  const shown = (await http('GET', '/v1/catalog/everything/echo')).body;
  expect(shown).toMatchObject({
    pinnedDigest: DIGEST,
    definition: { name: 'echo' },
    observed: { digest: OTHER_DIGEST, definition: { name: 'echo' } },
  });
  await observe([['everything', 'echo']], OTHER_DIGEST);
  await observe([['fs', 'list_directory']], OTHER_DIGEST);
  expect((await http('GET', '/v1/catalog/everything/echo')).body.observed).toEqual(shown.observed);
  expect(Date.parse(shown.observed.seenAt)).not.toBeNaN();
});

test('a policy set is shown as it was, with who changed it, and its rules with what they oblige to', async () => {
  const before = (await http('GET', '/v1/policies')).body;
  expect(before).toMatchObject({ lastChange: { changedBy: 'system:declared-files', policySetHash: before.policySetHash } });
  const files = {
    ...POLICIES,
    'more.cedar': '@id("more") @reason("A test.") forbid(principal, action == Action::"call", resource in Server::"more");',
  };
  const after = (await http('PUT', '/v1/policies', { files, why: 'a rule more' })).body;
  const { versions } = (await http('GET', '/v1/policies/versions')).body;
  expect(versions).toMatchObject([
    { policySetHash: after.policySetHash, changedBy: 'user:grace', why: 'a rule more' },
    { policySetHash: before.policySetHash, changedBy: 'system:declared-files' },
  ]);
  const page = (await http('GET', '/v1/policies/versions?limit=1')).body;
  expect((await http('GET', `/v1/policies/versions?cursor=${page.nextCursor}`)).body.versions).toEqual(versions.slice(1));
  const old = (await http('GET', `/v1/policies/${before.policySetHash}`)).body;
  expect(old).toMatchObject({ inForce: false, before: null, files: POLICIES });
  expect(old.policies.find(({ id }: { id: string }) => id === 'high-risk-asks')).toMatchObject({
    ...{ effect: 'permit', obligation: { type: 'require-approval', ruleIds: ['high-risk'] } },
    text: expect.stringContaining('write-high'),
  });
  const now = (await http('GET', `/v1/policies/${versions[0].epoch}`)).body;
  expect(now).toMatchObject({ inForce: true, before: { policySetHash: before.policySetHash } });
  expect(now.policies.find(({ id }: { id: string }) => id === 'more')).toMatchObject({
    effect: 'forbid',
    reason: 'A test.',
    obligation: null,
  });
  for (const version of ['nothing', `sha256:${'0'.repeat(64)}`, '999999'])
    expect(await http('GET', `/v1/policies/${version}`)).toMatchObject({ status: 404 });
});

test('the tests of the set in force are run on request, and nothing is changed by it', async () => {
  const before = log.recordsOf('policy.events.v1').length;
  const { body } = await http('POST', '/v1/policies/test', undefined, 'user:olga');
  expect(body).toMatchObject({ failed: 0, hasMore: false, policySetHash: (await http('GET', '/v1/policies')).body.policySetHash });
  expect(body.passed).toBeGreaterThan(20);
  expect(body.results).toHaveLength(body.passed);
  expect(log.recordsOf('policy.events.v1')).toHaveLength(before);
  expect(await http('POST', '/v1/policies/test', undefined, 'user:ada')).toMatchObject({ status: 403 });
});

test('who may what is told as calls are decided, and what depends on the arguments is never a yes', async () => {
  const cell = async (subject: string, agent: string, tool: string) => {
    const query = new URLSearchParams({ subject, agent, tool });
    const { cells, ...others } = (await http('GET', `/v1/access?${query}`)).body;
    expect(cells, JSON.stringify(others)).toHaveLength(1);
    return cells[0];
  };
  expect(await cell('user:ada', 'agent:triage', 'everything/echo')).toMatchObject({
    answer: 'allow',
    policyIds: expect.arrayContaining(['read-by-scope']),
  });
  expect(await cell('user:ada', 'agent:triage', 'fs/read_text_file')).toMatchObject({
    ...{ answer: 'depends', dependsOn: ['arguments'], policyIds: expect.arrayContaining(['read-by-scope', 'no-credential-files']) },
  });
  expect(await cell('user:ada', 'agent:triage', 'fs/write_file')).toMatchObject({
    answer: 'deny',
    code: 'tool.unknown',
    policyIds: ['tool.hidden'],
  });
  expect(await cell('user:olga', 'agent:writer', 'everything/echo')).toMatchObject({ answer: 'deny' });
  expect(await cell('user:nobody', 'none', 'everything/echo')).toMatchObject({ answer: 'deny', agent: null });
  expect(await cell('user:ada', 'agent:triage', 'everything/get-env')).toMatchObject({ answer: 'deny' });
  await http('PUT', '/v1/controls', { control: 'agent', value: 'agent:triage', active: true, why: 'a test' });
  expect(await cell('user:ada', 'agent:triage', 'everything/echo')).toMatchObject({
    answer: 'deny',
    code: 'control.killed',
    policyIds: ['control.agent'],
  });
});

test('the matrix comes in pages that hold every cell once, with the scopes of each pair', async () => {
  const seen: string[] = [];
  let cursor = '';
  do {
    const { body } = await http('GET', `/v1/access?subject=user:ada&limit=20${cursor}`);
    seen.push(...body.cells.map(({ agent, tool }: { agent: string; tool: string }) => `${agent} ${tool}`));
    for (const { agent, inForce } of body.pairs) if (agent === 'agent:triage') expect(inForce).toEqual(['tools:read']);
    cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
  } while (cursor !== '');
  const { tools } = (await http('GET', '/v1/catalog?limit=200')).body;
  expect(seen).toHaveLength(new Set(seen).size);
  expect(seen).toHaveLength(3 * tools.length);
  expect(await http('GET', '/v1/access?cursor=nonsense')).toMatchObject({ status: 400 });
  expect((await http('GET', '/v1/access/names')).body).toMatchObject({ agents: ['agent:triage', 'agent:writer'] });
});

test('operators are let in by token and scope, in their own tenant', async () => {
  expect(await http('GET', '/v1/policies', undefined, null)).toMatchObject({ status: 401, body: { code: 'identity.token-missing' } });
  expect(await http('GET', '/v1/policies', undefined, 'user:ada')).toMatchObject({ status: 403 });
  expect(await http('GET', '/v1/policies', undefined, 'user:grace@stranger')).toMatchObject({ status: 403 });
  expect(await http('GET', '/v1/catalog', undefined, 'user:olga')).toMatchObject({ status: 200 });
  const change = { control: 'all', value: '*', active: true, why: 'x' };
  expect(await http('PUT', '/v1/controls', change, 'user:olga')).toMatchObject({ status: 403 });
  expect(await http('PUT', '/v1/controls', { ...change, control: 'agent', value: 'triage' })).toMatchObject({
    status: 400,
    body: { code: 'request.invalid' },
  });
  const inForce = await http('GET', '/v1/policies', undefined, 'user:olga');
  expect(inForce.body).toMatchObject({
    policySetHash: expect.stringMatching(/^sha256:/),
    policies: expect.arrayContaining([expect.objectContaining({ id: 'writers-low' })]),
  });
});

test('starting again with the same files changes nothing; other files are put in force; a tenant taken out is unknown', async () => {
  const epochOf = async (): Promise<number> => Number((await db.query<{ epoch: string }>('SELECT epoch FROM epoch')).rows[0]?.epoch);
  const epoch = await epochOf();
  await app.close();
  app = await start();
  expect(await epochOf()).toBe(epoch);
  await app.close();
  app = await start([
    { ...TENANT, identity: { ...TENANT.identity, agents: [] } },
    { ...TENANT, id: 'beta' },
  ]);
  expect(await epochOf()).toBe(epoch + 1);
  expect(await decided(await request())).toMatchObject({ effect: 'deny', code: 'tool.unknown' });
  await app.close();
  app = await start([{ ...TENANT, id: 'beta' }]);
  expect(await decided(await request())).toMatchObject({ effect: 'deny', policyIds: ['tenant.unknown'] });
});

test('several replicas that start together put the files in force once', async () => {
  await app.close();
  await db.query('DELETE FROM tenant');
  const before = Number((await db.query<{ epoch: string }>('SELECT epoch FROM epoch')).rows[0]?.epoch);
  const apps = await Promise.all([start(), start(), start()]);
  expect(Number((await db.query<{ epoch: string }>('SELECT epoch FROM epoch')).rows[0]?.epoch)).toBe(before + 1);
  await Promise.all(apps.map((one) => one.close()));
  app = await start();
});

test('files with faults start nothing, and each fault is named', async () => {
  await expect(
    start([
      { ...TENANT, policies: { 'a.cedar': 'permit(principal, action, resource);' }, catalog: { 'fs.yaml': 'server: FS\ntools: {}\n' } },
    ]),
  ).rejects.toThrow(/a\.cedar[\s\S]*permits everything|fs\.yaml[\s\S]*server/);
});

test('events of a change that the log could not take follow when it is back', async () => {
  log.break(true);
  expect(await http('PUT', '/v1/controls', { control: 'tool', value: 'fs/write_file', active: true, why: 'x' })).toMatchObject({
    status: 200,
  });
  log.break(false);
  expect(eventsOf('controls.state.v1')).toEqual([]);
  await decided(await request());
  expect(eventsOf('controls.state.v1')).toMatchObject([{ data: { active: true, value: 'fs/write_file' } }]);
});
