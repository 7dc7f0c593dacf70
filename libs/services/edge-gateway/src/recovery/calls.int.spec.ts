import { CallsInDoubt, type EventData, encodeEvent, type RequestFacts, ResolvedCall } from '@sallyport/contracts';
import { systemIdSource } from '@sallyport/platform';
import { anEvent, requestFacts } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PostgresDispatchClaims } from '../invoke/postgres-dispatch-claims.adapter.js';
import { startTestGateway, type TestGateway, type TokenOptions } from '../testing/gateway.harness.js';

const OPERATOR: TokenOptions = { subject: 'grace', agent: null, scopes: 'sallyport:operate' };
const STRANGER: TokenOptions = { ...OPERATOR, tenant: 'globex' };
const WRITE = 'write_note';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ settings: { tenants: ['acme', 'globex'], decisionTimeoutMs: 2_000 } });
}, 60_000);
afterAll(() => gateway?.close());
beforeEach(() => gateway.answer(() => ({})));

const executions = (): number => gateway.upstreams.tools?.requests().filter(({ tool }) => tool === WRITE).length ?? 0;

const http = async (method: 'GET' | 'POST', path: string, token: TokenOptions | null, body?: unknown, headers: object = {}) => {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${await gateway.token(token)}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
};
const list = async (token = OPERATOR, query = '') => CallsInDoubt.parse((await http('GET', `/v1/calls/in-doubt${query}`, token)).body);
const resolve = (callId: string, body: unknown, token: TokenOptions | null = OPERATOR) =>
  http('POST', `/v1/calls/${callId}/resolution`, token, body);
const EXECUTED = { resolution: 'executed', note: 'the row is there' };
const NOT_EXECUTED = { resolution: 'not-executed', note: 'no row' };

const dispatched: EventData<'ToolCallDispatched'> = {
  ...{ server: 'fs', routeVersion: '1', attempt: 1, tokenId: 'jti-9', toolDigest: null, decisionId: 'd', dryRun: false },
  redactions: [],
};

/** A write that a gateway sent before it was lost, optionally under a key; resolves when it is in doubt. */
const lose = async (over: { readonly tenantId?: string; readonly key?: { scope: string; paramsHash: string } } = {}): Promise<string> => {
  const callId = systemIdSource.uuidv7();
  const tenantId = over.tenantId ?? 'acme';
  const chainId = `chain-${callId}`;
  const claims = new PostgresDispatchClaims(gateway.database);
  await claims.win({ ...{ callId, attempt: 1, tenantId, chainId, edgeId: 'edge-dead', approvalId: null }, key: over.key ?? null });
  const head = {
    ...{ tenantId, callId, chainId, key: chainId, source: '/edge-gateway/edge-dead/boot-dead', edgeId: 'edge-dead' },
    occurredAt: new Date().toISOString(),
  };
  const facts: RequestFacts = requestFacts({ principal: { ...requestFacts().principal, tenantId } });
  await gateway.log.append(
    [
      anEvent(
        'ToolCallRequested',
        { ...facts, sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: 8_000, requires: ['policy', 'budget'] },
        { ...head, id: systemIdSource.uuidv7() },
      ),
      anEvent('ToolCallDispatched', dispatched, { ...head, id: systemIdSource.uuidv7() }),
    ].map((event) => encodeEvent(event)),
  );
  // What is on the log is lost as soon as it has been followed.
  await until(async () => {
    await gateway.sweep();
    return gateway.eventsOf(callId).some(({ type }) => type === 'ToolCallInDoubt');
  });
  await until(async () => (await list({ ...OPERATOR, tenant: tenantId }, '?limit=200')).calls.some((call) => call.callId === callId));
  return callId;
};

const until = async (isDone: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 30_000;
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error('waited in vain');
    await new Promise((wake) => setTimeout(wake, 20));
  }
};

/** A key that a real call had; it is free again. */
const aKey = async () => {
  const header = crypto.randomUUID();
  const invoke = () =>
    http('POST', '/v1/invoke', {}, { tool: `tools/${WRITE}`, arguments: { text: 'pay' } }, { 'Idempotency-Key': header });
  expect((await invoke()).status).toBe(200);
  const { rows } = await gateway.database.query<{ scope: string; params_hash: string }>(
    `DELETE FROM dispatch_claims WHERE call_id = (SELECT call_id FROM dispatch_claims WHERE idempotency_scope IS NOT NULL
       ORDER BY claimed_at DESC LIMIT 1) RETURNING idempotency_scope AS scope, params_hash`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('no claim');
  return { key: { scope: row.scope, paramsHash: row.params_hash }, invoke };
};

test('lists what was sent and lost, with what it takes to look for its effect, and alerts once', { timeout: 60_000 }, async () => {
  const callId = await lose();
  const call = (await list()).calls.find((one) => one.callId === callId);
  expect(call).toMatchObject({
    ...{ method: 'tools/call', target: 'fs/write_file', riskTier: 'write-low', subject: 'user:ada', actor: 'agent:triage' },
    ...{ attempt: 1, tokenId: 'jti-9', edgeId: 'edge-dead', chainId: `chain-${callId}` },
  });
});

test('pages through the list, the oldest first', { timeout: 60_000 }, async () => {
  const ids = [await lose(), await lose()];
  const all = (await list(OPERATOR, '?limit=200')).calls.map(({ callId }) => callId);
  expect(all).toEqual(expect.arrayContaining(ids));
  const paged: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: CallsInDoubt = await list(OPERATOR, `?limit=1${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
    paged.push(...page.calls.map(({ callId }) => callId));
    cursor = page.nextCursor;
  }
  expect(paged).toEqual(all);
});

test('executed: the call is settled once, and a retry learns that its answer is gone', { timeout: 60_000 }, async () => {
  const { key, invoke } = await aKey();
  const callId = await lose({ key });
  const before = executions();
  expect((await invoke()).body.code).toBe('call.in-doubt');
  const { status, body } = await resolve(callId, EXECUTED);
  expect(status).toBe(200);
  expect(ResolvedCall.parse(body)).toEqual({ callId, ...EXECUTED, resolvedBy: 'user:grace' });
  expect((await gateway.event('ToolCallResolved', (event) => event.callId === callId)).data).toEqual({
    ...EXECUTED,
    resolvedBy: 'user:grace',
  });
  expect((await list(OPERATOR, '?limit=200')).calls.map((call) => call.callId)).not.toContain(callId);
  expect((await invoke()).body.code).toBe('result.not-retained');
  expect(executions()).toBe(before);
  expect(await resolve(callId, NOT_EXECUTED)).toMatchObject({ status: 409, body: { code: 'call.ended' } });
});

test('not executed: the key is given back, and a retry executes once', { timeout: 60_000 }, async () => {
  const { key, invoke } = await aKey();
  const callId = await lose({ key });
  const before = executions();
  expect((await resolve(callId, NOT_EXECUTED)).status).toBe(200);
  expect((await invoke()).status).toBe(200);
  expect((await invoke()).status).toBe(200);
  expect(executions()).toBe(before + 1);
});

test('of people who settle a call at once one does', { timeout: 60_000 }, async () => {
  const callId = await lose();
  const answers = await Promise.all([EXECUTED, NOT_EXECUTED, EXECUTED, NOT_EXECUTED].map((body) => resolve(callId, body)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
  const told = answers.find(({ status }) => status === 200)?.body.resolution;
  expect((await gateway.event('ToolCallResolved', (event) => event.callId === callId)).data.resolution).toBe(told);
});

test('what a person said while the log was away is said when it is back', { timeout: 60_000 }, async () => {
  const callId = await lose();
  gateway.breakLog(true);
  expect((await resolve(callId, EXECUTED)).status).toBe(200);
  gateway.breakLog(false);
  expect((await resolve(callId, NOT_EXECUTED)).body.code).toBe('call.ended');
  // What did not come back from the log for a while is given to it again.
  await gateway.database.query(`UPDATE open_calls SET resolved_at = now() - interval '11 seconds' WHERE call_id = $1`, [callId]);
  await gateway.sweep();
  expect((await gateway.event('ToolCallResolved', (event) => event.callId === callId)).data.resolution).toBe('executed');
});

test('a tenant sees and settles its own calls alone', { timeout: 60_000 }, async () => {
  const callId = await lose({ tenantId: 'globex' });
  expect((await list(OPERATOR, '?limit=200')).calls.map((call) => call.callId)).not.toContain(callId);
  expect(await resolve(callId, EXECUTED)).toMatchObject({ status: 404, body: { code: 'request.not-found' } });
  expect((await list(STRANGER, '?limit=200')).calls.map((call) => call.callId)).toContain(callId);
  expect((await resolve(callId, EXECUTED, STRANGER)).status).toBe(200);
  await gateway.event('ToolCallResolved', (event) => event.callId === callId);
  expect(await resolve(callId, EXECUTED)).toMatchObject({ status: 404 });
});

test('lets in operators alone, and only a person by itself may settle; who is turned away is on record', { timeout: 60_000 }, async () => {
  const callId = await lose();
  expect((await http('GET', '/v1/calls/in-doubt', null)).status).toBe(401);
  expect(await http('GET', '/v1/calls/in-doubt', {})).toMatchObject({ status: 403, body: { code: 'identity.forbidden' } });
  await gateway.event('RequestRejected', ({ data }) => data.route === '/v1/calls/in-doubt' && data.code === 'identity.forbidden');
  expect((await resolve(callId, EXECUTED, null)).status).toBe(401);
  for (const token of [{}, { ...OPERATOR, agent: 'triage' }, { ...OPERATOR, subject: 'client-1' }])
    expect(await resolve(callId, EXECUTED, token)).toMatchObject({ status: 403, body: { code: 'identity.forbidden' } });
  expect((await list(OPERATOR, '?limit=200')).calls.map((call) => call.callId)).toContain(callId);
});

test('refuses what does not fit, and calls that are not in doubt', async () => {
  expect((await resolve('unknown', EXECUTED)).body.code).toBe('request.not-found');
  for (const body of [{}, { resolution: 'maybe', note: 'x' }, { resolution: 'executed', note: ' ' }, { ...EXECUTED, by: 'me' }])
    expect(await resolve('unknown', body)).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  for (const query of ['?limit=0', '?cursor=none', '?cursor=foo%201%7Cx', '?other=1'])
    expect((await http('GET', `/v1/calls/in-doubt${query}`, OPERATOR)).body.code).toBe('request.invalid');
  const { body } = await http('POST', '/v1/invoke', {}, { tool: `tools/${WRITE}`, arguments: { text: 'a' } });
  expect((await resolve(body.callId, EXECUTED)).status).not.toBe(200);
});

test('a slow call of this gateway is nobody else’s', { timeout: 60_000 }, async () => {
  const call = http('POST', '/v1/invoke', {}, { tool: 'tools/slow', arguments: { ms: 1_500 } });
  const requested = await gateway.event('ToolCallDispatched', ({ callId }) =>
    gateway.eventsOf(callId ?? '').some((event) => event.type === 'ToolCallRequested' && event.data.target.name === 'slow'),
  );
  expect(requested.source).toMatch(/^\/edge-gateway\/edge-1\/[0-9a-f-]{36}$/);
  expect((await call).status).toBe(200);
  expect(gateway.eventsOf(requested.callId ?? '').map(({ type }) => type)).toEqual([
    'ToolCallRequested',
    'ToolCallDispatched',
    'ToolCallCompleted',
  ]);
});

test('what ended a day ago is dropped, but for keys and grants', async () => {
  const claims = new PostgresDispatchClaims(gateway.database);
  const of = (callId: string) => ({ callId, attempt: 1, tenantId: 'acme', chainId: 'c', edgeId: 'edge-1', key: null, approvalId: null });
  const [old, keyed, granted, open, fresh] = ['old', 'keyed', 'granted', 'open', 'fresh'].map((name) => `${name}-${crypto.randomUUID()}`);
  if (old === undefined || keyed === undefined || granted === undefined || open === undefined || fresh === undefined) throw new Error();
  for (const callId of [old, open, fresh]) await claims.win(of(callId));
  await claims.win({ ...of(keyed), key: { scope: keyed, paramsHash: 'h' } });
  await claims.win({ ...of(granted), approvalId: granted });
  await gateway.database.query(`UPDATE dispatch_claims SET settled_at = now() - interval '25 hours' WHERE call_id = ANY($1)`, [
    [old, keyed, granted],
  ]);
  await gateway.database.query('UPDATE dispatch_claims SET settled_at = now() WHERE call_id = $1', [fresh]);
  await claims.dropAnswers();
  const { rows } = await gateway.database.query<{ call_id: string }>('SELECT call_id FROM dispatch_claims WHERE call_id = ANY($1)', [
    [old, keyed, granted, open, fresh],
  ]);
  expect(rows.map(({ call_id }) => call_id).sort()).toEqual([keyed, granted, open, fresh].sort());
});
