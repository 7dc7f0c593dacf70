import fc from 'fast-check';
import {
  aCall,
  type Header,
  type HostileRequest,
  headerValue,
  LEGACY_HEADERS,
  META,
  MODERN_HEADERS,
  requestText,
  type Surroundings,
} from './hostile-request.js';

/** Names that programs have tripped over. */
export const HOSTILE_NAMES: readonly string[] = [
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  '%2e%2e%2fadmin',
  'story/../story/erase',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'echo\u0000',
  'echo\r\nX-Injected: yes',
  'echo\u200b',
  '\u202eohce',
  '\ufeffecho',
  'ｅｃｈｏ',
  'ECHO',
  ' echo ',
  '\ud800',
  'echo\udfff',
  '💣'.repeat(200),
  'e'.repeat(10_240),
  '$'.concat('{jndi:ldap://127.0.0.1:9/x}'),
  '{{7*7}}',
  "'; DROP TABLE audit_event; --",
  '<script>alert(1)</script>',
  '%s%s%s%n',
  '*',
  'null',
  'undefined',
  '-0',
  'story__story__echo',
  'nobody__echo',
  '__echo',
];

const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE_NAMES) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 }) },
);

/** A JSON value of any shape, with the keys that pollute prototypes among its own. */
const hostileJson = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e300, '', [], {}, [[]], Number.MAX_SAFE_INTEGER),
  hostileText,
  fc.constant(JSON.parse('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}')),
);

/** An object as JSON text with a member twice. */
const withTwin = (text: string, name: string): string => text.replace(/\{/, `{${JSON.stringify(name)}:1,${JSON.stringify(name)}:2,`);

const nested = (levels: number, open: string, close: string): string => open.repeat(levels) + close.repeat(levels);

/** Texts that are no JSON, or JSON that no two readers read alike. */
const brokenText = (whole: string): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.nat({ max: whole.length - 1 }).map((length) => Buffer.from(whole.slice(0, length))),
    fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom('id', 'method', 'jsonrpc', 'params').map((name) => Buffer.from(withTwin(whole, name))),
    fc
      .tuple(fc.nat({ max: whole.length - 1 }), fc.constantFrom('\u0000', '}', ']', '"', ',', '\\', '\u0001', ':'))
      .map(([at, sign]) => Buffer.from(whole.slice(0, at) + sign + whole.slice(at))),
    fc.integer({ min: 65, max: 5_000 }).map((levels) => Buffer.from(whole.replace('"hostile"', nested(levels, '[', ']')))),
    fc
      .integer({ min: 65, max: 2_000 })
      .map((levels) => Buffer.from(whole.replace('"hostile"', `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`))),
    fc
      .constantFrom('NaN', 'Infinity', '0x10', '01', '1e999', '9007199254740993', '.5', '-', "'x'", 'undefined', '"\\ud800"', '"\\x41"')
      .map((literal) => Buffer.from(whole.replace('"hostile"', literal))),
    fc
      .constantFrom(Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from([0xff, 0xfe]), Buffer.from([0xc0, 0xaf]), Buffer.from([0xed, 0xa0, 0x80]))
      .map((bytes) => Buffer.concat([bytes, Buffer.from(whole)])),
    fc
      .constantFrom(`${whole}${whole}`, `${whole}\u0000`, `// x\n${whole}`, `${whole},`, `(${whole})`, `)]}',\n${whole}`, '', ' ', 'null')
      .map((text) => Buffer.from(text)),
  );

type Message = Record<string, unknown>;

/** A well-formed JSON text whose message has no form: wrong types everywhere. */
const misshapen: fc.Arbitrary<string> = fc
  .oneof(
    fc
      .tuple(fc.constantFrom('jsonrpc', 'id', 'method', 'params'), hostileJson)
      .map(([name, value]): unknown => ({ ...aCall(), [name]: value })),
    fc.constantFrom('jsonrpc', 'id', 'method', 'params').map((name): unknown => {
      const { [name]: _, ...rest } = aCall();
      return rest;
    }),
    fc.tuple(fc.constantFrom('name', 'arguments', '_meta'), hostileJson).map(([name, value]): unknown => {
      const call = aCall();
      return { ...call, params: { ...(call.params as Message), [name]: value } };
    }),
    fc.tuple(fc.constantFrom(...Object.keys(META)), hostileJson).map(([name, value]): unknown => ({
      ...aCall(),
      params: { name: 'echo', arguments: {}, _meta: { ...META, [name]: value } },
    })),
    fc.array(fc.constant(aCall()), { maxLength: 20 }),
    hostileJson,
    fc.tuple(hostileText, hostileJson).map(([id, result]): unknown => ({ jsonrpc: '2.0', id, result })),
    fc
      .tuple(hostileText, hostileJson)
      .map(([method, params]): unknown => ({ jsonrpc: '2.0', id: 'n', method: `notifications/${method}`, params })),
    fc.tuple(hostileText, hostileJson).map(([method, params]): unknown => ({ jsonrpc: '2.0', id: 1, method, params })),
  )
  .map((value) => JSON.stringify(value));

const MCP_PATHS: readonly string[] = ['/mcp', '/mcp/story'];
const OFFICE_ROUTES: readonly string[] = [
  'GET /v1/audit/calls',
  'GET /v1/audit/calls/{id}',
  'GET /v1/audit/rejections',
  'GET /v1/audit/tail',
  'GET /v1/audit/verify',
  'GET /v1/audit/checkpoints',
  'GET /v1/policies',
  'PUT /v1/policies',
  'GET /v1/policies/{id}',
  'GET /v1/policies/versions',
  'GET /v1/access',
  'GET /v1/controls',
  'PUT /v1/controls',
  'POST /v1/chains/{id}/resolve',
  'GET /v1/catalog',
  'GET /v1/catalog/{id}/{id}',
  'POST /v1/catalog/{id}/{id}/pin',
  'GET /v1/budgets',
  'GET /v1/budgets/in-doubt',
  'GET /v1/budgets/spending',
  'PUT /v1/budgets',
  'GET /v1/approvals',
  'GET /v1/approvals/tail',
  'GET /v1/approvals/{id}',
  'POST /v1/approvals/{id}/grant',
  'POST /v1/approvals/{id}/reject',
  'POST /v1/approvals/{id}/unmask',
  'GET /v1/approvals/{id}/status',
];
/** Every route that asks who is there. */
const GUARDED_ROUTES: readonly string[] = [
  ...OFFICE_ROUTES,
  'GET /v1/budgets/me',
  'GET /v1/tools',
  'POST /v1/invoke',
  'POST /v1/plan',
  ...MCP_PATHS.flatMap((path) => ['GET', 'POST', 'DELETE', 'PUT', 'PATCH'].map((method) => `${method} ${path}`)),
  'POST /mcp/nobody',
];
/** Paths at which a bare reading is what somebody with the scope may have. */
const FILLED_ROUTES: readonly string[] = OFFICE_ROUTES.filter((route) => route.includes('{id}'));
const QUERY_ROUTES: readonly string[] = [
  '/v1/audit/calls',
  '/v1/audit/rejections',
  '/v1/audit/verify',
  '/v1/audit/checkpoints',
  '/v1/approvals',
];
const WRITES: readonly string[] = OFFICE_ROUTES.filter((route) => !route.startsWith('GET '));

const wellFormed = (text: string): string => text.toWellFormed();
const filled = (route: string, id: string): string => route.replaceAll('{id}', encodeURIComponent(wellFormed(id)).slice(0, 3_000));
const json: readonly Header[] = [['content-type', 'application/json']];

/** Every family of the grammar for these surroundings, with the weight of each. Tokens come from `surroundings`. */
export const hostileRequests = ({ host, agent, office, strangers }: Surroundings): fc.Arbitrary<HostileRequest> => {
  const asAgent: Header = ['authorization', agent];
  const asOffice: Header = ['authorization', office];
  const mcp = (headers: readonly (Header | string)[], body: string | Buffer, path = '/mcp/story'): (string | Buffer)[] =>
    requestText(host, `POST ${path}`, headers, body);
  const ordinary = (name: string): readonly Header[] => [
    ...MODERN_HEADERS,
    ['mcp-method', 'tools/call'],
    ['mcp-name', headerValue(wellFormed(name)).slice(0, 12_000)],
  ];

  const byStrangers = fc
    .tuple(fc.constantFrom(...strangers), fc.constantFrom(...GUARDED_ROUTES), fc.boolean())
    .map(([stranger, route, hasBody]) => ({
      title: `${stranger.title} at ${route}`,
      pieces: requestText(
        host,
        filled(route, 'x'),
        [...stranger.lines, ...ordinary('echo')],
        hasBody && !route.startsWith('GET') ? JSON.stringify(aCall()) : null,
      ),
    }));
  const broken = fc.tuple(brokenText(JSON.stringify(aCall())), fc.constantFrom('/mcp', '/mcp/story', '/v1/invoke')).map(([body, path]) => ({
    title: `a broken body at ${path}`,
    pieces: mcp([asAgent, ...ordinary('echo')], body, path),
  }));
  const wrongTypes = fc.tuple(misshapen, fc.constantFrom(...MCP_PATHS), fc.boolean()).map(([body, path, isModern]) => ({
    title: `a message without form at ${path}`,
    pieces: mcp([asAgent, ...(isModern ? ordinary('echo') : LEGACY_HEADERS)], body, path),
  }));
  const contradicting = fc
    .tuple(
      fc.constantFrom('mcp-method', 'mcp-name', 'mcp-protocol-version', 'mcp-session-id', 'content-type', 'accept', 'content-encoding'),
      fc.oneof(
        fc.constantFrom(
          'tools/list',
          'erase',
          '2024-11-05',
          '9999-99-99',
          'text/plain',
          'gzip',
          '=?base64?!!?=',
          '=?base64?ZWNobw=?=',
          '',
          '*/*;q=0',
          'echo, echo',
        ),
        hostileText.map(headerValue),
      ),
      fc.constantFrom(...MCP_PATHS),
    )
    .map(([name, value, path]) => ({
      title: `${name}: ${value} at ${path}`,
      pieces: mcp(
        [asAgent, ...ordinary(path === '/mcp' ? 'story__echo' : 'echo').filter(([own]) => own !== name), [name, value]],
        JSON.stringify(aCall(path === '/mcp' ? 'story__echo' : 'echo')),
        path,
      ),
    }));
  const names = fc.tuple(hostileText, hostileJson, fc.constantFrom(...MCP_PATHS)).map(([name, args, path]) => ({
    title: `the tool ${JSON.stringify(name).slice(0, 80)} at ${path}`,
    pieces: mcp([asAgent, ...ordinary(name)], JSON.stringify(aCall(name, args)), path),
  }));
  const invocations = fc
    .oneof(
      fc.tuple(hostileText, hostileJson).map(([name, args]): unknown => ({ tool: `story/${name}`, arguments: args })),
      fc
        .tuple(fc.constantFrom('tool', 'arguments', 'model', 'intent', '__proto__', 'callId'), hostileJson)
        .map(([name, value]): unknown => ({ tool: 'story/echo', arguments: {}, [name]: value })),
      hostileJson,
    )
    .map((body) => ({ title: 'a REST body', pieces: mcp([asAgent, ...json], JSON.stringify(body), '/v1/invoke') }));
  const elsewhere = fc
    .tuple(
      fc.constantFrom(
        'evil.example',
        '127.0.0.1.evil.example',
        'localhost@evil.example',
        '169.254.169.254',
        '',
        'evil.example:80',
        '[::1',
        '0',
        'LOCALHOST.',
      ),
      fc.constantFrom(
        'http://evil.example',
        'null',
        'file://',
        'http://127.0.0.1:1',
        'https://localhost.evil.example',
        'chrome-extension://x',
      ),
      fc.boolean(),
      fc.constantFrom(...MCP_PATHS, '/v1/invoke'),
    )
    .map(([name, origin, isHost, path]) => ({
      title: isHost ? `Host ${name}` : `Origin ${origin}`,
      pieces: requestText(
        isHost ? name : host,
        `POST ${path}`,
        [asAgent, ...(isHost ? [] : [['origin', origin] as const]), ...ordinary('echo')],
        JSON.stringify(aCall()),
      ),
    }));
  const addresses = fc
    .tuple(
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'TRACE', 'SEARCH', 'HEAD'),
      fc.oneof(
        hostileText.map((text) => encodeURIComponent(wellFormed(text)).slice(0, 3_000)),
        fc.constantFrom(
          '..%2f..%2fadmin',
          '%',
          '%zz',
          '%00',
          '.',
          '..',
          ';',
          '?access_token=x',
          '//evil.example/',
          '\\',
          'mcp/..%2fv1',
          'mcp/story%00',
          'mcp/story/extra',
          'mcp/%E2%80%AE',
          'MCP/STORY',
          '.well-known/x',
          '.git/config',
          '.env',
        ),
      ),
    )
    .filter(([method]) => method !== 'HEAD')
    .map(([method, path]) => ({
      title: `${method} /${path}`.slice(0, 100),
      pieces: requestText(host, `${method} /x${path === '?access_token=x' ? path : `/${path}`}`, [asAgent]),
    }));
  const unentitled = fc.constantFrom(...OFFICE_ROUTES).map((route) => ({
    title: `an agent at ${route}`,
    pieces: requestText(
      host,
      filled(route, '00000000-0000-7000-8000-000000000000'),
      [asAgent, ...json],
      route.startsWith('GET') ? null : '{}',
    ),
  }));
  const ids = fc.tuple(fc.constantFrom(...FILLED_ROUTES), hostileText).map(([route, id]) => ({
    title: `${route} with ${JSON.stringify(id).slice(0, 80)}`,
    pieces: requestText(host, filled(route, id), [asOffice, ...json], route.startsWith('GET') ? null : '{"surprise":true}'),
  }));
  const queries = fc
    .tuple(
      fc.constantFrom(...QUERY_ROUTES),
      fc.constantFrom('cursor', 'limit', 'from', 'to', 'unheard-of', '__proto__', 'state'),
      hostileText,
    )
    .map(([path, name, value]) => ({
      title: `GET ${path}?${name}=`,
      pieces: requestText(host, `GET ${path}?${name}=${encodeURIComponent(wellFormed(value)).slice(0, 3_000)}`, [asOffice]),
    }));
  const changes = fc
    .tuple(
      fc.constantFrom(...WRITES),
      fc.oneof(
        misshapen.map((text) => Buffer.from(text)),
        brokenText(JSON.stringify(aCall())),
      ),
    )
    .map(([route, body]) => ({
      title: `${route} with a body of no use`,
      pieces: requestText(host, filled(route, 'x'), [asOffice, ...json], body),
    }));
  return fc.oneof(
    { weight: 34, arbitrary: byStrangers },
    { weight: 14, arbitrary: broken },
    { weight: 9, arbitrary: wrongTypes },
    { weight: 7, arbitrary: contradicting },
    { weight: 7, arbitrary: names },
    { weight: 4, arbitrary: invocations },
    { weight: 6, arbitrary: elsewhere },
    { weight: 6, arbitrary: addresses },
    { weight: 4, arbitrary: unentitled },
    { weight: 4, arbitrary: ids },
    { weight: 3, arbitrary: queries },
    { weight: 4, arbitrary: changes },
  );
};
