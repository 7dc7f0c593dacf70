import { CallToolResultSchema, JSONRPCMessageSchema } from '@modelcontextprotocol/core';
import { AppError } from '@sallyport/contracts';
import { describe, expect, test } from 'vitest';
import { WireError } from '../inbound/wire-error.js';
import { discoverResult, initializeResult, refusal, rpcError, toolsListResult } from './answers.js';
import { bridgeResponse } from './bridge.js';

const denied = new AppError('policy.denied', 'rule 7 of the secret rule book', { detail: { rules: ['default'] } });

describe('a refusal', () => {
  test('of a tool call is a result that a model can read, without internal text', () => {
    const answer = refusal({ id: 3, era: 'modern', method: 'tools/call', error: denied, callId: 'c-1' });
    expect(answer).toEqual({
      jsonrpc: '2.0',
      id: 3,
      result: {
        content: [
          {
            type: 'text',
            text:
              'No policy allows this. Nothing was sent to the tool. The same call will be answered the same way; do not repeat it.\n' +
              'Code: policy.denied. Call: c-1. More: https://sallyport.io/docs/errors/policy.denied',
          },
        ],
        isError: true,
        resultType: 'complete',
        _meta: {
          'io.sallyport/error': {
            code: 'policy.denied',
            summary: 'No policy allows this. Nothing was sent to the tool.',
            detail: { rules: ['default'] },
            callId: 'c-1',
            retryable: false,
            docs: 'https://sallyport.io/docs/errors/policy.denied',
          },
          'io.sallyport/call-id': 'c-1',
        },
      },
    });
    expect(JSON.stringify(answer)).not.toContain('rule book');
    expect(CallToolResultSchema.safeParse(answer.result).success).toBe(true);
    expect(JSONRPCMessageSchema.safeParse(answer).success).toBe(true);
  });

  test('warns where the call may have taken effect', () => {
    const error = new AppError('upstream.timeout', 'x');
    expect(JSON.stringify(refusal({ id: 1, era: 'legacy', method: 'tools/call', error, callId: null }))).toContain(
      'Find out whether it took effect before you call again.',
    );
  });

  test('of anything else is a JSON-RPC error outside the reserved codes', () => {
    const answer = refusal({ id: 'a', era: 'legacy', method: 'prompts/get', error: denied, callId: 'c-2' });
    expect(answer).toMatchObject({
      id: 'a',
      error: { code: -31403, data: { 'io.sallyport/error': { code: 'policy.denied', callId: 'c-2' } } },
    });
    expect(JSONRPCMessageSchema.safeParse(answer).success).toBe(true);
  });

  test('of a malformed request carries what the specification wants', () => {
    const error = new WireError('request.unsupported-version', 'x', { id: 4, data: { supported: ['2026-07-28'], requested: '1999' } });
    expect(rpcError({ id: error.id, error, callId: null })).toMatchObject({
      id: 4,
      error: { code: -32022, data: { supported: ['2026-07-28'], requested: '1999' } },
    });
  });
});

describe('what the gateway says of itself', () => {
  const serverInfo = { name: 'sallyport', version: '0.1.0' };

  test.each([
    ['2025-06-18', '2025-06-18'],
    ['2025-11-25', '2025-11-25'],
    ['2024-11-05', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
  ])('to an initialize for %s is %s', (requestedVersion, protocolVersion) => {
    expect(initializeResult({ id: 1, requestedVersion, serverInfo, capabilities: { tools: {} } })).toMatchObject({
      result: { protocolVersion, serverInfo, capabilities: { tools: {} } },
    });
  });

  test('to a discover is private and names the stateless revisions only', () => {
    expect(discoverResult({ id: 1, serverInfo, capabilities: {}, ttlMs: 30_000 }).result).toEqual({
      supportedVersions: ['2026-07-28'],
      capabilities: {},
      ttlMs: 30_000,
      cacheScope: 'private',
      resultType: 'complete',
      _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
    });
  });

  test('lists tools by name, for this principal only', () => {
    const tools = [{ name: 'b' }, { name: 'a' }, { name: 'B' }];
    const sorted = [{ name: 'B' }, { name: 'a' }, { name: 'b' }];
    expect(toolsListResult({ id: 1, era: 'modern', tools, ttlMs: 5 }).result).toEqual({
      tools: sorted,
      ttlMs: 5,
      cacheScope: 'private',
      resultType: 'complete',
    });
    expect(toolsListResult({ id: 1, era: 'legacy', tools, ttlMs: 5, nextCursor: 'n' }).result).toEqual({ tools: sorted, nextCursor: 'n' });
  });
});

describe('a response that crosses eras', () => {
  const bridge = (result: object, clientEra: 'modern' | 'legacy', method?: string) =>
    bridgeResponse({ message: JSON.parse(JSON.stringify({ jsonrpc: '2.0', id: 99, result })), id: 'mine', clientEra, method });

  test('gains what a modern client needs under its own id', () => {
    expect(bridge({ content: [], _meta: { own: 1, 'io.modelcontextprotocol/serverInfo': {} } }, 'modern')).toEqual({
      jsonrpc: '2.0',
      id: 'mine',
      result: { content: [], resultType: 'complete', _meta: { own: 1 } },
    });
  });

  test('loses what a legacy client does not know', () => {
    expect(bridge({ tools: [], resultType: 'complete', ttlMs: 1, cacheScope: 'public' }, 'legacy').result).toEqual({ tools: [] });
  });

  test('that asks for input is passed to a modern client and refused to a legacy one', () => {
    const asks = { resultType: 'input_required', inputRequests: { a: { method: 'elicitation/create' } }, requestState: 's' };
    expect(bridge(asks, 'modern').result).toEqual(asks);
    expect(bridge(asks, 'legacy').result).toMatchObject({ isError: true, content: [{ type: 'text' }] });
    expect(bridge(asks, 'legacy', 'prompts/get').error).toMatchObject({ code: -32603 });
  });

  test('about our own hop is not taken for one about the client', () => {
    const error = { code: -32021, message: 'x', data: { requiredCapabilities: {} } };
    expect(bridgeResponse({ message: { jsonrpc: '2.0', id: 1, error }, id: 2, clientEra: 'modern' }).error).toMatchObject({ code: -32603 });
  });
});
