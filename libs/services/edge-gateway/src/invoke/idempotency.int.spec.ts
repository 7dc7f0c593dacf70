import { META_KEYS } from '@sallyport/contracts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestGateway, type TestGateway, type TokenOptions } from '../testing/gateway.harness.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ settings: { decisionTimeoutMs: 2_000 }, answerTimeoutMs: 500 });
});
afterAll(() => gateway.close());
beforeEach(async () => {
  gateway.answer(() => ({}));
  gateway.account(() => ({ reservedMicros: 100 }));
  await upstream().setMode({ kind: 'up' });
});

const upstream = () => {
  const { tools } = gateway.upstreams;
  if (tools === undefined) throw new Error('no upstream');
  return tools;
};
const calls = (tool: string): number =>
  upstream()
    .requests()
    .filter((request) => request.tool === tool).length;
const uniqueKey = (): string => crypto.randomUUID();
const WRITE = 'write_note';

const invoke = async (tool: string, args: object, key: string | null, token: TokenOptions = {}) => {
  const response = await fetch(`${gateway.url}/v1/invoke`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await gateway.token(token)}`,
      'content-type': 'application/json',
      ...(key === null ? {} : { 'Idempotency-Key': key }),
    },
    body: JSON.stringify({ tool: `tools/${tool}`, arguments: args }),
  });
  const callId = response.headers.get('sallyport-call-id') ?? '';
  return { status: response.status, callId, body: JSON.parse(await response.text()) };
};
const typesOf = (callId: string): string[] => gateway.eventsOf(callId).map(({ type }) => type);

test('the same key twice is executed once: the answer is decided, recorded and delivered again, and costs nothing more', async () => {
  const key = uniqueKey();
  const before = calls(WRITE);
  const first = await invoke(WRITE, { text: 'a' }, key);
  const second = await invoke(WRITE, { text: 'a' }, key);
  expect(first).toMatchObject({ status: 200, body: { content: [{ text: 'written' }] } });
  expect(second).toMatchObject({ status: 200, body: { content: [{ text: 'written' }], isError: false } });
  expect(second.callId).not.toBe(first.callId);
  expect(calls(WRITE)).toBe(before + 1);
  await gateway.event('ToolCallCompleted', (event) => event.callId === second.callId);
  expect(typesOf(second.callId)).toEqual(['ToolCallRequested', 'ToolCallCompleted']);
  expect(gateway.eventsOf(second.callId)).toMatchObject([{ data: { requires: ['policy'] } }, { data: { reportedCostMicros: 0 } }]);
});

test('without a key nothing is deduplicated: two equal calls are two', async () => {
  const before = calls(WRITE);
  await invoke(WRITE, { text: 'twice' }, null);
  await invoke(WRITE, { text: 'twice' }, null);
  expect(calls(WRITE)).toBe(before + 2);
});

test('a key belongs to its parameters', async () => {
  const key = uniqueKey();
  await invoke(WRITE, { text: 'a' }, key);
  const before = calls(WRITE);
  expect(await invoke(WRITE, { text: 'b' }, key)).toMatchObject({ status: 422, body: { code: 'idempotency.mismatch' } });
  expect(calls(WRITE)).toBe(before);
});

test("a key belongs to its principal: another person's or agent's is another key", async () => {
  const key = uniqueKey();
  const before = calls(WRITE);
  await invoke(WRITE, { text: 'a' }, key);
  await invoke(WRITE, { text: 'a' }, key, { subject: 'ben' });
  await invoke(WRITE, { text: 'a' }, key, { agent: 'writer' });
  expect(calls(WRITE)).toBe(before + 3);
});

test('a retry that policy denies now gets no answer, not even the one that was given', async () => {
  const key = uniqueKey();
  await invoke(WRITE, { text: 'a' }, key);
  gateway.answer(() => ({ effect: 'deny', code: 'policy.denied' }));
  expect(await invoke(WRITE, { text: 'a' }, key)).toMatchObject({ status: 403, body: { code: 'policy.denied' } });
  expect(await invoke(WRITE, { text: 'b' }, key)).toMatchObject({ status: 403, body: { code: 'policy.denied' } });
});

test('an answer is masked again by the decision in force', async () => {
  const key = uniqueKey();
  const open = await invoke('leak_email', {}, key);
  expect(JSON.stringify(open.body)).toContain('@example.org');
  gateway.answer(() => ({ obligations: [{ type: 'mask-result', labels: ['pii.email'] }] }));
  const masked = await invoke('leak_email', {}, key);
  expect(masked.status).toBe(200);
  expect(JSON.stringify(masked.body)).not.toContain('@example.org');
});

test('a key whose call was refused before anything was sent is free again', async () => {
  const key = uniqueKey();
  gateway.account(() => null);
  const refused = invoke(WRITE, { text: 'a' }, key);
  expect((await refused).body).toMatchObject({ code: 'budget.unavailable' });
  gateway.account(() => ({ reservedMicros: 100 }));
  const before = calls(WRITE);
  expect((await invoke(WRITE, { text: 'a' }, key)).status).toBe(200);
  expect(calls(WRITE)).toBe(before + 1);
});

test('of many at once with one key one is executed, and nobody gets anything but its answer or the doubt', async () => {
  const key = uniqueKey();
  const before = calls(WRITE);
  const answers = await Promise.all(Array.from({ length: 12 }, () => invoke(WRITE, { text: 'race' }, key)));
  expect(calls(WRITE)).toBe(before + 1);
  for (const { status, body } of answers) expect(status === 200 || body.code === 'call.in-doubt').toBe(true);
  expect(answers.some(({ status }) => status === 200)).toBe(true);
});

test('REST and MCP share a key: what one made the other is told, for a client of either era', async () => {
  const key = uniqueKey();
  const before = calls(WRITE);
  await invoke(WRITE, { text: 'both' }, key);
  for (const path of ['/mcp/tools', '/mcp']) {
    const name = path === '/mcp' ? `tools__${WRITE}` : WRITE;
    const version = '2026-07-28';
    const meta = {
      [META_KEYS.idempotencyKey]: key,
      'io.modelcontextprotocol/protocolVersion': version,
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await gateway.token()}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': version,
        'mcp-method': 'tools/call',
        'mcp-name': name,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name, arguments: { text: 'both' }, _meta: meta } }),
    });
    expect(await response.json()).toMatchObject({ id: 7, result: { content: [{ text: 'written' }] } });
  }
  expect(calls(WRITE)).toBe(before + 1);
});

test('an answer older than a day is not kept, and the call is not made again', async () => {
  const key = uniqueKey();
  const { callId } = await invoke(WRITE, { text: 'old' }, key);
  await gateway.database.query(`UPDATE dispatch_claims SET settled_at = now() - interval '25 hours' WHERE call_id = $1`, [callId]);
  const before = calls(WRITE);
  expect(await invoke(WRITE, { text: 'old' }, key)).toMatchObject({ status: 410, body: { code: 'result.not-retained' } });
  expect(calls(WRITE)).toBe(before);
});

test('keeps the answer sealed', async () => {
  const { callId } = await invoke('leak_email', { value: 'sealed@example.org' }, uniqueKey());
  const { rows } = await gateway.database.query<{ claim: string }>('SELECT c::text AS claim FROM dispatch_claims c WHERE call_id = $1', [
    callId,
  ]);
  expect(rows[0]?.claim).toContain('v1.');
  expect(rows[0]?.claim).not.toContain('sealed@example.org');
});

/** A write that was sent and not answered as a gateway that lives tells it, once it is listed. */
const lose = async (key: string, fault: () => Promise<void>, status: number): Promise<string> => {
  await fault();
  const lost = await invoke(WRITE, { text: 'lost' }, key);
  await upstream().setMode({ kind: 'up' });
  expect(lost.status).toBe(status);
  await gateway.event('ToolCallInDoubt', ({ callId }) => callId === lost.callId);
  expect(typesOf(lost.callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallInDoubt']);
  for (let isListed = false; !isListed; ) {
    const { body } = await operate('GET', '/v1/calls/in-doubt?limit=200');
    isListed = body.calls.some(({ callId }: { callId: string }) => callId === lost.callId);
  }
  return lost.callId;
};
const operate = async (method: 'GET' | 'POST', path: string, body?: object) => {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await gateway.token({ subject: 'grace', agent: null, scopes: 'sallyport:operate' })}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
};
const resolve = (callId: string, resolution: 'executed' | 'not-executed') =>
  operate('POST', `/v1/calls/${callId}/resolution`, { resolution, note: 'looked' });

const LOST = [
  ['whose answer broke off', () => upstream().setMode({ kind: 'half-answer' }), 502],
  ['whose answer never came', () => upstream().setMode({ kind: 'silent' }), 504],
] as const;
for (const [what, fault, status] of LOST) {
  test(`a write ${what} is in doubt though its gateway lives, is listed and not made again, until a person settles it`, async () => {
    const key = uniqueKey();
    const callId = await lose(key, fault, status);
    const before = calls(WRITE);
    expect(await invoke(WRITE, { text: 'lost' }, key)).toMatchObject({ status: 409, body: { code: 'call.in-doubt' } });
    expect(calls(WRITE)).toBe(before);
    expect((await resolve(callId, 'executed')).status).toBe(200);
    expect(await invoke(WRITE, { text: 'lost' }, key)).toMatchObject({ status: 410, body: { code: 'result.not-retained' } });
    expect(await resolve(callId, 'not-executed')).toMatchObject({ status: 409, body: { code: 'call.ended' } });
    expect(calls(WRITE)).toBe(before);

    const other = uniqueKey();
    const second = await lose(other, fault, status);
    expect((await resolve(second, 'not-executed')).status).toBe(200);
    const sent = calls(WRITE);
    expect((await invoke(WRITE, { text: 'lost' }, other)).status).toBe(200);
    expect((await invoke(WRITE, { text: 'lost' }, other)).status).toBe(200);
    expect(calls(WRITE)).toBe(sent + 1);
  });
}

test('a write that its server refused to take is in no doubt: it failed, and its key is free', async () => {
  const key = uniqueKey();
  await upstream().setMode({ kind: 'refuses', status: 403 });
  const refused = await invoke(WRITE, { text: 'let me in' }, key);
  await upstream().setMode({ kind: 'up' });
  expect(refused.status).toBe(502);
  expect((await gateway.event('ToolCallFailed', ({ callId }) => callId === refused.callId)).data).toMatchObject({ reached: 'yes' });
  expect((await invoke(WRITE, { text: 'let me in' }, key)).status).toBe(200);
});

test('a write whose doubt the log does not take is in doubt once it is back', async () => {
  const key = uniqueKey();
  await upstream().setMode({ kind: 'silent' });
  const before = calls(WRITE);
  const lost = invoke(WRITE, { text: 'unheard' }, key);
  while (calls(WRITE) === before) await new Promise((wake) => setImmediate(wake));
  gateway.breakLog(true);
  const { callId, body } = await lost;
  expect(body.code).toBe('log.unavailable');
  gateway.breakLog(false);
  await upstream().setMode({ kind: 'up' });
  await gateway.event('ToolCallInDoubt', (event) => event.callId === callId);
  let resolved = await resolve(callId, 'not-executed');
  while (resolved.status !== 200) resolved = await resolve(callId, 'not-executed');
  expect((await invoke(WRITE, { text: 'unheard' }, key)).status).toBe(200);
  expect(calls(WRITE)).toBe(before + 2);
});
