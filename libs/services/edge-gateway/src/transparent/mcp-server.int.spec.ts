import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway, type TokenOptions } from '../testing/gateway.harness.js';

let gateway: TestGateway;
const EVERYTHING = ['echo', 'add', 'slow', 'leak_email', 'ask', 'write_note'];
beforeAll(async () => {
  gateway = await startTestGateway({ upstreams: { tools: 'dual', old: 'legacy' }, answerTimeoutMs: 5_000 });
});
afterAll(() => gateway.close());
beforeEach(() => allowEverything());

const allowEverything = (): void =>
  gateway.answer(({ data }) => ({
    visible:
      'method' in data && data.method === 'tools/list' && data.target.server !== null
        ? EVERYTHING.map((name) => `${data.target.server}/${name}`)
        : null,
  }));

const modernClient = async (server: string, token?: TokenOptions): Promise<Client> => {
  const client = new Client(
    { name: 'spec', version: '1' },
    { versionNegotiation: { mode: 'auto' }, capabilities: { elicitation: { form: {} } } },
  );
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/${server}`), {
      requestInit: { headers: { authorization: `Bearer ${await gateway.token(token)}` } },
    }),
  );
  return client;
};
const legacyClient = async (server: string, token?: TokenOptions): Promise<{ client: LegacyClient; transport: LegacyTransport }> => {
  const client = new LegacyClient({ name: 'spec', version: '1' });
  const transport = new LegacyTransport(new URL(`${gateway.url}/mcp/${server}`), {
    requestInit: { headers: { authorization: `Bearer ${await gateway.token(token)}` } },
  });
  await client.connect(transport);
  return { client, transport };
};

const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
const post = async (
  method: string,
  params: Record<string, unknown>,
  over: { headers?: Record<string, string>; token?: TokenOptions; server?: string } = {},
) => {
  const name = typeof params.name === 'string' ? { 'mcp-name': params.name } : {};
  const response = await fetch(`${gateway.url}/mcp/${over.server ?? 'tools'}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${await gateway.token(over.token)}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...name,
      ...over.headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params: { _meta: META, ...params } }),
  });
  const text = await response.text();
  const data = text.startsWith('{')
    ? text
    : (text
        .split('\n')
        .findLast((line) => line.startsWith('data: '))
        ?.slice(6) ?? '{}');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: JSON.parse(data),
    callId: response.headers.get('sallyport-call-id') ?? '',
  };
};

describe.each([
  ['stateless', 'tools', '2026-07-28'],
  ['of sessions', 'old', '2025-11-25'],
])('a current client of a server that is %s', (_title, server) => {
  test('lists what may be called, calls it, and sees progress while it works', async () => {
    const client = await modernClient(server);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([...EVERYTHING].sort());
    expect(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })).toMatchObject({ structuredContent: { sum: 5 } });
    const steps: number[] = [];
    const slow = await client.callTool(
      { name: 'slow', arguments: { ms: 80 } },
      { onprogress: ({ progress }) => void steps.push(progress) },
    );
    expect(slow).toMatchObject({ content: [{ type: 'text', text: 'done' }] });
    expect(steps.length).toBeGreaterThan(0);
    await client.close();
  });
});

test.each(['tools', 'old'])('a client of the session revisions works with the server %s as well', async (server) => {
  const { client, transport } = await legacyClient(server);
  expect(await client.callTool({ name: 'echo', arguments: { text: 'hi' } })).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).sort()).toEqual([...EVERYTHING].sort());
  if (server === 'old') await transport.terminateSession();
  await client.close();
});

test('an empty answer stays empty', async () => {
  const { client } = await legacyClient('old');
  expect(await client.ping()).toEqual({});
  await client.close();
});

test('every method of a session is decided and on record, the transport acts included', async () => {
  const { client, transport } = await legacyClient('old');
  await client.ping();
  await transport.terminateSession();
  await client.close();
  const methods = new Set(gateway.events().flatMap((event) => (event.type === 'ToolCallRequested' ? [event.data.method] : [])));
  for (const method of ['initialize', 'notifications/initialized', 'ping', 'session/delete', 'stream/open'])
    expect(methods).toContain(method);
});

test('a session id is worth nothing to anybody else, and does not show the one of the server', async () => {
  const { client, transport } = await legacyClient('old');
  const sessionId = transport.sessionId ?? '';
  const use = async (token: TokenOptions) =>
    fetch(`${gateway.url}/mcp/old`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${await gateway.token(token)}`,
        'mcp-session-id': sessionId,
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    });
  expect((await use({})).status).toBe(200);
  const stolen = await use({ subject: 'mallory' });
  expect(stolen.status).toBe(404);
  const upstreamSessions = gateway.upstreams.old?.requests().map(({ headers }) => headers['mcp-session-id']) ?? [];
  expect(upstreamSessions).not.toContain(sessionId);
  await client.close();
});

test('a session the server has forgotten is answered as unknown, so that the client begins anew', async () => {
  const { client } = await legacyClient('old');
  await gateway.upstreams.old?.forgetSessions();
  await expect(client.ping()).rejects.toMatchObject({ code: 404 });
  await client.close();
});

test('a denied call is a tool result that a model can read; other methods get an error; both name the call', async () => {
  gateway.answer(() => ({ effect: 'deny' }));
  const call = await post('tools/call', { name: 'write_note', arguments: { text: 'x' } });
  expect([call.status, call.body.result.isError]).toEqual([200, true]);
  expect(call.body.result._meta['io.sallyport/call-id']).toBe(call.callId);
  const list = await post('prompts/list', {});
  expect([list.status, list.body.error.code]).toEqual([200, -31403]);
});

test('a hidden tool and one that does not exist get the same words', async () => {
  gateway.answer(() => ({ effect: 'deny', code: 'tool.unknown' }));
  const wordsOf = async (name: string) => {
    const { body, status } = await post('tools/call', { name, arguments: {} });
    return [status, body.error.code, body.error.message];
  };
  expect(await wordsOf('write_note')).toEqual(await wordsOf('no_such_tool'));
  expect(await wordsOf('write_note')).toContain(-32602);
});

test('a scope that a new token could bring is asked for by 403', async () => {
  gateway.answer(() => ({ effect: 'deny', code: 'scope.insufficient', requiredScopes: ['tools:write'] }));
  const { status, headers } = await post('tools/call', { name: 'write_note', arguments: { text: 'x' } });
  expect(status).toBe(403);
  expect(headers.get('www-authenticate')).toBe(
    `Bearer error="insufficient_scope", scope="tools:write", resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/mcp/tools"`,
  );
});

test.each([
  ['names another tool', { 'mcp-name': 'add' }],
  ['names another method', { 'mcp-method': 'tools/list' }],
])('a header that %s than the body is refused before anything is decided', async (_title, headers) => {
  const before = gateway.upstreams.tools?.counts().echo ?? 0;
  const { status, body } = await post('tools/call', { name: 'echo', arguments: { text: 'x' } }, { headers });
  expect([status, body.error.code]).toEqual([400, -32020]);
  expect(gateway.upstreams.tools?.counts().echo ?? 0).toBe(before);
});

test('a list shows only what is visible, in the words of the pins, and is nobody else’s to keep', async () => {
  gateway.answer(({ data }) => ({ visible: 'method' in data && data.method === 'tools/list' ? ['tools/echo', 'other/add'] : null }));
  const { body, headers } = await post('tools/list', {});
  expect(body.result.tools.map(({ name }: { name: string }) => name)).toEqual(['echo']);
  expect(body.result).toMatchObject({ cacheScope: 'private' });
  expect(headers.get('cache-control')).toContain('no-store');
});

test('personal data is masked in the answer of a stream and of a JSON body alike', async () => {
  gateway.answer(() => ({ obligations: [{ type: 'mask-result', labels: ['pii.email'] }] }));
  const { text, callId } = await post('tools/call', { name: 'leak_email', arguments: { value: 'grace@example.org' } });
  expect(text).not.toContain('grace@example.org');
  expect(text).toContain('[pii.email]');
  await gateway.event('ToolCallCompleted', (event) => event.callId === callId);
  expect(gateway.recorded()).not.toContain('grace@example.org');
});

test('a server that asks back is passed through in both directions, each round on record', async () => {
  const capable = { ...META, 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
  const first = await post('tools/call', { name: 'ask', arguments: {}, _meta: capable });
  expect(first.body.result).toMatchObject({ resultType: 'input_required' });
  const { requestState, inputRequests } = first.body.result;
  expect(await gateway.event('ToolCallInputRequired', (event) => event.callId === first.callId)).toMatchObject({
    data: { round: 1, requests: ['elicitation/create'] },
  });
  const [key = ''] = Object.keys(inputRequests);
  const second = await post('tools/call', {
    name: 'ask',
    arguments: {},
    _meta: capable,
    ...(requestState === undefined ? {} : { requestState }),
    inputResponses: { [key]: { action: 'accept', content: { confirmed: true, ok: true } } },
  });
  expect(second.body.result).toMatchObject({ resultType: 'complete' });
});

test('the trace of the agent goes on to the server, and the agent’s own keys stay here', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const meta = { ...META, traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'io.sallyport/model': 'model-1', 'com.example/tag': 'kept' };
  const { callId } = await post('tools/call', { name: 'echo', arguments: { text: 'x' }, _meta: meta });
  const seen = gateway.upstreams.tools?.requests().findLast(({ tool }) => tool === 'echo');
  expect(JSON.stringify(seen?.body)).toContain(`00-${traceId}-`);
  expect(JSON.stringify(seen?.body)).not.toContain('00f067aa0ba902b7');
  expect(JSON.stringify(seen?.body)).not.toContain('io.sallyport');
  expect(JSON.stringify(seen?.body)).toContain('com.example/tag');
  expect(gateway.eventsOf(callId)[0]).toMatchObject({ type: 'ToolCallRequested', data: { claimed: { model: 'model-1' } } });
  expect(gateway.eventsOf(callId).every(({ traceparent }) => traceparent.includes(traceId))).toBe(true);
});

test('where to get a token is told to anybody, per resource', async () => {
  const response = await fetch(`${gateway.url}/.well-known/oauth-protected-resource/mcp/tools`);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(JSON.parse(await response.text())).toMatchObject({
    resource: `${gateway.url}/mcp/tools`,
    authorization_servers: ['https://issuer.test'],
    bearer_methods_supported: ['header'],
  });
  const keys = JSON.parse(await (await fetch(`${gateway.url}/.well-known/jwks.json`)).text());
  expect(keys.keys[0]).toMatchObject({ kty: 'OKP', crv: 'Ed25519' });
  expect(keys.keys[0].d).toBeUndefined();
});

test('an address that is none is on record', async () => {
  expect((await fetch(`${gateway.url}/wp-admin`)).status).toBe(404);
  expect(await gateway.event('RequestRejected', (event) => event.data.code === 'request.not-found')).toMatchObject({
    data: { route: '*' },
  });
});

test('a client of the session revisions that cancels ends its call, though its connection stays', async () => {
  const { client } = await legacyClient('old');
  const calls = gateway.upstreams.old?.counts().slow ?? 0;
  const abort = new AbortController();
  const slow = client.callTool({ name: 'slow', arguments: { ms: 3_000 } }, undefined, { signal: abort.signal }).catch(() => 'gave up');
  await gateway.upstreams.old?.whenCalled('slow', calls + 1);
  abort.abort();
  expect(await slow).toBe('gave up');
  expect((await gateway.event('ToolCallCancelled')).data).toMatchObject({ stage: 'dispatched' });
  await client.close();
});

test('a page of an allowed origin may read the answers, and asks before without a token', async () => {
  const { origin } = new URL(gateway.url);
  const preflight = await fetch(`${gateway.url}/mcp/tools`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
  const foreign = await fetch(`${gateway.url}/mcp/tools`, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
  expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null]);
});

test('a server that describes a tool otherwise than pinned has it hidden, and the difference is on record', async () => {
  const { aToolRecord, publishTools } = await import('../testing/decisions.harness.js');
  const digest = `sha256:${'b'.repeat(64)}`;
  await publishTools(gateway.log, [aToolRecord({ server: 'tools', name: 'echo', pinnedDigest: digest, epoch: 1_000_000 })]);
  let names: string[] = ['echo'];
  for (const deadline = Date.now() + 5_000; names.includes('echo') && Date.now() < deadline; )
    names = (await post('tools/list', {})).body.result.tools.map(({ name }: { name: string }) => name);
  expect(names).not.toContain('echo');
});
