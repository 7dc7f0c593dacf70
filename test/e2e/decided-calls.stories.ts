import { type Cluster, PERSON } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent } from './agent.js';

/** A key of the shape a provider issues, put together here so that no scanner of this repository takes it for one. */
const SECRET = ['AKIA', 'Q3EGRZ7XNV', '5TLW2M'].join('');

/** What is decided, masked, hidden and refused when everything works. */
/** What the accountant says of the end of a call comes when it comes. */
const besideTheBooks = (types: readonly string[]): string[] => types.filter((type) => !type.startsWith('Budget')).sort();

export const decidedCalls = (cluster: () => Cluster): void => {
  let reader: Agent;
  let writer: Agent;

  beforeAll(async () => {
    reader = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'triage' }));
    writer = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'writer' }));
  });
  afterAll(async () => {
    await reader?.close();
    await writer?.close();
  });

  test('an allowed call reaches the upstream once, and who, through whom, what, why and with what end is on record', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    const answer = await reader.call('echo', { text: 'good morning' });
    expect(answer).toMatchObject({ isError: false, text: 'good morning', code: null });
    expect(cluster().upstream.callsOf('echo')).toHaveLength(before + 1);

    const { call, types } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({
      tenantId: 'acme',
      method: 'tools/call',
      target: 'story/echo',
      riskTier: 'read',
      decision: 'allow',
      outcome: 'completed',
      code: null,
      principal: { subject: 'user:ada', actors: ['agent:triage'], tenantId: 'acme', tokenSource: 'stories' },
    });
    expect(call.policyIds).toContain('read-by-scope');
    expect(call.upstreamMicros).toBeGreaterThan(0);
    expect(types).toContain('BudgetReserved');
    expect(besideTheBooks(types)).toEqual(['PolicyDecided', 'ToolCallCompleted', 'ToolCallDispatched', 'ToolCallRequested']);
  });

  test('an agent on the SDK of before (v1, sessions) makes the same call with the same record', async () => {
    const legacy = await Agent.legacy(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'triage' }));
    const answer = await legacy.call('echo', { text: 'good evening' });
    await legacy.close();
    expect(answer).toMatchObject({ isError: false, text: 'good evening' });
    const { call } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ target: 'story/echo', decision: 'allow', outcome: 'completed' });
  });

  test('the aggregated address serves the same tool under its stable name, with the same record', async () => {
    const token = await cluster().token({ subject: 'ada', agent: 'triage' });
    for (const open of [Agent.modern, Agent.legacy]) {
      const agent = await open(`${cluster().gatewayUrl}/mcp`, token);
      expect(await agent.list()).toContain('story__echo');
      const answer = await agent.call('story__echo', { text: 'by the other door' });
      await agent.close();
      expect(answer).toMatchObject({ isError: false, text: 'by the other door' });
      const { call } = await cluster().record.callOfTrace(answer.traceId);
      expect(call).toMatchObject({ target: 'story/echo', decision: 'allow', outcome: 'completed' });
    }
  });

  test('REST makes the same call with the same record', async () => {
    const response = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/invoke', {
      method: 'POST',
      body: { tool: 'story/echo', arguments: { text: 'plainly' } },
    });
    expect(response.status).toBe(200);
    const answer = JSON.parse(response.text) as { callId: string; isError: boolean };
    expect(answer).toMatchObject({ tool: 'story/echo', isError: false, content: [{ type: 'text', text: 'plainly' }] });
    const { call } = await cluster().record.call(answer.callId);
    expect(call).toMatchObject({ transport: 'rest', target: 'story/echo', decision: 'allow', outcome: 'completed' });
  });

  test('a low-risk write that was granted by name is allowed by that grant', async () => {
    const answer = await writer.call('write', { text: 'a note' });
    expect(answer).toMatchObject({ isError: false, text: 'did write' });
    const { call } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ riskTier: 'write-low', decision: 'allow', outcome: 'completed', principal: { actors: ['agent:writer'] } });
    expect(call.policyIds).toContain('writers-low');
  });

  test('a call that policy refuses never reaches the upstream, and the rule is on record', async () => {
    const answer = await writer.call('erase');
    expect(answer).toMatchObject({ isError: true, code: 'policy.denied' });
    expect(cluster().upstream.callsOf('erase')).toHaveLength(0);
    const { call, types } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ target: 'story/erase', decision: 'deny', outcome: 'refused', code: 'policy.denied' });
    expect(call.policyIds).toContain('default.deny');
    expect(besideTheBooks(types)).toEqual(['PolicyDecided', 'ToolCallRefused', 'ToolCallRequested']);
  });

  test('a secret among the arguments is masked before it reaches the upstream and stands nowhere on record', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    const answer = await reader.call('echo', { text: `use the key ${SECRET} please` });
    const received = await cluster().upstream.arrival('echo', before);
    expect(received.body).not.toContain(SECRET);
    expect(received.arguments).toEqual({ text: 'use the key [secret.provider-key] please' });
    expect(answer.text).toBe('use the key [secret.provider-key] please');
    const { call, events } = await cluster().record.callOfTrace(answer.traceId);
    expect(call.labels).toContain('secret.provider-key');
    expect(call.argumentRedactions).toMatchObject([{ label: 'secret.provider-key', count: 1 }]);
    expect(call.policyIds).toContain('mask-secrets');
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });

  test('personal data in a result is masked before it reaches the agent and stands nowhere on record', async () => {
    const answer = await reader.call('person');
    for (const value of Object.values(PERSON)) expect(answer.raw).not.toContain(value);
    for (const label of ['pii.email', 'pii.phone', 'pii.iban']) expect(answer.raw).toContain(`[${label}]`);
    const { call, events } = await cluster().record.callOfTrace(answer.traceId);
    expect(call.labels).toEqual(expect.arrayContaining(['pii.email', 'pii.iban', 'pii.phone']));
    expect(call.resultRedactions.length).toBeGreaterThanOrEqual(3);
    for (const value of Object.values(PERSON)) expect(JSON.stringify(events)).not.toContain(value);
  });

  test('a tool that says of itself that it failed is answered as it said and recorded as such', async () => {
    const answer = await reader.call('fails');
    expect(answer).toMatchObject({ isError: true, code: null, text: 'It did not work out.' });
    const { call } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'tool-error' });
  });

  test('a tool hidden from this principal is not in its list, and calling it looks like calling a tool that is not there', async () => {
    expect(await reader.list()).not.toContain('write');
    expect(await writer.list()).toContain('write');
    const hidden = await reader.call('write', { text: 'let me in' });
    const missing = await reader.call('no-such-tool');
    expect(hidden).toMatchObject({ isError: true, code: 'tool.unknown' });
    expect(missing).toMatchObject({ isError: true, code: 'tool.unknown' });
    expect(withoutIds(hidden.text)).toBe(withoutIds(missing.text));
    const { call } = await cluster().record.callOfTrace(hidden.traceId);
    expect(call).toMatchObject({ target: 'story/write', outcome: 'refused', code: 'tool.unknown' });
    const unknown = await cluster().record.callOfTrace(missing.traceId);
    expect(unknown.call).toMatchObject({ target: 'story/no-such-tool', outcome: 'refused', code: 'tool.unknown' });
  });

  test('a tool whose catalog record is not complete is not callable, and the record says why', async () => {
    expect(await reader.list()).not.toContain('unowned');
    const answer = await reader.call('unowned');
    expect(answer).toMatchObject({ isError: true, code: 'catalog.not-callable' });
    expect(cluster().upstream.callsOf('unowned')).toHaveLength(0);
    const { call } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ decision: 'deny', outcome: 'refused', code: 'catalog.not-callable' });
    expect(call.reasons.join(' ')).toContain('owner');
  });

  test('a tool that the catalog does not know is not callable and not listed', async () => {
    expect(await reader.list()).not.toContain('unlisted');
    const answer = await reader.call('unlisted');
    expect(answer.isError).toBe(true);
    expect(['tool.unknown', 'catalog.not-callable']).toContain(answer.code);
    expect(cluster().upstream.callsOf('unlisted')).toHaveLength(0);
    const { call } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ outcome: 'refused', code: answer.code });
  });

  test('the menu of REST shows what the principal may call and no address of any upstream', async () => {
    const { status, text } = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/tools');
    expect(status).toBe(200);
    const { tools } = JSON.parse(text) as { tools: { tool: string }[] };
    expect(tools.map(({ tool }) => tool)).toEqual(expect.arrayContaining(['story/echo', 'story/person']));
    expect(tools.map(({ tool }) => tool)).not.toEqual(expect.arrayContaining(['story/write']));
    expect(text).not.toContain(new URL(cluster().upstream.url).host);
  });

  test('the token of the agent never travels on; the one minted for the attempt names upstream, tool, user and agent', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    const token = await cluster().token({ subject: 'ada', agent: 'triage' });
    const agent = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, token);
    const answer = await agent.call('echo', { text: 'whose token' });
    await agent.close();
    const { headers } = await cluster().upstream.arrival('echo', before);
    expect(headers.authorization).toBeDefined();
    expect(headers.authorization).not.toContain(token);
    const [, payload = ''] = (headers.authorization ?? '').split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number; iat: number; jti: string };
    expect(claims).toMatchObject({ sub: expect.stringContaining('ada'), act: { sub: expect.stringContaining('triage') } });
    expect(claims.exp - claims.iat).toBeLessThanOrEqual(60);
    const { events } = await cluster().record.callOfTrace(answer.traceId);
    expect(JSON.stringify(events.find((event) => event.type === 'ToolCallDispatched')?.data)).toContain(claims.jti);
  });
};

/** A text without what differs from call to call. */
const withoutIds = (text: string): string => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID');
