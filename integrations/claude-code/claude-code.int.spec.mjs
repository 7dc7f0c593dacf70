import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recall } from './claims-store.mjs';

const script = (name) => fileURLToPath(new URL(`./${name}`, import.meta.url));
const PROMPT = 'Räum die Inbox auf\nund lösche nichts 🙏';
let folder = '';
let claims = '';
const running = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-claude-'));
  claims = join(folder, 'claims');
});
afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
  rmSync(folder, { recursive: true, force: true });
});

const hook = async (input) => {
  const child = spawn(process.execPath, [script('sallyport-hook.mjs')], { env: { ...process.env, SALLYPORT_CLAIMS_DIR: claims } });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  child.stdin.end(typeof input === 'string' ? input : JSON.stringify(input));
  const [code] = await once(child, 'close');
  return { code, output };
};

describe('the hook', () => {
  test('remembers the prompt of a session, in a file that only this user can read, and prints nothing', async () => {
    expect(await hook({ hook_event_name: 'UserPromptSubmit', session_id: 's-1', prompt: PROMPT })).toEqual({ code: 0, output: '' });
    expect(recall(claims, 'session', 's-1')).toEqual({ prompt: PROMPT });
    expect(statSync(claims).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(claims)) expect(statSync(join(claims, name)).mode & 0o777).toBe(0o600);
  });

  test('learns model and intent of a call from what the assistant said since the last message of the person', async () => {
    const transcript = join(folder, 'transcript.jsonl');
    const lines = [
      { type: 'assistant', message: { model: 'old', content: [{ type: 'text', text: 'something of an earlier turn' }] } },
      { type: 'user', message: { content: PROMPT } },
      { type: 'assistant', message: { model: 'm-5', content: [{ type: 'text', text: 'I list the files first.' }] } },
      { type: 'user', message: { content: [{ type: 'tool_result', content: 'a file' }] } },
      { type: 'assistant', message: { model: 'm-5', content: [{ type: 'tool_use', name: 'mcp__sallyport__fs__list_directory' }] } },
    ];
    writeFileSync(transcript, lines.map((line) => JSON.stringify(line)).join('\n'));
    await hook({ hook_event_name: 'UserPromptSubmit', session_id: 's-1', prompt: PROMPT });
    await hook({ hook_event_name: 'PreToolUse', session_id: 's-1', tool_use_id: 'toolu_1', transcript_path: transcript });
    expect(recall(claims, 'call', 'toolu_1')).toEqual({ prompt: PROMPT, model: 'm-5', intent: 'I list the files first.' });
  });

  test('forgets a session that ended', async () => {
    await hook({ hook_event_name: 'UserPromptSubmit', session_id: 's-1', prompt: PROMPT });
    await hook({ hook_event_name: 'SessionEnd', session_id: 's-1' });
    expect(recall(claims, 'session', 's-1')).toEqual({});
  });

  test.each([
    ['not JSON'],
    [{ hook_event_name: 'PreToolUse', session_id: '../../x', tool_use_id: '../../y', transcript_path: '/nowhere' }],
    [{}],
  ])('never blocks the agent, whatever it is given: %j', async (input) => {
    expect(await hook(input)).toEqual({ code: 0, output: '' });
    expect(existsSync(join(folder, 'x.json'))).toBe(false);
  });
});

/** A gateway that keeps what it was sent and answers by `answer`. */
const gateway = async (answer) => {
  const seen = [];
  const server = createServer(async (request, response) => {
    const body = request.method === 'POST' ? await json(request) : null;
    seen.push({ method: request.method, headers: request.headers, body });
    answer(request, body, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  running.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return { url: `http://127.0.0.1:${server.address().port}/mcp`, seen };
};

const bridge = (url, env = {}) => {
  const child = spawn(process.execPath, [script('sallyport-bridge.mjs')], {
    env: {
      ...process.env,
      SALLYPORT_CLAIMS_DIR: claims,
      SALLYPORT_URL: url,
      SALLYPORT_TOKEN: 'token-1',
      CLAUDE_CODE_SESSION_ID: 's-1',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  running.push(async () => void child.kill('SIGKILL'));
  return {
    send: (message) => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    receive: async () => JSON.parse((await lines.next()).value),
    end: async () => {
      child.stdin.end();
      return (await once(child, 'close'))[0];
    },
  };
};

const reply = (response, body, headers = {}) =>
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const sessionGateway = () =>
  gateway((request, body, response) => {
    if (request.method === 'GET') return void response.writeHead(405).end();
    if (request.method === 'DELETE') return void response.writeHead(204).end();
    if (body.method === 'initialize')
      return reply(response, { jsonrpc: '2.0', id: body.id, result: { protocolVersion: '2025-11-25' } }, { 'mcp-session-id': 'sid' });
    if (body.id === undefined) return void response.writeHead(202).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': keep-alive\n\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n');
    response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { content: [] } })}\n\n`);
  });

describe('the bridge', () => {
  test('keeps a session, passes streams on message by message, and puts the claims on the call', async () => {
    await hook({ hook_event_name: 'UserPromptSubmit', session_id: 's-1', prompt: PROMPT });
    await hook({ hook_event_name: 'PreToolUse', session_id: 's-1', tool_use_id: 'toolu_9' });
    const { url, seen } = await sessionGateway();
    const client = bridge(url);
    client.send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } });
    client.send({ method: 'notifications/initialized' });
    client.send({
      id: 2,
      method: 'tools/call',
      params: { name: 'fs__list', arguments: {}, _meta: { 'claudecode/toolUseId': 'toolu_9', progressToken: 7 } },
    });
    expect(await client.receive()).toMatchObject({ id: 1 });
    expect(await client.receive()).toMatchObject({ method: 'notifications/progress' });
    expect(await client.receive()).toMatchObject({ id: 2, result: { content: [] } });
    expect(await client.end()).toBe(0);

    const call = seen.find(({ body }) => body?.method === 'tools/call');
    expect(call.body.params._meta).toEqual({ 'io.sallyport/prompt': PROMPT, 'claudecode/toolUseId': 'toolu_9', progressToken: 7 });
    expect(call.headers).toMatchObject({ authorization: 'Bearer token-1', 'mcp-session-id': 'sid', 'mcp-protocol-version': '2025-11-25' });
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE', headers: { 'mcp-session-id': 'sid' } });
    expect(recall(claims, 'call', 'toolu_9')).toEqual({});
  });

  test('falls back to what is known of the session where the client names no tool use', async () => {
    await hook({ hook_event_name: 'UserPromptSubmit', session_id: 's-1', prompt: PROMPT });
    const { url, seen } = await gateway((_request, body, response) => reply(response, { jsonrpc: '2.0', id: body.id, result: {} }));
    const client = bridge(url);
    client.send({
      id: 'a',
      method: 'tools/call',
      params: { name: 'x', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    });
    expect(await client.receive()).toMatchObject({ id: 'a' });
    expect(seen[0].body.params._meta['io.sallyport/prompt']).toBe(PROMPT);
    expect(seen[0].headers).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-name': 'x', 'mcp-protocol-version': '2026-07-28' });
  });

  test('fetches a new token when the last one is refused', async () => {
    const { url, seen } = await gateway((request, body, response) =>
      request.headers.authorization === 'Bearer token-2'
        ? reply(response, { jsonrpc: '2.0', id: body.id, result: {} })
        : void response.writeHead(401).end(),
    );
    const client = bridge(url, { SALLYPORT_TOKEN_COMMAND: 'echo token-2' });
    client.send({ id: 1, method: 'tools/list', params: {} });
    expect(await client.receive()).toMatchObject({ id: 1, result: {} });
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  test('answers every request, also when there is no gateway', async () => {
    const client = bridge('http://127.0.0.1:1/mcp');
    client.send({ id: 5, method: 'tools/list', params: {} });
    expect(await client.receive()).toMatchObject({ id: 5, error: { code: -31503 } });
  });
});
