import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RejectionPage } from '@sallyport/contracts';
import { DECIDED_METHODS } from '@sallyport/domain';
import { CLUSTER_SERVICES, type Cluster, OFFICE_SCOPES, ROOT_FOLDER, until } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { aTrace } from './agent.js';

/**
 * Open to everybody on purpose: what says whether we live, where tokens come from, public keys, the console's files, and where a browser goes to log
 * in and comes back.
 */
const OPEN =
  /^(healthz|readyz|\.well-known\/.*|v1\/audit\/keys|console|console\/\*|console\/assets\/:file|console\/session\/(login|callback))$/;

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
    const service = CLUSTER_SERVICES.find((name) => file.startsWith(`services/${name}/`));
    return service === undefined || cluster().size === 'embedded' ? cluster().gatewayUrl : cluster().service(service).url;
  };
  // A service that no process runs yet has no way in.
  const routes = declaredRoutes().filter(
    ({ file }) => !file.startsWith('services/') || CLUSTER_SERVICES.some((service) => file.startsWith(`services/${service}/`)),
  );
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
        { base: baseOf(route) },
      );
      expect(text).toMatch(route.path.startsWith('console/session') ? /console\.session-missing/ : /identity\.token-missing/);
      expect(status).toBe(401);
    });
  });

  test('the services whose ways in are looked at are all that a process starts', () => {
    const start = readFileSync(join(ROOT_FOLDER, 'apps/cli/src/commands/start.command.ts'), 'utf8');
    const started = [...start.matchAll(/import \{[^}]*\b[a-z]\w*Part\b[^}]*\} from '@sallyport\/([\w-]+)'/g)].map(([, service]) => service);
    expect(started.sort()).toEqual([...CLUSTER_SERVICES].sort());
  });

  test('an address that nobody serves is not there, with or without a token', async () => {
    for (const path of ['/', '/v1', '/v1/nothing', '/mcp/story/more', '/debug', '/metrics']) {
      const { status } = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, path);
      expect([401, 404, 405], path).toContain(status);
    }
  });

  /** How many requests were turned away for their form so far. */
  const rejected = async (): Promise<number> => {
    const { text } = await cluster().fetchAs({ subject: 'grace', scopes: OFFICE_SCOPES }, '/v1/audit/rejections?limit=200', {
      base: cluster().auditUrl,
    });
    return RejectionPage.parse(JSON.parse(text))
      .rejections.filter(({ code }) => code.startsWith('request.'))
      .reduce((sum, { count }) => sum + count, 0);
  };
  const methods = [
    ...DECIDED_METHODS.filter((method) => !/^(stream\/open|session\/delete|response)$/.test(method)),
    'tools/steal',
    'tasks/get',
    'x',
  ];
  const requests = ['2025-11-25', '2026-07-28'].flatMap((version) => methods.map((method) => ({ version, method })));

  test.each(requests)('$version $method ends in a decision or a rejection on record', async ({ version, method }) => {
    const before = await rejected();
    const { traceId, spanId } = aTrace();
    const isNotification = method.startsWith('notifications/');
    const isModern = version === '2026-07-28';
    const params = paramsOf(method);
    const request = {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await cluster().token({ subject: 'ada', agent: 'triage' })}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': version,
        ...(isModern ? { 'mcp-method': method, ...namedBy(params) } : {}),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        ...(isNotification ? {} : { id: 7 }),
        method,
        params: { ...params, _meta: { traceparent: `00-${traceId}-${spanId}-01`, ...(isModern ? MODERN_META : {}) } },
      }),
    };
    const { status, headers } = await cluster().fetchRaw('/mcp/story', request, { read: isStream(method) ? 'headers' : 'all' });
    const callId = headers.get('sallyport-call-id');
    if (callId === null) {
      // Turned away for its form before there was a call: then it was never served, and the rejection is on record.
      expect(status).toBeGreaterThanOrEqual(400);
      await until(`the rejection of ${method} is on record`, async () => ((await rejected()) > before ? true : undefined));
      return;
    }
    const { call, types } = await cluster().record.call(callId);
    expect(call.method).toBe(method);
    expect(types.some((type) => type === 'PolicyDecided' || type === 'ToolCallRefused')).toBe(true);
    if (call.outcome === 'completed') expect(types).toContain('PolicyDecided');
  });
};

const MODERN_META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

/** What stays open when it is allowed: the test hangs up once it has begun. */
const isStream = (method: string): boolean => method === 'subscriptions/listen';

/** The header that names what a request is about, for the methods that have one (MCP 2026-07-28, standard headers). */
const namedBy = ({ name, uri }: Record<string, unknown>): Record<string, string> => {
  if (typeof name === 'string') return { 'mcp-name': name };
  return typeof uri === 'string' ? { 'mcp-name': uri } : {};
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
