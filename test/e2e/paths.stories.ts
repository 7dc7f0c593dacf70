import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DECIDED_METHODS } from '@sallyport/domain';
import { type Cluster, ROOT_FOLDER, until } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { aTrace } from './agent.js';

/** Open to everybody on purpose: what says whether we live, where tokens come from, and public keys. */
const OPEN = /^(healthz|readyz|\.well-known\/.*|v1\/audit\/keys)$/;

interface Route {
  readonly method: string;
  readonly path: string;
  readonly file: string;
}

/** Every route that the sources declare, whatever file it is in: a route that is added is found without being named here. */
const declaredRoutes = (): readonly Route[] => {
  const services = join(ROOT_FOLDER, 'libs');
  const files = readdirSync(services, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /src\/.*\.ts$/.test(file) && !/\.spec\.ts$|node_modules|dist\//.test(file),
  );
  return files.flatMap((file) => {
    const text = readFileSync(join(services, file), 'utf8');
    const controller = /@Controller\((?:'([^']*)')?\)/.exec(text);
    if (controller === null) return [];
    return [...text.matchAll(/^\s*@(Get|Post|Put|Patch|Delete|All)\((?:'([^']*)'|\[([^\]]*)\])?\)/gm)].flatMap(
      ([, method = '', one, many]) => {
        const paths = many === undefined ? [one ?? ''] : [...many.matchAll(/'([^']*)'/g)].map(([, path = '']) => path);
        return paths.map((path) => ({
          method: method.toUpperCase(),
          path: [controller[1] ?? '', path].filter((part) => part !== '').join('/'),
          file,
        }));
      },
    );
  });
};

/** Every way in asks for a token, and every method that exists ends decided or rejected, on record. */
export const paths = (cluster: () => Cluster): void => {
  const baseOf = ({ file }: Route): string => {
    if (file.includes('policy-decision')) return cluster().policyUrl;
    if (file.includes('budget-accountant')) return cluster().budgetUrl;
    if (file.includes('services/approval/')) return cluster().approvalUrl;
    return file.includes('audit-projector') ? cluster().auditUrl : cluster().gatewayUrl;
  };
  const routes = declaredRoutes();
  const closed = routes.filter(({ path }) => !OPEN.test(path));

  test('the routes that the sources declare are found', () => {
    const found = routes.map(({ method, path }) => `${method} ${path}`);
    expect(found).toEqual(expect.arrayContaining(['GET v1/policies', 'PUT v1/policies', 'GET healthz']));
    expect(closed.length).toBeGreaterThan(10);
  });

  describe.each(
    closed.flatMap((route) =>
      route.method === 'ALL' ? ['GET', 'POST', 'DELETE', 'PUT'].map((method) => ({ ...route, method })) : [route],
    ),
  )('$method /$path', (route) => {
    test('answers a request without a token with 401 and nothing else', async () => {
      const path = route.path.replaceAll(/:\w+/g, 'story').replaceAll('*', 'story');
      const hasBody = !['GET', 'DELETE'].includes(route.method);
      const { status, text } = await cluster().fetchRaw(
        `/${path}`,
        { method: route.method, ...(hasBody ? { headers: { 'content-type': 'application/json' }, body: '{}' } : {}) },
        baseOf(route),
      );
      expect(text).toMatch(/identity\.token-missing/);
      expect(status).toBe(401);
    });
  });

  test('an address that nobody serves is not there, with or without a token', async () => {
    for (const path of ['/', '/v1', '/v1/nothing', '/mcp/story/more', '/debug', '/metrics']) {
      const { status } = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, path);
      expect([401, 404, 405], path).toContain(status);
    }
  });

  const methods = [
    ...DECIDED_METHODS.filter((method) => !/^(stream\/open|session\/delete|response)$/.test(method)),
    'tools/steal',
    'tasks/get',
    'x',
  ];
  test.each(methods)('the method %s ends in a decision or a rejection on record', async (method) => {
    const { traceId, spanId } = aTrace();
    const isNotification = method.startsWith('notifications/');
    const { status, headers } = await cluster().fetchRaw('/mcp/story', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await cluster().token({ subject: 'ada', agent: 'triage' })}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        ...(isNotification ? {} : { id: 7 }),
        method,
        params: { ...paramsOf(method), _meta: { traceparent: `00-${traceId}-${spanId}-01` } },
      }),
    });
    const callId = headers.get('sallyport-call-id');
    if (callId === null) {
      // Turned away for its form before there was a call: then it is on record as a rejection, and was never served.
      expect(status).toBeGreaterThanOrEqual(400);
      const code = 'request.';
      await until(`the rejection of ${method} is on record`, async () => {
        const { text } = await cluster().fetchAs({ subject: 'grace', scopes: ['sallyport:audit'] }, '/v1/audit/rejections', {
          base: cluster().auditUrl,
        });
        return text.includes(code) ? true : undefined;
      });
      return;
    }
    const { call, types } = await cluster().record.call(callId);
    expect(call.method).toBe(method);
    expect(types.some((type) => type === 'PolicyDecided' || type === 'ToolCallRefused')).toBe(true);
    if (call.outcome === 'completed') expect(types).toContain('PolicyDecided');
  });
};

const paramsOf = (method: string): Record<string, unknown> => {
  if (method === 'tools/call') return { name: 'echo', arguments: { text: 'x' } };
  if (method === 'initialize') return { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'paths', version: '1' } };
  if (method === 'prompts/get') return { name: 'greet' };
  if (method.startsWith('resources/')) return { uri: 'note://latest' };
  if (method === 'completion/complete') return { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'a', value: 'b' } };
  if (method === 'logging/setLevel') return { level: 'info' };
  if (method === 'notifications/cancelled') return { requestId: 1 };
  if (method === 'notifications/progress') return { progressToken: 1, progress: 1 };
  return {};
};
