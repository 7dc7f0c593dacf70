import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { acceptedContent, createMcpHandler, inputRequired, ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import { fixtureDefinitions, runFixtureTool } from './upstream-tools.js';

/** A server that the HTTP front of a fixture hands parsed requests to. */
export interface FixtureServer {
  handle(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void>;
  /** Forgets what it remembers of its clients, as a restart would. */
  forgetSessions(): Promise<void>;
  close(): Promise<void>;
}

const ANSWER_KEY = 'confirm';

const aServer = (): Server => {
  const server = new Server({ name: 'fixture-v2', version: '2.0.0' }, { capabilities: { tools: {}, resources: {}, prompts: {} } });
  server.setRequestHandler('tools/list', () => ({ tools: fixtureDefinitions() }));
  server.setRequestHandler('tools/call', async (request, context) => {
    const token = request.params._meta?.progressToken;
    const outcome = await runFixtureTool(request.params.name, request.params.arguments ?? {}, {
      signal: context.mcpReq.signal,
      progress: async (progress, total) => {
        if (token === undefined) return;
        const params = { progressToken: token, progress, ...(total === null ? {} : { total }) };
        await context.mcpReq.notify({ method: 'notifications/progress', params });
      },
      confirm: async () => {
        const answer = acceptedContent<{ ok: boolean }>(context.mcpReq.inputResponses, ANSWER_KEY);
        return answer === undefined ? null : answer.ok === true;
      },
    });
    if (outcome === null) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'no such tool');
    if (outcome !== 'input-required') return outcome;
    return inputRequired({
      inputRequests: {
        [ANSWER_KEY]: inputRequired.elicit({
          message: 'Go on?',
          requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
        }),
      },
      requestState: 'state-of-the-fixture',
    });
  });
  server.setRequestHandler('resources/list', () => ({ resources: [{ uri: 'note://latest', name: 'latest' }] }));
  server.setRequestHandler('resources/read', ({ params }) => ({ contents: [{ uri: params.uri, text: 'a note' }] }));
  server.setRequestHandler('prompts/list', () => ({ prompts: [{ name: 'greet', description: 'Greets.' }] }));
  server.setRequestHandler('prompts/get', () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'Hello.' } }] }));
  return server;
};

/** A server on the v2 SDK. `dual` serves both eras, the session revisions without sessions; `modern` refuses them. */
export const startModernServer = (era: 'dual' | 'modern'): FixtureServer => {
  const handler = createMcpHandler(() => aServer(), { legacy: era === 'dual' ? 'stateless' : 'reject' });
  const handle = toNodeHandler(handler);
  return {
    handle: (request, response, body) => handle(request, response, body),
    forgetSessions: async () => undefined,
    close: () => handler.close(),
  };
};
