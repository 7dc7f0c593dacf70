import type { IncomingHttpHeaders } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseInbound } from './parse-inbound.js';
import { checkParamHeaders, encodeHeaderValue, standardHeaders } from './standard-headers.js';
import { WireError } from './wire-error.js';

const limits = { maxBodyBytes: 100_000, maxDepth: 16, maxMembers: 2_000 };
const VERSION = '2026-07-28';
const envelope = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
};
const json = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const modernHeaders = { ...json, 'mcp-protocol-version': VERSION, 'mcp-method': 'tools/call', 'mcp-name': 'echo' };
const modernCall = (over: object = {}, params: object = {}) => ({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text: 'a' }, _meta: envelope, ...params },
  ...over,
});

const parse = (body: unknown, headers: IncomingHttpHeaders = json, httpMethod = 'POST') =>
  parseInbound({
    httpMethod,
    headers,
    limits,
    body: body === null ? null : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  });

const refusedWith = (work: () => unknown): WireError => {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('a modern request', () => {
  test('is read with its target, version and metadata', () => {
    expect(parse(modernCall(), modernHeaders)).toMatchObject({
      kind: 'request',
      era: 'modern',
      protocolVersion: VERSION,
      id: 7,
      method: 'tools/call',
      name: 'echo',
      sessionId: null,
      meta: envelope,
    });
  });

  test.each([
    ['without a version header', { 'mcp-protocol-version': undefined }],
    ['under another version header', { 'mcp-protocol-version': '2025-11-25' }],
    ['without a method header', { 'mcp-method': undefined }],
    ['under another method header', { 'mcp-method': 'tools/list' }],
    ['without a name header', { 'mcp-name': undefined }],
    ['under another name header', { 'mcp-name': 'delete_everything' }],
    ['under two name headers', { 'mcp-name': 'echo, delete_everything' }],
    ['under a name header in broken base64', { 'mcp-name': '=?base64?ZWNobw?=' }],
    ['under a name header in base64 that is not UTF-8', { 'mcp-name': '=?base64?//8=?=' }],
  ])('%s is refused as a header mismatch that echoes the id', (_title, over) => {
    const error = refusedWith(() => parse(modernCall(), { ...modernHeaders, ...over }));
    expect([error.code, error.rpcCode, error.httpStatus, error.id]).toEqual(['request.header-mismatch', -32020, 400, 7]);
  });

  test('may carry its name in base64', () => {
    const name = 'écho ☂';
    const headers = { ...modernHeaders, 'mcp-name': encodeHeaderValue(name) };
    expect(headers['mcp-name']).toMatch(/^=\?base64\?/);
    expect(parse(modernCall({}, { name }), headers)).toMatchObject({ name });
  });

  test.each([
    ['protocolVersion', { 'io.modelcontextprotocol/protocolVersion': undefined }],
    ['clientCapabilities', { 'io.modelcontextprotocol/clientCapabilities': undefined }],
    ['clientCapabilities', { 'io.modelcontextprotocol/clientCapabilities': 'all' }],
    ['clientInfo', { 'io.modelcontextprotocol/clientInfo': 'me' }],
  ])('with a bad %s in its envelope is refused as invalid parameters', (key, over) => {
    const error = refusedWith(() => parse(modernCall({}, { _meta: { ...envelope, ...over } }), modernHeaders));
    expect([error.code, error.rpcCode, error.httpStatus, error.id]).toEqual(['request.envelope-invalid', -32602, 400, 7]);
    expect(error.reason).toContain(key);
  });

  test('without any envelope is refused as invalid parameters', () => {
    expect(refusedWith(() => parse(modernCall({}, { _meta: undefined }), modernHeaders)).code).toBe('request.envelope-invalid');
  });

  test('in a revision that is not served is told which are served in its way', () => {
    const version = '2027-03-01';
    const error = refusedWith(() =>
      parse(modernCall({}, { _meta: { ...envelope, 'io.modelcontextprotocol/protocolVersion': version } }), {
        ...modernHeaders,
        'mcp-protocol-version': version,
      }),
    );
    expect([error.rpcCode, error.httpStatus, error.id]).toEqual([-32022, 400, 7]);
    expect(error.data).toEqual({ supported: ['2026-07-28'], requested: version });
  });

  test.each(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'])('%s is unknown there', (method) => {
    const error = refusedWith(() =>
      parse(
        { jsonrpc: '2.0', id: 'x', method, params: { _meta: envelope } },
        { ...modernHeaders, 'mcp-method': method, 'mcp-name': undefined },
      ),
    );
    expect([error.rpcCode, error.httpStatus, error.id]).toEqual([-32601, 404, 'x']);
  });

  test.each(['GET', 'DELETE'])('does not exist as %s', (method) => {
    const error = refusedWith(() => parse(null, { accept: 'text/event-stream', 'mcp-protocol-version': VERSION }, method));
    expect(error.httpStatus).toBe(405);
  });

  test('ignores a session id', () => {
    expect(parse(modernCall(), { ...modernHeaders, 'mcp-session-id': 'abc' })).toMatchObject({ sessionId: null });
  });
});

describe('a legacy message', () => {
  const legacy = { ...json, 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': 's-1' };

  test('is read as request, notification or response', () => {
    const call = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'note://a' } };
    expect(parse(call, legacy)).toMatchObject({
      kind: 'request',
      era: 'legacy',
      sessionId: 's-1',
      name: 'note://a',
      protocolVersion: '2025-11-25',
    });
    expect(parse({ jsonrpc: '2.0', method: 'notifications/initialized' }, legacy)).toMatchObject({ kind: 'notification', era: 'legacy' });
    expect(parse({ jsonrpc: '2.0', id: 4, result: {} }, legacy)).toMatchObject({ kind: 'response', id: 4 });
  });

  test('that initializes keeps the revision it asks for, served or not', () => {
    const initialize = (protocolVersion: string) => ({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion } });
    expect(parse(initialize('2025-06-18'))).toMatchObject({ protocolVersion: '2025-06-18', era: 'legacy' });
    expect(parse(initialize('2024-11-05'))).toMatchObject({ protocolVersion: '2024-11-05', era: 'legacy' });
    expect(refusedWith(() => parse(initialize('2025-11-25'), { ...json, 'mcp-protocol-version': VERSION })).rpcCode).toBe(-32020);
  });

  test('opens streams and ends sessions', () => {
    expect(parse(null, { accept: 'text/event-stream', 'mcp-session-id': 's-1', 'last-event-id': '9' }, 'GET')).toMatchObject({
      kind: 'stream-open',
      lastEventId: '9',
      sessionId: 's-1',
    });
    expect(parse(null, { 'mcp-session-id': 's-1' }, 'DELETE')).toMatchObject({ kind: 'session-delete', sessionId: 's-1' });
    expect(refusedWith(() => parse(null, { accept: 'application/json' }, 'GET')).httpStatus).toBe(406);
  });

  test('under a revision that is not served is refused', () => {
    const error = refusedWith(() =>
      parse({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, { ...json, 'mcp-protocol-version': '2024-11-05' }),
    );
    expect([error.rpcCode, error.id]).toEqual([-32022, 1]);
  });
});

describe('any message', () => {
  const code = (body: unknown, headers?: IncomingHttpHeaders) => refusedWith(() => parse(body, headers)).code;

  test('must be one JSON object that can be read in one way only', () => {
    expect(code('{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}')).toBe('request.invalid');
    expect(code('{"jsonrpc":"2.0","id":1,"method":"a","m\\u0065thod":"b"}')).toBe('request.invalid');
    expect(code('{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"\\ud800"}}')).toBe('request.invalid');
    expect(code('{"jsonrpc":"2.0","id":1,"method":"a","params":{"__proto__":{"x":1}}}')).toBe('request.invalid');
    expect(code('[{"jsonrpc":"2.0","id":1,"method":"a"}]')).toBe('request.invalid');
    expect(code('{"jsonrpc":"2.0","id":1')).toBe('request.parse-error');
    expect(code(Buffer.from([0x7b, 0xff, 0x7d]))).toBe('request.parse-error');
    expect(code('"text"')).toBe('request.invalid');
    expect(code({ jsonrpc: '1.0', id: 1, method: 'a' })).toBe('request.invalid');
    expect(code({ jsonrpc: '2.0', id: null, method: 'a' })).toBe('request.invalid');
    expect(code({ jsonrpc: '2.0', id: 1.5, method: 'a' })).toBe('request.invalid');
    expect(code({ jsonrpc: '2.0', id: 1, method: 'a', params: [] })).toBe('request.invalid');
  });

  test('a repeated name still has its id echoed', () => {
    expect(refusedWith(() => parse('{"jsonrpc":"2.0","id":5,"method":"a","method":"b"}')).id).toBe(5);
  });

  test('is bounded in size, depth and members', () => {
    expect(code(`{"a":${'['.repeat(16)}${']'.repeat(16)}}`)).toBe('content.arguments-too-deep');
    expect(code('['.repeat(50_000))).toBe('content.arguments-too-deep');
    expect(code(`{"a":[${'1,'.repeat(3_000)}1]}`)).toBe('content.arguments-too-deep');
    expect(code(Buffer.alloc(100_001, 0x20))).toBe('request.body-too-large');
  });

  test('must come as JSON and accept both kinds of answer', () => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    expect(refusedWith(() => parse(body, { ...json, 'content-type': 'text/plain' })).httpStatus).toBe(415);
    expect(refusedWith(() => parse(body, { ...json, 'content-type': 'application/json; charset=latin1' })).httpStatus).toBe(415);
    expect(refusedWith(() => parse(body, { ...json, 'content-encoding': 'gzip' })).httpStatus).toBe(415);
    expect(refusedWith(() => parse(body, { ...json, accept: 'application/json' })).httpStatus).toBe(406);
    expect(refusedWith(() => parse(body, { ...json, accept: 'application/json, text/event-stream;q=0' })).httpStatus).toBe(406);
    expect(parse(body, { 'content-type': 'application/json; charset=utf-8', accept: '*/*' }).kind).toBe('request');
    expect(refusedWith(() => parse(body, json, 'PUT')).httpStatus).toBe(405);
  });

  test('of any bytes is parsed or refused by a code, never otherwise', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => Buffer.from(text)),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        (body) => {
          try {
            parse(body);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        },
      ),
    );
  });
});

describe('parameter headers', () => {
  const schema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      count: { type: 'integer', 'x-mcp-header': 'Count' },
      nested: { type: 'object', properties: { deep: { type: 'boolean', 'x-mcp-header': 'Deep' } } },
      list: { type: 'array', items: { type: 'string', 'x-mcp-header': 'Never' } },
    },
  };

  test('agree with the annotated arguments, numbers by value', () => {
    const args = { region: 'eu', count: 42, nested: { deep: true }, list: ['a'] };
    const headers = { 'mcp-param-region': 'eu', 'mcp-param-count': '42.0', 'mcp-param-deep': 'true', 'mcp-param-other': 'left alone' };
    expect(() => checkParamHeaders(schema, args, headers, 1)).not.toThrow();
    expect(() => checkParamHeaders(schema, {}, {}, 1)).not.toThrow();
    expect(refusedWith(() => checkParamHeaders(schema, args, { ...headers, 'mcp-param-region': 'us' }, 1))).toMatchObject({
      id: 1,
      rpcCode: -32020,
    });
    expect(refusedWith(() => checkParamHeaders(schema, args, { ...headers, 'mcp-param-deep': undefined }, 1)).code).toBe(
      'request.header-mismatch',
    );
    expect(refusedWith(() => checkParamHeaders(schema, args, { ...headers, 'mcp-param-region': '=?base64?x?=' }, 1)).code).toBe(
      'request.header-mismatch',
    );
  });

  test('that we compute are those that we accept, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer(), (region, name, count) => {
        const args = { region, count };
        const message = modernCall({}, { name, arguments: args });
        const computed = standardHeaders({ message: JSON.parse(JSON.stringify(message)), inputSchema: schema });
        for (const value of Object.values(computed)) expect(value).toMatch(/^[\x20-\x7e\t]*$/);
        checkParamHeaders(schema, args, computed, 1);
        expect(parse(message, { ...json, ...computed })).toMatchObject({ name });
      }),
    );
  });
});
