import type { Cluster, TokenRequest } from '@sallyport/testing';
import { expect, test } from 'vitest';

/** Who may come in at all: OAuth's answers to the letter (protocol notes, section 5; RFC 6750, RFC 9728). */
export const identity = (cluster: () => Cluster): void => {
  const post = async (headers: Record<string, string>, path = '/mcp/story') =>
    await cluster().fetchRaw(path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'echo',
        ...headers,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'echo',
          arguments: { text: 'let me in' },
          _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} },
        },
      }),
    });
  const metadata = (): string => `resource_metadata="${cluster().gatewayUrl}/.well-known/oauth-protected-resource/mcp/story"`;

  test('without a token the answer is 401 that names where to get one, and no error, and is on record', async () => {
    const { status, headers } = await post({});
    expect(status).toBe(401);
    const challenge = headers.get('www-authenticate') ?? '';
    expect(challenge).toMatch(/^Bearer /);
    expect(challenge).toContain(metadata());
    expect(challenge).not.toContain('error=');
    const [rejection] = await cluster().record.rejections('identity.token-missing');
    expect(rejection).toMatchObject({ code: 'identity.token-missing', httpStatus: 401 });
    expect(rejection?.count).toBeGreaterThanOrEqual(1);
  });

  const invalid: [string, Omit<TokenRequest, 'subject'> & { stranger?: boolean }][] = [
    ['that has expired', { ttlSeconds: -300 }],
    ['for another audience', { audience: 'https://another.example/mcp' }],
    ['of an issuer nobody trusts', { issuer: 'https://stranger.example' }],
    ['signed with the key of another issuer', { stranger: true }],
    ['of a tenant that is not served here', { tenant: 'another-tenant' }],
  ];
  test.each(invalid)('a token %s is answered with 401 invalid_token, and nothing reaches the upstream', async (_, request) => {
    const before = cluster().upstream.calls.length;
    const { stranger, ...rest } = request;
    const token = await cluster().token({ subject: 'ada', agent: 'triage', ...rest }, stranger === true ? 'stranger' : 'trusted');
    const { status, headers, text } = await post({ authorization: `Bearer ${token}` });
    expect([401, 403]).toContain(status);
    if (rest.tenant === undefined) {
      expect(status).toBe(401);
      const challenge = headers.get('www-authenticate') ?? '';
      expect(challenge).toMatch(/^Bearer /);
      expect(challenge).toContain('error="invalid_token"');
      expect(challenge).toContain(metadata());
    }
    expect(text).not.toContain(token);
    expect(cluster().upstream.calls).toHaveLength(before);
    const rejections = await cluster().record.rejections('identity.token-invalid');
    expect(rejections[0]).toMatchObject({ code: 'identity.token-invalid', httpStatus: 401 });
  });

  test('a token in the query string is no token', async () => {
    const token = await cluster().token({ subject: 'ada', agent: 'triage' });
    const { status } = await post({}, `/mcp/story?access_token=${token}`);
    expect([400, 401]).toContain(status);
  });

  test('a scope that a new token could bring is answered with 403 that names every scope the call needs, and is on record', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    const { status, headers } = await post({
      authorization: `Bearer ${await cluster().token({ subject: 'ada', agent: 'triage', scopes: [] })}`,
    });
    expect(status).toBe(403);
    const challenge = headers.get('www-authenticate') ?? '';
    expect(challenge).toMatch(/^Bearer /);
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toMatch(/scope="[^"]*tools:read[^"]*"/);
    expect(challenge).toContain(metadata());
    expect(cluster().upstream.callsOf('echo')).toHaveLength(before);
    const callId = headers.get('sallyport-call-id') ?? '';
    const { call } = await cluster().record.call(callId);
    expect(call).toMatchObject({ target: 'story/echo', decision: 'deny', outcome: 'refused', code: 'scope.insufficient' });
  });

  test('the resource tells which issuers it trusts', async () => {
    const { status, text } = await cluster().fetchRaw('/.well-known/oauth-protected-resource/mcp/story', {});
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      resource: `${cluster().gatewayUrl}/mcp/story`,
      authorization_servers: expect.arrayContaining([cluster().issuer]),
      bearer_methods_supported: ['header'],
    });
  });
};
