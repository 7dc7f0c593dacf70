import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import type { LoadJob } from './load-protocol.ts';
import { runLoad, startUpstream } from './programs.ts';

const jobOf = (url: string): LoadJob => ({ urls: [url], tokens: [], connections: 3, sessions: 7, tool: 'add', until: { calls: 40 } });

test('as many calls are made as were asked for, over all sessions, and each is answered as expected', async () => {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.close());
  for (const tool of ['echo', 'add'] as const) {
    const load = await runLoad({ ...jobOf(upstream.url), tool });
    await load.close();
    expect(load.result).toMatchObject({ made: 40, calls: 40, errors: {} });
    expect(load.result.latencyMs.p50).toBeGreaterThan(0);
  }
});

test('a server that opens no session fails the load without a call', async () => {
  const server = createServer((_request, response) => response.writeHead(503).end('away')).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const load = await runLoad(jobOf(`http://127.0.0.1:${port}/mcp`));
  await load.close();
  expect(load.result).toMatchObject({ made: 0, calls: 0, errors: { 'a session does not open: HTTP 503: away': 1 } });
});

test('an answer meant for another call is an error, and so is none at all', async () => {
  const answers = [
    '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"41"}]}}',
    '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"2"}],"isError":true}}',
    '{"jsonrpc":"2.0","id":0,"result":{"content":[]}}',
    '{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"no"}}',
  ];
  let calls = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const id = /"id":(\d+)/.exec(body)?.[1] ?? '0';
    const isCall = body.includes('tools/call');
    const answer = isCall ? (answers[calls++ % answers.length] ?? '') : '{"jsonrpc":"2.0","id":ID,"result":{}}';
    response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'liar' }).end(answer.replace('ID', id));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const load = await runLoad({ ...jobOf(`http://127.0.0.1:${port}/mcp`), connections: 1, sessions: 1, until: { calls: 4 } });
  await load.close();
  expect(load.result).toMatchObject({ made: 0, calls: 0 });
  expect(Object.values(load.result.errors)).toEqual([1, 1, 1, 1]);
});
