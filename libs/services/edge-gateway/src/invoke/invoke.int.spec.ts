import { InvokeAnswer, ToolMenu } from '@sallyport/contracts';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestGateway, type TestGateway, type TokenOptions } from '../testing/gateway.harness.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ settings: { decisionTimeoutMs: 400 }, answerTimeoutMs: 500 });
});
afterAll(() => gateway.close());
beforeEach(async () => {
  gateway.answer(({ data }) => ({
    visible: 'method' in data && data.method === 'tools/list' ? ['tools/add', 'tools/echo', 'tools/not-pinned'] : null,
  }));
  await upstream().setMode({ kind: 'up' });
});
const upstream = () => {
  const { tools } = gateway.upstreams;
  if (tools === undefined) throw new Error('no upstream');
  return tools;
};

const invoke = async (
  tool: string,
  args: object,
  init: { token?: TokenOptions; headers?: Record<string, string>; signal?: AbortSignal } = {},
) => {
  const response = await fetch(`${gateway.url}/v1/invoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await gateway.token(init.token)}`, 'content-type': 'application/json', ...init.headers },
    body: JSON.stringify({ tool, arguments: args }),
    signal: init.signal,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse(text),
    callId: response.headers.get('sallyport-call-id') ?? '',
  };
};
const types = (callId: string): string[] => gateway.eventsOf(callId).map(({ type }) => type);

test('calls a tool that policy allows: recorded, decided, dispatched with a token of its own, recorded, released', async () => {
  const { status, body, callId } = await invoke('tools/echo', { text: 'hello' });
  expect(status).toBe(200);
  expect(InvokeAnswer.parse(body)).toMatchObject({
    callId,
    tool: 'tools/echo',
    isError: false,
    content: [{ type: 'text', text: 'hello' }],
  });
  await gateway.event('ToolCallCompleted', (event) => event.callId === callId);
  expect(types(callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
});

test("never sends the agent's own token on; the upstream's is for it alone, short, and says who acts for whom", async () => {
  const { callId } = await invoke('tools/echo', { text: 'hello' });
  const seen = upstream()
    .requests()
    .findLast(({ tool }) => tool === 'echo');
  const token = String(seen?.headers.authorization).replace('Bearer ', '');
  const claims = decodeJwt(token);
  expect(claims).toMatchObject({
    iss: gateway.url,
    aud: upstream().url.href,
    sub: 'user:ada',
    act: { sub: 'agent:triage' },
    scope: 'tools/echo',
    txn: callId,
  });
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeLessThanOrEqual(60);
  const dispatched = gateway.eventsOf(callId).find(({ type }) => type === 'ToolCallDispatched');
  expect(dispatched?.data).toMatchObject({ tokenId: claims.jti });
  expect(gateway.recorded()).not.toContain(token);
});

test('refuses what nobody can pay for with what is left, and reaches no tool', async () => {
  const refused = { account: 'user:ada', reason: 'rate-limited' as const, remainingMicros: null, currency: null, resetsAt: null };
  gateway.account(() => ({ refused: { ...refused, window: 'minute', remainingCalls: 0 } }));
  const before = upstream().requests().length;
  const { status, body, callId } = await invoke('tools/echo', { text: 'hello' }).finally(() =>
    gateway.account(() => ({ reservedMicros: 0 })),
  );
  expect(status).toBe(429);
  expect(body).toMatchObject({ code: 'budget.rate-limited', detail: { account: 'user:ada', window: 'minute', remainingCalls: 0 } });
  expect(upstream().requests()).toHaveLength(before);
  await gateway.event('ToolCallRefused', (event) => event.callId === callId && event.data.stage === 'budget');
});

test('answers a header that asks for a plan with the plan, and sends nothing', async () => {
  const before = upstream().requests().length;
  const { status, body } = await invoke('tools/echo', { text: 'hello' }, { headers: { 'Sallyport-Plan': 'true' } });
  expect(status).toBe(200);
  expect(body).toMatchObject({ callId: expect.any(String), tool: 'tools/echo', plan: { effect: 'allow', code: null, dryRun: null } });
  expect(upstream().requests()).toHaveLength(before);
});

const asPerson = { agent: null };
const askForPlan = async (body: object, init: { token?: TokenOptions; headers?: Record<string, string> } = {}) => {
  const response = await fetch(`${gateway.url}/v1/plan`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await gateway.token(init.token)}`, 'content-type': 'application/json', ...init.headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json(), callId: response.headers.get('sallyport-call-id') ?? '' };
};

test('a plan that a person asks for is decided as the call of their agent, on record as theirs, and reaches nothing whatever it says', async () => {
  const before = upstream().requests().length;
  const wish = { tool: 'tools/echo', arguments: { text: 'hello' }, agent: 'agent:triage' };
  const headers = { 'Sallyport-Plan': 'false', 'Idempotency-Key': 'k' };
  const { status, body, callId } = await askForPlan(wish, { token: asPerson, headers });
  expect({ status, body }).toMatchObject({ status: 200, body: { callId, tool: 'tools/echo', plan: { effect: 'allow', dryRun: null } } });
  const events = gateway.eventsOf(callId);
  expect(events.map(({ type }) => type)).toEqual(['ToolCallRequested', 'ToolCallPlanned']);
  expect(events[0]?.data).toMatchObject({
    ...{ purpose: 'plan', transport: 'rest' },
    principal: { subject: 'user:ada', actors: ['agent:triage'], scopes: ['tools:read'] },
  });
  expect(upstream().requests()).toHaveLength(before);
});

test('a plan is asked for an agent that was granted to the person, and by an agent for itself alone', async () => {
  const wish = { tool: 'tools/echo', arguments: { text: 'hello' } };
  expect(await askForPlan({ ...wish, agent: 'agent:stranger' }, { token: asPerson })).toMatchObject({
    status: 403,
    body: { code: 'identity.forbidden' },
  });
  expect(await askForPlan({ ...wish, agent: 'agent:unknown' }, { token: asPerson })).toMatchObject({ status: 403 });
  expect(await askForPlan({ ...wish, agent: 'agent:stranger' })).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  expect(await askForPlan(wish)).toMatchObject({ status: 200 });
  const choices = await fetch(`${gateway.url}/v1/plan`, { headers: { authorization: `Bearer ${await gateway.token(asPerson)}` } });
  expect(await choices.json()).toEqual({ subject: 'user:ada', agents: [{ agent: 'agent:triage', scopes: ['tools:read'] }] });
});

test('shows a menu of what may be called, with pinned definitions and no address', async () => {
  const response = await fetch(`${gateway.url}/v1/tools`, { headers: { authorization: `Bearer ${await gateway.token()}` } });
  const text = await response.text();
  expect(response.status).toBe(200);
  expect(ToolMenu.parse(JSON.parse(text)).tools.map(({ tool }) => tool)).toEqual(['tools/add', 'tools/echo']);
  expect(text).not.toContain(upstream().url.host);
});

test('sends nothing of what policy denies, and says so with the code', async () => {
  gateway.answer(() => ({ effect: 'deny', code: 'policy.denied' }));
  const before = upstream().counts().delete_everything ?? 0;
  const { status, body, callId } = await invoke('tools/delete_everything', {});
  expect([status, body.code, body.callId]).toEqual([403, 'policy.denied', callId]);
  expect(upstream().counts().delete_everything ?? 0).toBe(before);
  expect(types(callId)).toEqual(['ToolCallRequested', 'ToolCallRefused']);
});

test('asks for the scopes a new token would need', async () => {
  gateway.answer(() => ({ effect: 'deny', code: 'scope.insufficient', requiredScopes: ['tools:write', 'tools:admin'] }));
  const { status, headers } = await invoke('tools/write_note', { text: 'x' });
  expect(status).toBe(403);
  expect(headers.get('www-authenticate')).toBe(
    `Bearer error="insufficient_scope", scope="tools:write tools:admin", resource_metadata="${gateway.url}/.well-known/oauth-protected-resource"`,
  );
});

test('refuses when no decision comes, and sends nothing', async () => {
  gateway.answer(() => null);
  const before = upstream().counts().echo ?? 0;
  const { status, body } = await invoke('tools/echo', { text: 'x' });
  expect([status, body.code]).toEqual([503, 'policy.unavailable']);
  expect(upstream().counts().echo ?? 0).toBe(before);
});

test('masks secrets on the way out and personal data on the way in, and records neither', async () => {
  const secret = `ghp_${'a1B2'.repeat(9)}`;
  gateway.answer(() => ({
    obligations: [
      { type: 'mask-arguments', labels: ['secret.provider-key'] },
      { type: 'mask-result', labels: ['pii.email'] },
    ],
  }));
  const out = await invoke('tools/echo', { text: `key ${secret}` });
  expect(out.body.content).toEqual([{ type: 'text', text: 'key [secret.provider-key]' }]);
  const back = await invoke('tools/leak_email', { value: 'grace@example.org' });
  expect(JSON.stringify(back.body)).not.toContain('grace@example.org');
  expect(back.body).toMatchObject({ redactions: 2, structuredContent: { contact: { email: '[pii.email]' } } });
  await gateway.event('ToolCallCompleted', (event) => event.callId === back.callId);
  expect(gateway.recorded()).not.toContain(secret);
  expect(gateway.recorded()).not.toContain('grace@example.org');
});

test('refuses arguments that do not fit the pinned schema, once the call is allowed', async () => {
  const { status, body } = await invoke('tools/add', { a: 'one', b: 2 });
  expect([status, body.code]).toEqual([422, 'invoke.arguments-invalid']);
});

test('tells a tool that nobody knows from none', async () => {
  gateway.answer(() => ({ effect: 'deny', code: 'tool.unknown' }));
  const unknown = await invoke('tools/no_such_tool', {});
  const hidden = await invoke('tools/delete_everything', {});
  expect([unknown.status, unknown.body.code, unknown.body.summary]).toEqual([hidden.status, hidden.body.code, hidden.body.summary]);
  const elsewhere = await invoke('nowhere/tool', {});
  expect(elsewhere.body.code).toBe('tool.unknown');
});

test('says how far it came when an upstream is silent, away or breaks off, then rests, then comes back', async () => {
  await upstream().setMode({ kind: 'silent' });
  const silent = await invoke('tools/echo', { text: 'x' });
  expect([silent.status, silent.body.code]).toEqual([504, 'upstream.timeout']);
  await upstream().setMode({ kind: 'down' });
  const away = await invoke('tools/echo', { text: 'x' });
  expect([away.status, away.body.code]).toEqual([503, 'upstream.unreachable']);
  expect((await gateway.event('ToolCallFailed', (event) => event.callId === away.callId)).data).toMatchObject({ reached: 'no' });
  let resting = await invoke('tools/echo', { text: 'x' });
  for (let calls = 0; resting.body.code !== 'upstream.circuit-open' && calls < 5; calls++)
    resting = await invoke('tools/echo', { text: 'x' });
  expect([resting.status, resting.body.code]).toEqual([503, 'upstream.circuit-open']);
  await upstream().setMode({ kind: 'up' });
  let back = await invoke('tools/echo', { text: 'back' });
  for (const deadline = Date.now() + 5_000; back.status !== 200 && Date.now() < deadline; )
    back = await invoke('tools/echo', { text: 'back' });
  expect(back.status).toBe(200);
});

test('records that a client hung up, and how far its call had come', async () => {
  const abort = new AbortController();
  const calls = upstream().counts().slow ?? 0;
  const hungUp = invoke('tools/slow', { ms: 400 }, { signal: abort.signal }).catch(() => null);
  await upstream().whenCalled('slow', calls + 1);
  abort.abort();
  await hungUp;
  expect((await gateway.event('ToolCallCancelled')).data).toMatchObject({ stage: 'dispatched', reached: 'yes' });
});

test('lets nothing happen while the log is down', async () => {
  gateway.breakLog(true);
  const before = upstream().counts().echo ?? 0;
  const { status, body } = await invoke('tools/echo', { text: 'x' });
  gateway.breakLog(false);
  expect([status, body.code]).toEqual([503, 'log.unavailable']);
  expect(upstream().counts().echo ?? 0).toBe(before);
});

test('withholds the answer to a write that the log does not take, and records it when the log is back', async () => {
  const calls = upstream().counts().write_note ?? 0;
  await upstream().setMode({ kind: 'slow', ms: 200 });
  const waiting = invoke('tools/write_note', { text: 'once' });
  await upstream().whenCalled('write_note', calls + 1);
  gateway.breakLog(true);
  const { status, body, callId } = await waiting;
  expect([status, body.code]).toEqual([503, 'log.unavailable']);
  gateway.breakLog(false);
  await gateway.event('ToolCallCompleted', (event) => event.callId === callId);
  expect(upstream().counts().write_note).toBe(calls + 1);
  expect(types(callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
});

test('puts one row per written attempt, and none for a read', async () => {
  const written = await invoke('tools/write_note', { text: 'x' });
  const read = await invoke('tools/echo', { text: 'x' });
  const { rows } = await gateway.database.query<{ call_id: string }>('SELECT call_id FROM dispatch_claims WHERE call_id = ANY($1)', [
    [written.callId, read.callId],
  ]);
  expect(rows).toEqual([{ call_id: written.callId }]);
});

const REFUSED_TOKENS: [string, TokenOptions, string][] = [
  ['expired', { expiresInSeconds: -60 }, 'expired'],
  ['of an issuer nobody trusts', { issuer: 'https://other.test' }, 'issuer'],
  ['signed by a stranger', { stranger: true }, 'signature'],
  ['for another audience', { audience: 'https://other.test' }, 'audience'],
  ['of a tenant that is not served', { tenant: 'globex' }, 'tenant'],
  ['signed with a shared secret', { alg: 'HS256' }, 'algorithm'],
  ['that is no access token', { typ: 'id+jwt' }, 'typ'],
];
test.each(REFUSED_TOKENS)('refuses a token %s with 401 and says why, on record', async (_title, token, word) => {
  const { status, headers, body } = await invoke('tools/echo', { text: 'x' }, { token });
  expect([status, body.code]).toEqual([401, 'identity.token-invalid']);
  expect(headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token", error_description="/);
  expect(headers.get('www-authenticate')).toContain(word);
});

test('asks for a token without calling it an error where none was sent', async () => {
  const response = await fetch(`${gateway.url}/v1/tools`);
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe(
    `Bearer scope="tools:read", resource_metadata="${gateway.url}/.well-known/oauth-protected-resource"`,
  );
  expect(await gateway.event('RequestRejected', (event) => event.data.code === 'identity.token-missing')).toMatchObject({
    data: { httpStatus: 401 },
  });
});

test('refuses what was not meant for it, before it looks at anything else', async () => {
  const token = await gateway.token();
  const foreign = await fetch(`${gateway.url}/v1/tools`, { headers: { authorization: `Bearer ${token}`, origin: 'https://evil.example' } });
  expect([foreign.status, JSON.parse(await foreign.text()).code]).toEqual([403, 'request.origin-refused']);
  const inAddress = await fetch(`${gateway.url}/v1/tools?access_token=${token}`);
  expect(inAddress.status).toBe(401);
});

test('turns nobody away unrecorded: while the log is down the answer is that it is down', async () => {
  gateway.breakLog(true);
  const response = await fetch(`${gateway.url}/v1/tools`, { headers: { authorization: 'Basic YTpi' } });
  gateway.breakLog(false);
  expect([response.status, JSON.parse(await response.text()).code]).toEqual([503, 'log.unavailable']);
  await gateway.event('RequestRejected', (event) => event.data.code === 'identity.token-invalid' && event.data.route === '/v1/tools');
});

test('looks at no body of an address that is none, and has it on record', async () => {
  const response = await fetch(`${gateway.url}/wp-login.php`, { method: 'POST', body: new URLSearchParams({ user: 'admin' }) });
  expect([response.status, JSON.parse(await response.text()).code]).toEqual([404, 'request.not-found']);
  await gateway.event('RequestRejected', (event) => event.data.code === 'request.not-found' && event.data.method === 'POST');
});

test('counts rejections exactly, however many come at once', async () => {
  const counted = (): number =>
    gateway
      .events()
      .reduce(
        (sum, event) => (event.type === 'RequestRejected' && event.data.code === 'request.parse-error' ? sum + event.data.count : sum),
        0,
      );
  const authorization = `Bearer ${await gateway.token()}`;
  const before = counted();
  const answers = await Promise.all(
    Array.from({ length: 40 }, () =>
      fetch(`${gateway.url}/v1/invoke`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: '{' }),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
  expect(counted() - before).toBe(40);
  expect(
    gateway.events().filter((event) => event.type === 'RequestRejected' && event.data.code === 'request.parse-error').length,
  ).toBeLessThan(10);
});

test('refuses a body that is too large before it parses it', async () => {
  const response = await fetch(`${gateway.url}/v1/invoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await gateway.token()}`, 'content-type': 'application/json' },
    body: `{"tool":"tools/echo","arguments":{"text":"${'x'.repeat(1_100_000)}"}}`,
  });
  expect([response.status, JSON.parse(await response.text()).code]).toEqual([413, 'request.body-too-large']);
});
