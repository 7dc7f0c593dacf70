import { type CountingUpstream, startCountingUpstream } from '@sallyport/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { digestDefinition } from '../definitions/digest-definition.js';
import type { JsonObject } from '../json/json-types.js';
import { UpstreamClient } from './upstream-client.js';
import { UpstreamHttp } from './upstream-http.js';
import type { UpstreamRoute } from './upstream-route.js';

const clock = { nowMs: () => Date.now(), nowIso: () => new Date().toISOString(), monotonicMs: () => performance.now() };
const never = new AbortController().signal;

const routeTo = (upstream: { readonly url: URL }, over: Partial<UpstreamRoute> = {}): UpstreamRoute => ({
  server: 'fixture',
  tenantId: 'acme',
  url: upstream.url,
  routeVersion: '1',
  connectTimeoutMs: 1_000,
  answerTimeoutMs: 5_000,
  idleStreamTimeoutMs: 5_000,
  breaker: { failures: 50, openSeconds: 1 },
  ...over,
});

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const given = async (
  era: 'dual' | 'modern' | 'legacy',
  over: Partial<UpstreamRoute> = {},
): Promise<{ upstream: CountingUpstream; http: UpstreamHttp; client: UpstreamClient }> => {
  const upstream = await startCountingUpstream({ era });
  const http = new UpstreamHttp(routeTo(upstream, over), { clock });
  const client = new UpstreamClient(http, { clock, clientInfo: { name: 'sallyport', version: '0.1.0' } });
  closing.push(
    () => upstream.close(),
    () => http.close(),
    () => client.close(),
  );
  return { upstream, http, client };
};

const call = (
  client: UpstreamClient,
  name: string,
  args: JsonObject = {},
  more: { progressToken?: string; token?: string; signal?: AbortSignal; isCleared?: () => boolean } = {},
) =>
  client.request({
    method: 'tools/call',
    params: { name, arguments: args, ...(more.progressToken === undefined ? {} : { _meta: { progressToken: more.progressToken } }) },
    token: more.token ?? null,
    signal: more.signal ?? never,
    ...(more.isCleared === undefined ? {} : { isCleared: more.isCleared }),
    traceMeta: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
  });

describe.each(['dual', 'modern', 'legacy'] as const)('an upstream of era %s', (era) => {
  const spoken = era === 'legacy' ? 'legacy' : 'modern';

  test('is spoken to in its own era, asked for it once', async () => {
    const { upstream, client } = await given(era);
    const answers = await Promise.all([1, 2, 3].map((n) => call(client, 'add', { a: n, b: 1 })));
    expect(answers.map((answer) => answer.era)).toEqual([spoken, spoken, spoken]);
    expect(answers.map(({ message }) => message.result)).toMatchObject([2, 3, 4].map((sum) => ({ structuredContent: { sum } })));
    const methods = upstream.requests().map(({ method }) => method);
    expect(methods.filter((method) => method === 'server/discover')).toHaveLength(1);
    expect(methods.filter((method) => method === 'initialize')).toHaveLength(era === 'legacy' ? 1 : 0);
  });

  test('lists all its tools with digests that a second listing repeats', async () => {
    const { client } = await given(era);
    const first = await client.listAllTools(null, never);
    const second = await client.listAllTools(null, never);
    expect(first.protocolVersion).toBe(era === 'legacy' ? '2025-11-25' : '2026-07-28');
    expect(first.serverInfo.name).toBe(era === 'legacy' ? 'fixture-v1' : 'fixture-v2');
    expect(first.tools.map(({ name }) => name)).toContain('write_note');
    expect(second.tools.map(digestDefinition)).toEqual(first.tools.map(digestDefinition));
  });

  test('gets the token of each attempt and the trace, and nothing else of ours', async () => {
    const { upstream, client } = await given(era);
    await call(client, 'echo', { text: 'a' }, { token: 'first' });
    await call(client, 'echo', { text: 'b' }, { token: 'second' });
    const calls = upstream.requests().filter(({ tool }) => tool === 'echo');
    expect(calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
    expect(calls[0]?.body).toMatchObject({ params: { _meta: { traceparent: expect.stringContaining('4bf9') } } });
    expect(calls[0]?.headers['accept-encoding']).toBe('identity');
  });

  test('has its progress passed on in order before the answer', async () => {
    const { client } = await given(era);
    const seen: number[] = [];
    const { message } = await client.request({
      method: 'tools/call',
      params: { name: 'slow', arguments: { ms: 40 }, _meta: { progressToken: 'p' } },
      token: null,
      signal: never,
      onInterim: ({ params }) => {
        if (typeof params === 'object' && params !== null && 'progress' in params && typeof params.progress === 'number')
          seen.push(params.progress);
      },
    });
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(message.result).toMatchObject({ content: [{ text: 'done' }] });
  });

  test('hands back its own errors and failures as they are', async () => {
    const { client } = await given(era);
    expect((await call(client, 'fail')).message.result).toMatchObject({ isError: true });
    expect((await call(client, 'nothing-of-the-kind')).message.error).toMatchObject({ code: -32602 });
  });

  test('that follows a redirect is refused, and the redirect is not followed', async () => {
    const { client } = await given(era);
    await expect(call(client, 'redirect')).rejects.toMatchObject({ code: 'upstream.answer-invalid', detail: { reached: 'yes' } });
  });

  test('gets not a byte of a request whose clearance lapsed while a connection was made ready', async () => {
    const { upstream, client } = await given(era);
    let asked = 0;
    const isCleared = (): boolean => {
      asked += 1;
      return false;
    };
    await expect(call(client, 'echo', { message: 'hi' }, { isCleared })).rejects.toMatchObject({
      code: 'policy.unavailable',
      detail: { reached: 'no' },
    });
    expect(asked).toBe(1);
    expect(upstream.counts().echo ?? 0).toBe(0);
    expect((await call(client, 'echo', { message: 'hi' }, { isCleared: () => true })).message.error).toBeUndefined();
  });

  test('that is cancelled by the caller learns of it', async () => {
    const { upstream, client } = await given(era);
    const abort = new AbortController();
    const answer = call(client, 'endless', {}, { signal: abort.signal, progressToken: 'p' });
    await upstream.whenCalled('endless');
    abort.abort();
    await expect(answer).rejects.toMatchObject({ code: 'call.cancelled', detail: { reached: 'yes' } });
  });

  test('is not reached by a call that its caller gave up before it was written', async () => {
    const { upstream, client } = await given(era);
    await call(client, 'echo', { message: 'warm' });
    const abort = new AbortController();
    const isCleared = (): boolean => {
      abort.abort();
      return true;
    };
    await expect(call(client, 'echo', { message: 'hi' }, { signal: abort.signal, isCleared })).rejects.toMatchObject({
      code: 'call.cancelled',
      detail: { reached: 'no' },
    });
    expect(upstream.counts().echo).toBe(1);
  });

  test('that dies in the middle of an answer has failed after it was reached', async () => {
    const { upstream, client } = await given(era);
    await call(client, 'echo', { text: 'warm' });
    for (const kind of ['half-answer', 'half-event'] as const) {
      await upstream.setMode({ kind });
      await expect(call(client, 'write_note', { text: 'n' })).rejects.toMatchObject({
        code: 'upstream.failed',
        detail: { reached: 'yes' },
      });
    }
    expect(upstream.counts().write_note).toBe(2);
  });

  test('that is away was not reached, and is spoken to again when it is back', async () => {
    const { upstream, client } = await given(era);
    await call(client, 'echo', { text: 'warm' });
    await upstream.setMode({ kind: 'down' });
    await expect(call(client, 'write_note', { text: 'n' })).rejects.toMatchObject({
      code: 'upstream.unreachable',
      detail: { reached: 'no' },
    });
    await upstream.setMode({ kind: 'up' });
    expect((await call(client, 'write_note', { text: 'n' })).message.result).toMatchObject({ content: [{ text: 'written' }] });
    expect(upstream.counts().write_note).toBe(1);
  });

  test('that stays silent runs into the time limit', async () => {
    const { upstream, client } = await given(era, { answerTimeoutMs: 150 });
    await call(client, 'echo', { text: 'warm' });
    await upstream.setMode({ kind: 'silent' });
    await expect(call(client, 'echo', { text: 'x' })).rejects.toMatchObject({ code: 'upstream.timeout', detail: { reached: 'yes' } });
  });

  test('that keeps failing is left alone, then tried again', async () => {
    const { upstream, http, client } = await given(era, { breaker: { failures: 2, openSeconds: 0.1 } });
    await call(client, 'echo', { text: 'warm' });
    await upstream.setMode({ kind: 'down' });
    for (let n = 0; n < 2; n++) await expect(call(client, 'echo', { text: 'x' })).rejects.toMatchObject({ code: 'upstream.unreachable' });
    await expect(call(client, 'echo', { text: 'x' })).rejects.toMatchObject({ code: 'upstream.circuit-open', detail: { reached: 'no' } });
    expect(http.state()).toBe('open');
    await upstream.setMode({ kind: 'up' });
    await expect.poll(async () => (await call(client, 'echo', { text: 'x' })).era, { timeout: 5_000 }).toBe(spoken);
    expect(http.state()).toBe('closed');
  });

  test('whose answer is larger than it may be has it withheld', async () => {
    const { http } = await given(era);
    const bounded = new UpstreamClient(http, {
      clock,
      clientInfo: { name: 'sallyport', version: '0' },
      limits: { maxMessageBytes: 10_000 },
    });
    await expect(call(bounded, 'big', { bytes: 20_000 })).rejects.toMatchObject({ code: 'upstream.answer-too-large' });
    await bounded.close();
  });
});

test('a session that the upstream forgot is opened anew and the call runs once', async () => {
  const { upstream, client } = await given('legacy');
  await call(client, 'write_note', { text: 'one' });
  await upstream.forgetSessions();
  await call(client, 'write_note', { text: 'two' });
  expect(upstream.counts().write_note).toBe(3);
  expect(upstream.requests().filter(({ method }) => method === 'initialize')).toHaveLength(2);
});

test('calls of different principals do not share a session', async () => {
  const { upstream, client } = await given('legacy');
  const ask = (sessionKey: string) =>
    client.request({ method: 'tools/call', params: { name: 'echo', arguments: { text: 'x' } }, token: null, signal: never, sessionKey });
  await ask('ada');
  await ask('grace');
  await ask('ada');
  const sessions = upstream
    .requests()
    .filter(({ tool }) => tool === 'echo')
    .map(({ headers }) => headers['mcp-session-id']);
  expect(sessions[0]).not.toBe(sessions[1]);
  expect(sessions[2]).toBe(sessions[0]);
});

test('a multi round trip is answered by a second request with what was asked for', async () => {
  const { client } = await given('modern');
  const capabilities = { elicitation: { form: {} } };
  const params = { name: 'ask', arguments: {} };
  const asked = await client.request({ method: 'tools/call', params, token: null, signal: never, clientCapabilities: capabilities });
  expect(asked.message.result).toMatchObject({ resultType: 'input_required', requestState: 'state-of-the-fixture' });
  const answer = { confirm: { action: 'accept', content: { ok: true } } };
  const done = await client.request({
    method: 'tools/call',
    params: { ...params, inputResponses: answer, requestState: 'state-of-the-fixture' },
    token: null,
    signal: never,
    clientCapabilities: capabilities,
  });
  expect(done.message.result).toMatchObject({ resultType: 'complete', content: [{ text: 'went on' }] });
});

test('a legacy upstream that asks back is told that nobody can answer', async () => {
  const { client } = await given('legacy');
  const { message } = await call(client, 'ask');
  expect(message.error ?? message.result).toBeDefined();
  expect(JSON.stringify(message)).not.toContain('went on');
});
