import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { UpstreamClient } from '../upstream/upstream-client.js';
import { UpstreamHttp } from '../upstream/upstream-http.js';
import { startStdioHost } from './stdio-host.js';
import type { StdioHost, StdioHostEvent, StdioHostOptions } from './stdio-host-types.js';

const require = createRequire(import.meta.url);
const serverScript = (name: string): string => require.resolve(`@modelcontextprotocol/server-${name}/dist/index.js`);
const clock = { nowMs: () => Date.now(), nowIso: () => new Date().toISOString(), monotonicMs: () => performance.now() };
const never = new AbortController().signal;
const secret = randomUUID();

const folder = mkdtempSync(path.join(tmpdir(), 'stdio-host-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const childOf = (server: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => ({
  tenantId: 'acme',
  server,
  command: process.execPath,
  args,
  env,
  cwd: path.join(folder, randomUUID()),
});

/** A small server in one file, for what no published server does. */
const scriptOf = (source: string): string => {
  const file = path.join(folder, `${randomUUID()}.mjs`);
  writeFileSync(file, source);
  return file;
};

const HANDSHAKE = `
import { createInterface } from 'node:readline';
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
const initialize = (m) => send({ id: m.id, result: { protocolVersion: '2025-11-25', capabilities: { tools: { listChanged: true } }, serverInfo: { name: 'small', version: '1' } } });
`;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const closing: (() => Promise<void>)[] = [];
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).reverse()) await close();
};

const hostOf = async (options: Omit<StdioHostOptions, 'secret'>): Promise<StdioHost & { readonly events: StdioHostEvent[] }> => {
  const events: StdioHostEvent[] = [];
  const host = await startStdioHost({ secret, onEvent: (event) => events.push(event), ...options });
  closing.push(() => host.close());
  for (const { server } of options.children) await host.whenReady(server);
  return Object.assign(host, { events });
};

const clientOf = (host: StdioHost, server: string): UpstreamClient => {
  const http = new UpstreamHttp(
    {
      server,
      tenantId: 'acme',
      url: host.url(server),
      routeVersion: '1',
      connectTimeoutMs: 1_000,
      answerTimeoutMs: 10_000,
      idleStreamTimeoutMs: 10_000,
      breaker: { failures: 1_000, openSeconds: 1 },
      viaStdioHost: true,
      headers: { 'sallyport-host-secret': secret },
    },
    { clock },
  );
  closing.push(() => http.close());
  return new UpstreamClient(http, { clock, clientInfo: { name: 'sallyport', version: '0.1.0' } });
};

const call = async (
  client: UpstreamClient,
  name: string,
  args: Readonly<Record<string, string | number | readonly string[]>> = {},
  signal = never,
) => client.request({ method: 'tools/call', params: { name, arguments: args }, token: 'a-minted-token', signal });

const legacyClient = async (host: StdioHost, server: string, capabilities: object = {}): Promise<LegacyClient> => {
  const client = new LegacyClient({ name: 'agent', version: '1' }, { capabilities });
  const requestInit = { headers: { authorization: `Bearer ${secret}` } };
  await client.connect(new StreamableHTTPClientTransport(host.url(server), { requestInit }));
  closing.push(() => client.close());
  return client;
};

describe('servers that nobody here wrote', () => {
  let host: StdioHost & { readonly events: StdioHostEvent[] };
  const sandbox = mkdtempSync(path.join(tmpdir(), 'stdio-host-files-'));

  beforeAll(async () => {
    host = await hostOf({
      children: [
        childOf('everything', [serverScript('everything'), 'stdio']),
        childOf('memory', [serverScript('memory')], { MEMORY_FILE_PATH: path.join(sandbox, 'memory.json') }),
        childOf('fs', [serverScript('filesystem'), sandbox]),
      ],
    });
  });
  afterAll(async () => {
    await closeAll();
    rmSync(sandbox, { recursive: true, force: true });
  });

  test('are spoken to statelessly and list their tools', async () => {
    const listed = await Promise.all(['everything', 'memory', 'fs'].map((server) => clientOf(host, server).listAllTools(null, never)));
    expect(listed.map(({ protocolVersion }) => protocolVersion)).toEqual(['2026-07-28', '2026-07-28', '2026-07-28']);
    expect(listed.map(({ tools }) => tools.length >= 9)).toEqual([true, true, true]);
    expect(listed[2]?.tools.map(({ name }) => name)).toContain('write_file');
  });

  test('work: a file is written and read back, outside the sandbox nothing is', async () => {
    const fs = clientOf(host, 'fs');
    await call(fs, 'write_file', { path: path.join(sandbox, 'note.txt'), content: 'hello' });
    expect(readFileSync(path.join(sandbox, 'note.txt'), 'utf8')).toBe('hello');
    const { message } = await call(fs, 'read_text_file', { path: '/etc/hostname' });
    expect(message.result).toMatchObject({ isError: true, resultType: 'complete' });
  });

  test('answer many at once, each its own', async () => {
    const everything = clientOf(host, 'everything');
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => call(everything, 'echo', { message: `m${n}` })));
    for (const [n, { message }] of answers.entries()) expect(JSON.stringify(message.result)).toContain(`m${n}"`);
  });

  test('answer clients of the session era, two of them under the same ids', async () => {
    const [first, second] = await Promise.all([legacyClient(host, 'everything'), legacyClient(host, 'everything')]);
    const sum = (client: LegacyClient, a: number) => client.callTool({ name: 'get-sum', arguments: { a, b: 1 } });
    const answers = await Promise.all([sum(first, 1), sum(second, 10), sum(first, 2), sum(second, 20)]);
    expect(answers.map(({ content }) => JSON.stringify(content).match(/is (\d+)/)?.[1])).toEqual(['2', '11', '3', '21']);
    expect((await first.listPrompts()).prompts.length).toBeGreaterThan(0);
    expect((await first.listResources()).resources.length).toBeGreaterThan(0);
  });

  test('have their progress told under the token of each client', async () => {
    const [first, second] = await Promise.all([legacyClient(host, 'everything'), legacyClient(host, 'everything')]);
    const run = async (client: LegacyClient, steps: number): Promise<number[]> => {
      const seen: number[] = [];
      const params = { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps } };
      await client.callTool(params, undefined, { onprogress: ({ progress }) => seen.push(progress) });
      return seen;
    };
    expect(await Promise.all([run(first, 3), run(second, 5)])).toEqual([
      [1, 2, 3],
      [1, 2, 3, 4, 5],
    ]);
  });

  test('may ask the client back when only one can be meant', async () => {
    const client = await legacyClient(host, 'everything', { sampling: {}, elicitation: {} });
    client.setRequestHandler(CreateMessageRequestSchema, async () => ({
      model: 'm',
      role: 'assistant',
      content: { type: 'text', text: 'sampled-answer' },
    }));
    client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'decline' }));
    const sampled = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'p', maxTokens: 5 } });
    expect(JSON.stringify(sampled)).toContain('sampled-answer');
    expect(JSON.stringify(await client.callTool({ name: 'trigger-elicitation-request', arguments: {} }))).toMatch(/decline/i);
  });

  test('that ask a client that cannot answer are told so', async () => {
    const client = await legacyClient(host, 'everything');
    const answer = client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'p', maxTokens: 5 } });
    expect(JSON.stringify(await answer.catch((error: unknown) => String(error)))).toMatch(/can answer this/);
  });

  test('tell of a changed resource only those who subscribed to it', async () => {
    const [first, second] = await Promise.all([legacyClient(host, 'everything'), legacyClient(host, 'everything')]);
    const heard: string[] = [];
    const updated = new Promise<void>((resolve) => {
      first.setNotificationHandler(ResourceUpdatedNotificationSchema, () => {
        heard.push('first');
        resolve();
      });
    });
    second.setNotificationHandler(ResourceUpdatedNotificationSchema, () => void heard.push('second'));
    const uri = 'demo://resource/dynamic/text/1';
    await first.subscribeResource({ uri });
    await first.callTool({ name: 'toggle-subscriber-updates', arguments: {} });
    await updated;
    await first.callTool({ name: 'toggle-subscriber-updates', arguments: {} });
    expect(heard).not.toContain('second');
  });

  test('get a scrubbed environment', async () => {
    const { message } = await call(clientOf(host, 'everything'), 'get-env');
    const text = JSON.stringify(message.result);
    const names = [...text.matchAll(/\\"([A-Z_]+)\\":/g)].map(([, name]) => name);
    expect(names.filter((name) => name !== undefined && !['PATH', 'HOME', 'LANG'].includes(name))).toEqual([]);
    expect(names).toContain('HOME');
  });

  test('that are killed are refused as not reached, then are back, under the same sessions', async () => {
    const agent = await legacyClient(host, 'memory');
    const client = clientOf(host, 'memory');
    await call(client, 'read_graph');
    await host.kill('memory');
    await expect(call(client, 'read_graph')).rejects.toMatchObject({ code: 'upstream.unreachable', detail: { reached: 'no' } });
    await host.whenReady('memory');
    expect((await call(client, 'read_graph')).message.result).toBeDefined();
    expect((await agent.callTool({ name: 'read_graph', arguments: {} })).content).toBeDefined();
    expect(host.status('memory')).toMatchObject({ state: 'ready', restarts: 1 });
  });

  test('stop and start on request', async () => {
    const before = host.status('fs').pid;
    await host.restart('fs');
    expect(host.status('fs')).toMatchObject({ state: 'ready' });
    expect(host.status('fs').pid).not.toBe(before);
  });

  test('are not reached without the secret of the host', async () => {
    const answer = await fetch(host.url('fs'), { method: 'POST', headers: { authorization: 'Bearer guess' }, body: '{}' });
    expect(answer.status).toBe(401);
  });
});

describe('a server that misbehaves', () => {
  afterEach(closeAll);

  const slow = `${HANDSHAKE}
    createInterface({ input: process.stdin }).on('line', (line) => {
      const m = JSON.parse(line);
      if (m.method === 'initialize') initialize(m);
      if (m.method === 'tools/call' && m.params.name === 'die') process.exit(3);
      if (m.method === 'tools/call' && m.params.name === 'flood') process.stdout.write('x'.repeat(200000));
      if (m.method === 'tools/call' && m.params.name === 'noise') { console.log('not a message'); console.error('on stderr'); send({ id: m.id, result: { content: [] } }); }
      if (m.method === 'tools/call' && m.params.name === 'change') { send({ method: 'notifications/tools/list_changed' }); send({ id: m.id, result: { content: [] } }); }
      if (m.method === 'tools/call' && m.params.name === 'never-answered') console.error('asked');
      if (m.method === 'notifications/cancelled') console.error('cancelled ' + m.params.requestId);
    });`;

  test('and dies with a request in hand has failed, with everything else it had', async () => {
    const host = await hostOf({ children: [childOf('small', [scriptOf(slow)])] });
    const client = clientOf(host, 'small');
    const silent = call(client, 'never-answered');
    silent.catch(() => undefined);
    await expect(call(client, 'die')).rejects.toMatchObject({ code: 'upstream.failed', detail: { reached: 'yes' } });
    await expect(silent).rejects.toMatchObject({ code: 'upstream.failed', detail: { reached: 'yes' } });
    await host.whenReady('small');
    expect(host.events.filter(({ type }) => type === 'exited').map(({ text }) => text)).toEqual(['ended with code 3']);
  });

  test('and is hung up on is told to cancel', async () => {
    const host = await hostOf({ children: [childOf('small', [scriptOf(slow)])] });
    const client = clientOf(host, 'small');
    const abort = new AbortController();
    const answer = call(client, 'never-answered', {}, abort.signal);
    answer.catch(() => undefined);
    // What is hung up on before the server was asked is never sent, so nothing of it is cancelled.
    await expect.poll(() => host.events.some(({ text }) => text === 'asked')).toBe(true);
    abort.abort();
    await expect(answer).rejects.toMatchObject({ code: 'call.cancelled' });
    await expect.poll(() => host.events.some(({ text }) => text.startsWith('cancelled'))).toBe(true);
  });

  test('and writes more than one message may hold is killed and started again', async () => {
    const host = await hostOf({ children: [childOf('small', [scriptOf(slow)])], limits: { maxMessageBytes: 100_000 } });
    await expect(call(clientOf(host, 'small'), 'flood')).rejects.toMatchObject({ code: 'upstream.failed' });
    await host.whenReady('small');
  });

  test('and writes what is no message is heard as output, not as an answer', async () => {
    const host = await hostOf({ children: [childOf('small', [scriptOf(slow)])] });
    expect((await call(clientOf(host, 'small'), 'noise')).message.result).toMatchObject({ content: [] });
    await expect
      .poll(() => host.events.filter(({ type }) => type === 'output').map(({ text }) => text))
      .toEqual(expect.arrayContaining(['not a message', 'on stderr']));
  });

  test('and changes its tools is heard of by all who listen', async () => {
    const host = await hostOf({ children: [childOf('small', [scriptOf(slow)])] });
    const agent = await legacyClient(host, 'small');
    const heard = new Promise<void>((resolve) => agent.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve()));
    const version = '2026-07-28';
    const meta = { 'io.modelcontextprotocol/protocolVersion': version, 'io.modelcontextprotocol/clientCapabilities': {} };
    const listening = await fetch(host.url('small'), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': version,
        'mcp-method': 'subscriptions/listen',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'l-1',
        method: 'subscriptions/listen',
        params: { notifications: { toolsListChanged: true }, _meta: meta },
      }),
    });
    const reader = listening.body?.getReader();
    const read = async (): Promise<string> => Buffer.from((await reader?.read())?.value ?? '').toString();
    expect(await read()).toContain('notifications/subscriptions/acknowledged');
    await call(clientOf(host, 'small'), 'change');
    expect(await read()).toMatch(/tools\/list_changed.*"io.modelcontextprotocol\/subscriptionId":"l-1"/);
    await heard;
    await reader?.cancel();
  });

  test('and cannot be started is tried again with growing pauses, and refused meanwhile', async () => {
    const events: StdioHostEvent[] = [];
    const host = await startStdioHost({
      secret,
      children: [{ ...childOf('gone', []), command: '/nowhere/to/be/found' }],
      limits: { firstRestartMs: 5, maxRestartMs: 20 },
      onEvent: (event) => events.push(event),
    });
    closing.push(() => host.close());
    await expect.poll(() => host.status('gone').restarts).toBeGreaterThan(6);
    expect(events.filter(({ type }) => type === 'gave-up')).toEqual([expect.objectContaining({ text: expect.stringContaining('ENOENT') })]);
    await expect(call(clientOf(host, 'gone'), 'x')).rejects.toMatchObject({ code: 'upstream.unreachable', detail: { reached: 'no' } });
  });

  test('and ignores the request to end is killed with all that it started', async () => {
    const pidFile = path.join(folder, `${randomUUID()}.pid`);
    const stubborn = `${HANDSHAKE}
      import { spawn } from 'node:child_process';
      import { writeFileSync } from 'node:fs';
      process.on('SIGTERM', () => undefined);
      const inner = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: 'ignore' });
      writeFileSync(${JSON.stringify(pidFile)}, String(inner.pid));
      setInterval(() => {}, 1000);
      createInterface({ input: process.stdin }).on('line', (line) => { const m = JSON.parse(line); if (m.method === 'initialize') initialize(m); });`;
    const host = await hostOf({ children: [childOf('stubborn', [scriptOf(stubborn)])], limits: { graceMs: 100 } });
    const pids = [host.status('stubborn').pid ?? 0, Number(readFileSync(pidFile, 'utf8'))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    await closeAll();
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false]);
  });

  test('lives in a folder of its own', async () => {
    const child = childOf('small', [scriptOf(slow)]);
    await hostOf({ children: [child] });
    expect(existsSync(child.cwd)).toBe(true);
    expect(readdirSync(child.cwd)).toEqual([]);
  });
});
