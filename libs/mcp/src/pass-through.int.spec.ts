import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as V1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { isAppError } from '@sallyport/contracts';
import { type CountingUpstream, startCountingUpstream } from '@sallyport/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { parseInbound, rewriteAnswer, rpcError, UpstreamHttp, WireError } from './index.js';

const clock = { nowMs: () => Date.now(), nowIso: () => new Date().toISOString(), monotonicMs: () => performance.now() };
const limits = { maxBodyBytes: 1_000_000, maxDepth: 64, maxMembers: 100_000 };
const answerLimits = {
  maxMessageBytes: 1_000_000,
  maxMessages: 1_000,
  maxTotalBytes: 10_000_000,
  idleMs: 10_000,
  maxDepth: 64,
  maxMembers: 100_000,
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => Buffer.concat(await request.toArray());

/** The least gateway there can be: read, ask the upstream, rewrite. */
const pass = async (http: UpstreamHttp, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await bodyOf(request);
  const hungUp = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) hungUp.abort();
  });
  const inbound = parseInbound({
    httpMethod: request.method ?? '',
    headers: request.headers,
    body: body.length === 0 ? null : body,
    limits,
  });
  const method = request.method === 'GET' || request.method === 'DELETE' ? request.method : 'POST';
  const text = 'message' in inbound ? JSON.stringify(inbound.message) : null;
  const answer = await http.exchange({ method, headers: request.headers, body: text, token: 'minted', signal: hungUp.signal });
  const session = answer.headers['mcp-session-id'];
  const rewritten = rewriteAnswer({
    status: answer.status,
    contentType: answer.headers['content-type'] ?? '',
    body: answer.body,
    limits: answerLimits,
    requestId: inbound.kind === 'request' ? inbound.id : null,
    onInterim: async (message) => message,
    onFinal: async (message) => ({ ...message }),
    keepAliveMs: 5_000,
  });
  response.writeHead(answer.status, {
    'content-type': rewritten.contentType,
    ...(session === undefined ? {} : { 'mcp-session-id': session }),
  });
  response.flushHeaders();
  for await (const chunk of rewritten.body) response.write(chunk);
  response.end();
};

const given = async (era: 'dual' | 'modern' | 'legacy'): Promise<{ upstream: CountingUpstream; url: URL }> => {
  const upstream = await startCountingUpstream({ era });
  const http = new UpstreamHttp(
    {
      server: 'fixture',
      tenantId: 'acme',
      url: upstream.url,
      routeVersion: '1',
      connectTimeoutMs: 1_000,
      answerTimeoutMs: 10_000,
      idleStreamTimeoutMs: 10_000,
      breaker: { failures: 100, openSeconds: 1 },
    },
    { clock },
  );
  const server = createServer((request, response) => {
    pass(http, request, response).catch((error: unknown) => {
      if (!isAppError(error) || response.headersSent) return response.destroy();
      const id = error instanceof WireError ? error.id : null;
      response.writeHead(error.definition.http, { 'content-type': 'application/json' });
      response.end(JSON.stringify(rpcError({ id, error, callId: null })));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  closing.push(
    () => upstream.close(),
    () => http.close(),
    async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  );
  return { upstream, url: new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`) };
};

const v2Client = async (url: URL, mode: 'auto' | 'legacy'): Promise<Client> => {
  const client = new Client(
    { name: 'agent', version: '1' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode }, inputRequired: { autoFulfill: true } },
  );
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { ok: true } }));
  const headers = { authorization: 'Bearer of-the-agent', cookie: 'a=b' };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  closing.push(() => client.close());
  return client;
};

const v1Client = async (url: URL): Promise<V1Client> => {
  const client = new V1Client({ name: 'agent', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { ok: true } }));
  await client.connect(new V1Transport(url, { requestInit: { headers: { authorization: 'Bearer of-the-agent' } } }));
  closing.push(() => client.close());
  return client;
};

describe.each([
  ['the v2 client, which chooses', 'a dual upstream', 'dual', (url: URL) => v2Client(url, 'auto')],
  ['the v2 client, which chooses', 'a stateless upstream', 'modern', (url: URL) => v2Client(url, 'auto')],
  ['the v2 client, which chooses', 'a session upstream', 'legacy', (url: URL) => v2Client(url, 'auto')],
  ['the v2 client with sessions', 'a dual upstream', 'dual', (url: URL) => v2Client(url, 'legacy')],
  ['the v2 client with sessions', 'a session upstream', 'legacy', (url: URL) => v2Client(url, 'legacy')],
  ['the v1 client', 'a dual upstream', 'dual', v1Client],
  ['the v1 client', 'a session upstream', 'legacy', v1Client],
] as const)('%s through to %s', (_client, _upstream, era, connect) => {
  test('lists, calls, reads, prompts and hears of progress', async () => {
    const { url, upstream } = await given(era);
    const client = await connect(url);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('write_note');
    expect(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })).toMatchObject({ structuredContent: { sum: 5 } });
    expect(await client.readResource({ uri: 'note://latest' })).toMatchObject({ contents: [{ text: 'a note' }] });
    expect((await client.getPrompt({ name: 'greet' })).messages).toHaveLength(1);
    expect(await client.callTool({ name: 'fail', arguments: {} })).toMatchObject({ isError: true });
    await client.callTool({ name: 'write_note', arguments: { text: 'ü ☂' } });
    expect(upstream.counts().write_note).toBe(1);
    for (const { headers } of upstream.requests()) {
      expect(headers.authorization).toBe('Bearer minted');
      expect(headers.cookie).toBeUndefined();
      expect(headers.host).toBe(upstream.url.host);
    }
  });

  test('an upstream that dies in the middle of an answer gives the client an error, not half of it', async () => {
    const { url, upstream } = await given(era);
    const client = await connect(url);
    await upstream.setMode({ kind: 'half-answer' });
    await expect(client.callTool({ name: 'echo', arguments: { text: 'x' } })).rejects.toThrow();
  });
});

test.each([
  ['v2', (url: URL) => v2Client(url, 'auto'), 'modern'],
  ['v1', v1Client, 'legacy'],
] as const)('a question of the upstream reaches the %s client and its answer the upstream', async (_name, connect, era) => {
  const { url } = await given(era);
  const client = await connect(url);
  expect(await client.callTool({ name: 'ask', arguments: {} })).toMatchObject({ content: [{ text: 'went on' }] });
});

test.each([
  ['v2', (url: URL) => v2Client(url, 'auto'), 'modern'],
  ['v1', v1Client, 'legacy'],
] as const)('progress reaches the %s client while the call runs', async (_name, connect, era) => {
  const { url } = await given(era);
  const client = await connect(url);
  const seen: number[] = [];
  const onprogress = ({ progress }: { progress: number }): void => void seen.push(progress);
  if (client instanceof V1Client) await client.callTool({ name: 'slow', arguments: { ms: 40 } }, undefined, { onprogress });
  else await client.callTool({ name: 'slow', arguments: { ms: 40 } }, { onprogress });
  expect(seen).toEqual([1, 2, 3, 4]);
});
