#!/usr/bin/env node
// Speaks MCP over stdio to Claude Code and over HTTP to the gateway, and puts on each call what the hook learned (`_meta`, as claimed).
// A bridge, because Claude Code asks for headers once a connection and not once a call.
//   SALLYPORT_URL            the gateway, default http://127.0.0.1:8080/mcp
//   SALLYPORT_TOKEN          the access token, or
//   SALLYPORT_TOKEN_COMMAND  a command that prints one; it is run again when the gateway refuses the last
import { execFile } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { claimsFolder, forget, recall } from './claims-store.mjs';

const URL_OF_GATEWAY = process.env.SALLYPORT_URL ?? 'http://127.0.0.1:8080/mcp';
const MODERN_VERSION = 'io.modelcontextprotocol/protocolVersion';
const TOOL_USE = 'claudecode/toolUseId';
const RECONNECT_MS = 1_000;
/** Methods that reach a tool server: what they are called for is worth recording. */
const NAMED = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' };

const folder = claimsFolder();
const stopped = new AbortController();
const underWay = new Map();
let token = process.env.SALLYPORT_TOKEN ?? null;
let sessionId = null;
let protocolVersion = null;

const say = (message) => void process.stdout.write(`${JSON.stringify(message)}\n`);

const freshToken = async () => {
  const command = process.env.SALLYPORT_TOKEN_COMMAND;
  if (command === undefined) return token;
  const shell = process.platform === 'win32' ? ['cmd', ['/d', '/s', '/c', command]] : ['sh', ['-c', command]];
  const { stdout } = await promisify(execFile)(...shell);
  token = stdout.trim();
  return token;
};

/** The message with what is known of its call; anything but a call goes as it is. */
const claimed = (message) => {
  if (message.id === undefined || NAMED[message.method] === undefined) return message;
  const toolUse = message.params?._meta?.[TOOL_USE];
  const ofCall = recall(folder, 'call', toolUse);
  const claims = Object.keys(ofCall).length > 0 ? ofCall : recall(folder, 'session', process.env.CLAUDE_CODE_SESSION_ID);
  if (Object.keys(ofCall).length > 0) forget(folder, 'call', toolUse);
  const meta = Object.fromEntries(Object.entries(claims).map(([name, value]) => [`io.sallyport/${name}`, value]));
  return { ...message, params: { ...message.params, _meta: { ...meta, ...message.params?._meta } } };
};

const headersFor = (message) => {
  const modern = message?.params?._meta?.[MODERN_VERSION];
  const name = message?.params?.[NAMED[message?.method]];
  return {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...(token && { authorization: `Bearer ${token}` }),
    ...(sessionId && { 'mcp-session-id': sessionId }),
    ...((modern ?? protocolVersion) && { 'mcp-protocol-version': modern ?? protocolVersion }),
    ...(modern && message.method && { 'mcp-method': message.method }),
    // A name outside printable ASCII travels in base64 (MCP 2026-07-28, standard headers).
    ...(modern &&
      typeof name === 'string' && {
        'mcp-name': /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(name) ? name : `=?base64?${Buffer.from(name).toString('base64')}?=`,
      }),
  };
};

/** Hands every message of an answer on, a JSON body or each event of a stream. */
const passOn = async (response) => {
  if (!response.headers.get('content-type')?.includes('text/event-stream')) {
    const body = await response.text();
    if (body.trim() !== '') say(JSON.parse(body));
    return;
  }
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).replaceAll('\r\n', '\n').split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).replace(/^ /, ''))
        .join('\n');
      if (data !== '') say(JSON.parse(data));
    }
  }
};

const post = async (message, signal) => {
  const send = () => fetch(URL_OF_GATEWAY, { method: 'POST', headers: headersFor(message), body: JSON.stringify(message), signal });
  const response = await send();
  if (response.status !== 401 || process.env.SALLYPORT_TOKEN_COMMAND === undefined) return response;
  await response.body?.cancel();
  await freshToken();
  return send();
};

/** Messages that the server sends by itself, in a session; a gateway without them answers 405. */
const listen = async () => {
  while (!stopped.signal.aborted) {
    try {
      const response = await fetch(URL_OF_GATEWAY, { headers: { ...headersFor(), accept: 'text/event-stream' }, signal: stopped.signal });
      if (!response.ok) return void (await response.body?.cancel());
      await passOn(response);
    } catch {
      if (stopped.signal.aborted) return;
    }
    await pause(RECONNECT_MS, undefined, { signal: stopped.signal }).catch(() => {});
  }
};

const handle = async (raw) => {
  const message = claimed(raw);
  const modern = message.params?._meta?.[MODERN_VERSION] !== undefined;
  if (message.method === 'notifications/cancelled') {
    // In the stateless revision closing the request is the cancellation; in a session it is this message.
    const request = underWay.get(message.params?.requestId);
    if (request?.modern === true) return request.stop.abort();
  }
  const stop = new AbortController();
  if (message.id !== undefined && message.method !== undefined) underWay.set(message.id, { stop, modern });
  try {
    const response = await post(message, AbortSignal.any([stop.signal, stopped.signal]));
    sessionId = response.headers.get('mcp-session-id') ?? sessionId;
    if (message.method === 'initialize') protocolVersion = message.params?.protocolVersion ?? null;
    const isJson = /json|event-stream/.test(response.headers.get('content-type') ?? '');
    if (!response.ok && !isJson) throw new Error(`the gateway answered with HTTP ${response.status}`);
    await passOn(response);
    if (message.method === 'notifications/initialized' && sessionId !== null) void listen();
  } catch (error) {
    if (stop.signal.aborted || stopped.signal.aborted || message.id === undefined || message.method === undefined) return;
    const reason = error?.cause?.code ? `${error.message} (${error.cause.code})` : String(error?.message ?? error);
    say({
      jsonrpc: '2.0',
      id: message.id,
      error: { code: -31503, message: `Sallyport cannot be reached at ${URL_OF_GATEWAY}: ${reason}` },
    });
  } finally {
    underWay.delete(message.id);
  }
};

if (token === null) await freshToken();
const pending = new Set();
let handshake = Promise.resolve();
for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
  if (line.trim() === '') continue;
  const message = JSON.parse(line);
  // The answer to `initialize` brings the session that all that follows belongs to.
  const work = message.method === 'initialize' ? handle(message) : handshake.then(() => handle(message));
  if (message.method === 'initialize') handshake = work;
  pending.add(work);
  void work.finally(() => pending.delete(work));
}
await Promise.allSettled(pending);
stopped.abort();
if (sessionId !== null)
  await fetch(URL_OF_GATEWAY, { method: 'DELETE', headers: headersFor(), signal: AbortSignal.timeout(2_000) }).catch(() => {});
process.exit(0);
