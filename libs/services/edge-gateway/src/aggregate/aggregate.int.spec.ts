import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { aToolRecord, publishTools } from '../testing/decisions.harness.js';
import { startTestGateway, type TestGateway } from '../testing/gateway.harness.js';

let gateway: TestGateway;
const VISIBLE = ['new/echo', 'new/slow', 'new/ask', 'old/echo', 'old/add', 'old/slow'];
const LISTED = ['approval_status', 'new__ask', 'new__echo', 'new__slow', 'old__add', 'old__echo', 'old__slow'];
beforeAll(async () => {
  gateway = await startTestGateway({ upstreams: { new: 'modern', old: 'legacy' }, answerTimeoutMs: 3_000 });
});
afterAll(() => gateway.close());
beforeEach(async () => {
  gateway.answer(({ data }) => ({ visible: 'method' in data && data.method === 'tools/list' ? VISIBLE : null }));
  for (const upstream of Object.values(gateway.upstreams)) await upstream.setMode({ kind: 'up' });
});

const modernClient = async (): Promise<Client> => {
  const client = new Client(
    { name: 'spec', version: '1' },
    { versionNegotiation: { mode: 'auto' }, capabilities: { elicitation: { form: {} } } },
  );
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { confirmed: true, ok: true } }));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${await gateway.token()}` } },
    }),
  );
  return client;
};
const legacyClient = async (): Promise<LegacyClient> => {
  const client = new LegacyClient({ name: 'spec', version: '1' });
  await client.connect(
    new LegacyTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers: { authorization: `Bearer ${await gateway.token()}` } } }),
  );
  return client;
};
const textOf = (result: unknown): string => JSON.stringify(Reflect.get(Object(result), 'content'));

test.each([
  ['stateless', modernClient],
  ['of sessions', legacyClient],
])('a client that is %s gets the tools of all servers under one roof, whatever era each server is of', async (_title, connect) => {
  const client = await connect();
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(LISTED);
  expect(textOf(await client.callTool({ name: 'new__echo', arguments: { text: 'to the new' } }))).toContain('to the new');
  expect(textOf(await client.callTool({ name: 'old__echo', arguments: { text: 'to the old' } }))).toContain('to the old');
  await client.close();
});

test('progress passes while a tool works', async () => {
  const client = await modernClient();
  for (const name of ['new__slow', 'old__slow']) {
    const steps: number[] = [];
    await client.callTool({ name, arguments: { ms: 80 } }, { onprogress: ({ progress }) => void steps.push(progress) });
    expect(steps.length).toBeGreaterThan(0);
  }
  await client.close();
});

test('a server that is away hides no other, and takes only its own calls with it', async () => {
  await gateway.upstreams.old?.setMode({ kind: 'down' });
  const client = await modernClient();
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(LISTED);
  expect(await client.callTool({ name: 'old__echo', arguments: { text: 'x' } })).toMatchObject({ isError: true });
  expect(textOf(await client.callTool({ name: 'new__echo', arguments: { text: 'still here' } }))).toContain('still here');
  await client.close();
});

test('the record names the tool and its server, not the name it was called by', async () => {
  const client = await modernClient();
  const { _meta } = await client.callTool({ name: 'old__add', arguments: { a: 1, b: 2 } });
  const [requested] = gateway.eventsOf(String(_meta?.['io.sallyport/call-id']));
  expect(requested).toMatchObject({
    data: { target: { kind: 'tool', server: 'old', name: 'add' }, paramsMasked: { name: 'add', arguments: { a: 1, b: 2 } } },
  });
  await client.close();
});

test('a server that asks back reaches a client that can answer', async () => {
  const client = await modernClient();
  expect(textOf(await client.callTool({ name: 'new__ask', arguments: {} }))).toMatch(/went on|stopped/);
  await client.close();
});

test('a name that stands for nothing is refused like a tool that is hidden', async () => {
  const client = await legacyClient();
  gateway.answer(() => ({ effect: 'deny', code: 'tool.unknown' }));
  for (const name of ['new__nothing', 'nothing', 'old__write_note'])
    await expect(client.callTool({ name, arguments: {} })).rejects.toMatchObject({ code: -32602 });
  await client.close();
});

test('tells who listens that the tools have changed, and nobody else’s', async () => {
  const heard = new Promise<void>((resolve) => {
    void (async () => {
      const client = await modernClient();
      client.setNotificationHandler('notifications/tools/list_changed', () => {
        resolve();
        void client.close();
      });
      await client.listen({ toolsListChanged: true });
      await publishTools(gateway.log, [aToolRecord({ server: 'new', name: 'another', epoch: 1_000_000 })]);
    })();
  });
  await heard;
  expect(gateway.events().some((event) => event.type === 'ToolCallRequested' && event.data.method === 'subscriptions/listen')).toBe(true);
});

test('a method that is not served is unknown, but decided and on record', async () => {
  const response = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${await gateway.token()}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'prompts/list',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'prompts/list',
      params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} } },
    }),
  });
  expect(response.status).toBe(404);
  const callId = response.headers.get('sallyport-call-id') ?? '';
  await gateway.event('ToolCallCompleted', (event) => event.callId === callId);
  expect(gateway.eventsOf(callId).map(({ type }) => type)).toEqual(['ToolCallRequested', 'ToolCallCompleted']);
});
