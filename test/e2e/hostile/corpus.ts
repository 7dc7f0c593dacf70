import { aCall, type HostileRequest, MODERN_HEADERS, requestText, type Surroundings } from './hostile-request.js';

const MIB = 1024 * 1024;
const HUGE = 100 * MIB;

const piecesOf = function* (
  head: readonly (string | Buffer)[],
  bytes: number,
  frame: (piece: Buffer) => Iterable<string | Buffer>,
): Generator<string | Buffer> {
  yield* head;
  const piece = Buffer.alloc(MIB, 0x20);
  for (let sent = 0; sent < bytes; sent += MIB) yield* frame(piece);
};

/** What is wrong below or beside JSON: framing, size, patience, order. By hand, as each is a trick of its own. */
export const hostileCorpus = ({ host, agent, office, strangers }: Surroundings): readonly HostileRequest[] => {
  const body = JSON.stringify(aCall());
  const length = Buffer.byteLength(body);
  const ordinary = [
    ['authorization', agent] as const,
    ...MODERN_HEADERS,
    ['mcp-method', 'tools/call'] as const,
    ['mcp-name', 'echo'] as const,
  ];
  const head = (extra: readonly string[], line = 'POST /mcp/story', to = host): string =>
    String(requestText(to, line, [...ordinary, ...extra])[0]);
  const complete = requestText(host, 'POST /mcp/story', ordinary, body);
  const smuggled = 'GET /v1/audit/calls HTTP/1.1\r\nHost: inside\r\n\r\n';
  const raw = (title: string, text: string, more: Partial<HostileRequest> = {}): HostileRequest => ({ title, pieces: [text], ...more });
  const framing: HostileRequest[] = [
    raw('CL and TE', `${head(['Content-Length: 5', 'Transfer-Encoding: chunked'])}0\r\n\r\n${smuggled}`),
    raw('TE and CL', `${head(['Transfer-Encoding: chunked', `Content-Length: ${length}`])}${body}`),
    raw('two lengths that differ', `${head([`Content-Length: ${length}`, 'Content-Length: 5'])}${body}`),
    raw('two lengths that agree', `${head([`Content-Length: ${length}`, `Content-Length: ${length}`])}${body}`),
    raw('two lengths in one line', `${head([`Content-Length: ${length}, 5`])}${body}`),
    raw('a length below nothing', `${head(['Content-Length: -1'])}${body}`),
    raw('a length with a plus', `${head([`Content-Length: +${length}`])}${body}`),
    raw('a length in hexadecimal', `${head(['Content-Length: 0x10'])}${body}`),
    raw('a length beyond counting', `${head([`Content-Length: ${'9'.repeat(40)}`])}${body}`),
    raw('TE of an unknown kind', `${head(['Transfer-Encoding: xchunked'])}${body}`),
    raw('chunked is not the last TE', `${head(['Transfer-Encoding: chunked, identity'])}0\r\n\r\n`),
    raw('TE with a vertical tab', `${head(['Transfer-Encoding:\x0bchunked'])}0\r\n\r\n`),
    raw('TE before a space', `${head(['Transfer-Encoding : chunked'])}0\r\n\r\n`),
    raw('a chunk size that is no number', `${head(['Transfer-Encoding: chunked'])}zz\r\n${body}\r\n0\r\n\r\n`),
    raw('a chunk size with a sign', `${head(['Transfer-Encoding: chunked'])}-5\r\n${body}\r\n0\r\n\r\n`),
    raw('a chunk size beyond counting', `${head(['Transfer-Encoding: chunked'])}${'f'.repeat(20)}\r\n${body}`),
    raw('a chunk that is longer than it says', `${head(['Transfer-Encoding: chunked'])}5\r\n${body}\r\n0\r\n\r\n`),
    raw('chunk extensions without end', `${head(['Transfer-Encoding: chunked'])}5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
    raw('a folded header', `${head(['X-Folded: a\r\n b'])}`),
    raw('a folded token', String(requestText(host, 'POST /mcp/story', ['authorization: Bearer\r\n x'], null)[0])),
    raw('bare line feeds', head([]).replaceAll('\r\n', '\n')),
    raw('a bare carriage return', head(['X: a\rY: b'])),
    raw('a NUL in a header', head(['X: a\u0000b'])),
    raw('a header without a name', head([': x'])),
    raw('a header name with a space', head(['X Y: z'])),
    raw('a space before the colon', head(['X : z'])),
    raw('a header without a colon', head(['nonsense'])),
    raw('no Host', 'POST /mcp/story HTTP/1.1\r\nContent-Length: 0\r\n\r\n'),
    raw('no Host at an API', 'GET /v1/audit/calls HTTP/1.1\r\n\r\n'),
    raw('two Hosts', head([`Host: evil.example`])),
    raw('the same Host twice', head([`Host: ${host}`])),
    raw('two Origins', head([`Origin: http://${host}`, 'Origin: http://evil.example'])),
    raw('no HTTP at all', 'hello\r\n\r\n'),
    raw('a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'),
    raw('the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    raw('an unknown HTTP version', head([]).replace('HTTP/1.1', 'HTTP/9.9')),
    raw('HTTP/1.0 without a Host', 'POST /mcp/story HTTP/1.0\r\n\r\n'),
    raw('HTTP/0.9', 'GET /\r\n\r\n'),
    raw('an unknown method', head([], 'FETCH /mcp/story')),
    raw('a method in small letters', head([], 'post /mcp/story')),
    raw('a method of 10 KB', head([], `${'M'.repeat(10_000)} /mcp/story`)),
    raw('CONNECT to elsewhere', head([], 'CONNECT 169.254.169.254:80')),
    raw('an address of elsewhere', head([], 'GET http://169.254.169.254/latest/meta-data')),
    raw('OPTIONS for everything', head([], 'OPTIONS *')),
    raw('an address of 12 KB', head([], `GET /mcp/${'a'.repeat(12_000)}`)),
    raw('an address that does not decode', head([], 'GET /mcp/%zz')),
    raw('an address with a NUL', head([], 'GET /mcp/%00')),
    raw('an address with spaces', head([], 'GET /mcp/ /story')),
    raw('an address beyond ASCII', head([], 'GET /mcp/\xff\xfe')),
    raw('a name of a server of 300 letters', head([], `POST /mcp/${'s'.repeat(300)}`)),
    raw(
      'an upgrade to a web socket',
      head(['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'], 'GET /v1/tail'),
    ),
    raw('an expectation nobody knows', head(['Expect: the-unexpected'], 'GET /nowhere')),
    raw('a token in the address', head([], `POST /mcp/story?access_token=${agent.slice(7)}`)),
    raw('300 headers', head(Array.from({ length: 300 }, (_, n) => `X-${n}: ${n}`))),
    raw('2,500 short headers', head(Array.from({ length: 2_500 }, () => 'a:b'))),
    raw('a header of 20 KB', head([`X-Long: ${'x'.repeat(20_000)}`])),
    raw('a cookie of 15 KB and a token', head([`Cookie: ${'c'.repeat(15_900)}`])),
    raw('headers that break off', head([]).slice(0, -10), { endsSending: true }),
    raw('a line that breaks off', 'POST /mcp', { endsSending: true }),
    { title: 'a body that breaks off', pieces: [head([`Content-Length: ${length}`]), body.slice(0, 20)], endsSending: true },
    { title: 'chunks that break off', pieces: [head(['Transfer-Encoding: chunked']), 'ff\r\nabc'], endsSending: true },
    { title: 'a body that breaks off at an API', pieces: [head(['Content-Length: 500'], 'PUT /v1/policies'), '{'], endsSending: true },
  ];
  const pipelines: HostileRequest[] = [
    {
      title: 'a good call behind an unauthenticated one',
      pieces: [...requestText(host, 'POST /mcp/story', MODERN_HEADERS, body), ...complete],
      answers: 2,
    },
    { title: 'rubbish behind a good call', pieces: [...complete, 'rubbish\r\n\r\n'], answers: 2 },
    { title: 'a body of no use and a request within it', pieces: requestText(host, 'POST /mcp/story', ordinary, smuggled) },
    { title: 'a body longer than it says', pieces: [head([`Content-Length: ${length - 5}`]), body], answers: 2 },
    {
      title: 'a GET with a body that is a request',
      pieces: [...requestText(host, 'GET /nowhere', ordinary, smuggled), ...complete],
      answers: 2,
    },
    {
      title: 'twenty requests at once',
      pieces: Array.from({ length: 20 }, () => requestText(host, 'GET /nowhere', [])).flat(),
      answers: 20,
    },
    {
      title: 'a bad body and a good call behind it',
      pieces: [...requestText(host, 'POST /mcp/story', ordinary, '{"jsonrpc":'), ...complete],
      answers: 2,
    },
  ];
  const large: HostileRequest[] = [
    { title: '100 MB, declared', pieces: () => piecesOf([head([`Content-Length: ${HUGE}`])], HUGE, (piece) => [piece]) },
    { title: '100 MB, declared and never sent', pieces: [head([`Content-Length: ${HUGE}`])] },
    {
      title: '100 MB in chunks',
      pieces: () => piecesOf([head(['Transfer-Encoding: chunked'])], HUGE, (piece) => [`${piece.length.toString(16)}\r\n`, piece, '\r\n']),
    },
    { title: '100 MB for an API, declared and never sent', pieces: [head([`Content-Length: ${HUGE}`], 'PUT /v1/policies')] },
    {
      title: '100 MB in chunks for an API',
      pieces: () =>
        piecesOf([head(['Transfer-Encoding: chunked'], 'PUT /v1/policies')], HUGE, (piece) => [
          `${piece.length.toString(16)}\r\n`,
          piece,
          '\r\n',
        ]),
    },
    {
      title: '100 MB of nobody',
      pieces: () =>
        piecesOf([String(requestText(host, 'POST /mcp/story', [...MODERN_HEADERS, `Content-Length: ${HUGE}`])[0])], HUGE, (piece) => [
          piece,
        ]),
    },
    { title: '100 MB for an address that is none, never sent', pieces: [head([`Content-Length: ${HUGE}`], 'POST /nowhere')] },
    { title: 'a million members', pieces: requestText(host, 'POST /mcp/story', ordinary, `[${'1,'.repeat(500_000)}1]`) },
    { title: '400 KB of depth', pieces: requestText(host, 'POST /mcp/story', ordinary, '['.repeat(400_000)) },
    {
      title: 'arguments of 900 KB',
      pieces: requestText(host, 'POST /mcp/story', ordinary, JSON.stringify(aCall('echo', { text: 'x'.repeat(900_000) }))),
    },
  ];
  const slow: HostileRequest[] = [
    { title: 'headers that never end', pieces: [head([]).slice(0, -4)] },
    { title: 'a connection that says one letter', pieces: ['G'] },
    ...strangers.slice(0, 5).map(({ title, lines }) => ({
      title: `${title}, and headers that never end`,
      pieces: [`GET /mcp HTTP/1.1\r\nHost: ${host}\r\n${lines.join('\r\n')}`],
    })),
  ];
  const asOffice = [['authorization', office] as const, ['content-type', 'application/json'] as const];
  const change = (title: string, route: string, text: string): HostileRequest => ({
    title,
    pieces: requestText(host, route, asOffice, text),
  });
  const changes: HostileRequest[] = [
    change(
      'a stop with a NUL in its reason',
      'PUT /v1/controls',
      JSON.stringify({ control: 'tool', value: 'story/echo', active: true, why: 'a\0b' }),
    ),
    change(
      'a stop of a tool with a NUL',
      'PUT /v1/controls',
      JSON.stringify({ control: 'tool', value: 'story/ec\0ho', active: true, why: 'x' }),
    ),
    change(
      'a stop with a twin member',
      'PUT /v1/controls',
      '{"control":"tool","value":"story/x","value":"story/echo","active":"yes","why":"x"}',
    ),
    change(
      'a stop that pollutes',
      'PUT /v1/controls',
      '{"control":"tool","value":"story/echo","active":true,"why":"x","__proto__":{"a":1}}',
    ),
    change('a limit with a NUL', 'PUT /v1/budgets', JSON.stringify({ account: 'a\0b', limit: null, why: 'x' })),
    change('a policy with a NUL', 'PUT /v1/policies', JSON.stringify({ files: { 'a.cedar': 'permit(\0);' }, why: 'x' })),
    change(
      'policies at paths outside',
      'PUT /v1/policies',
      JSON.stringify({ files: { '../../x.cedar': 'permit(principal, action, resource);' } }),
    ),
    change('a body of 100,000 levels', 'PUT /v1/policies', '['.repeat(100_000) + ']'.repeat(100_000)),
    change('a body of 100,000 objects', 'POST /v1/approvals/x/reject', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
    change('an address with a NUL', 'GET /v1/catalog/story/echo%00', ''),
    change('a query with a NUL', 'GET /v1/audit/calls?traceId=%00', ''),
  ];
  return [...framing, ...changes, ...pipelines, ...large, ...slow];
};
