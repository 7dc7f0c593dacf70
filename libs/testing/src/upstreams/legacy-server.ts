import { randomUUID } from 'node:crypto';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  isInitializeRequest,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { FixtureServer } from './modern-server.js';
import { fixtureDefinitions, runFixtureTool } from './upstream-tools.js';

const aServer = (): Server => {
  const server = new Server({ name: 'fixture-v1', version: '1.0.0' }, { capabilities: { tools: {}, resources: {}, prompts: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: fixtureDefinitions() }));
  server.setRequestHandler(CallToolRequestSchema, async (request, extra) => {
    const token = request.params._meta?.progressToken;
    const outcome = await runFixtureTool(request.params.name, request.params.arguments ?? {}, {
      signal: extra.signal,
      progress: async (progress, total) => {
        if (token === undefined) return;
        const params = { progressToken: token, progress, ...(total === null ? {} : { total }) };
        await extra.sendNotification({ method: 'notifications/progress', params });
      },
      confirm: async (message) => {
        const requestedSchema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } as const;
        const answer = await server.elicitInput(
          { message, requestedSchema: { ...requestedSchema, required: [...requestedSchema.required] } },
          { relatedRequestId: extra.requestId },
        );
        return answer.action === 'accept' && answer.content?.ok === true;
      },
    });
    if (outcome === null || outcome === 'input-required') throw new McpError(ErrorCode.InvalidParams, 'no such tool');
    return outcome;
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [{ uri: 'note://latest', name: 'latest' }] }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({ contents: [{ uri: params.uri, text: 'a note' }] }));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: [{ name: 'greet', description: 'Greets.' }] }));
  server.setRequestHandler(GetPromptRequestSchema, () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'Hello.' } }] }));
  return server;
};

/** A server on the v1 SDK, with sessions and without the stateless revision. */
export const startLegacyServer = (): FixtureServer => {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void transports.set(id, transport),
    });
    transport.onclose = () => void transports.delete(transport.sessionId ?? '');
    await aServer().connect(transport);
    return transport;
  };
  const forgetSessions = async (): Promise<void> => {
    const open = [...transports.values()];
    transports.clear();
    await Promise.all(open.map((transport) => transport.close()));
  };
  return {
    handle: async (request, response, body) => {
      const session = request.headers['mcp-session-id'];
      const known = typeof session === 'string' ? transports.get(session) : undefined;
      if (known !== undefined) return known.handleRequest(request, response, body);
      if (session === undefined && isInitializeRequest(body)) return (await open()).handleRequest(request, response, body);
      const [status, message] = session === undefined ? [400, 'Bad Request: no session'] : [404, 'Session not found'];
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: status === 404 ? -32001 : -32000, message }, id: null }));
    },
    forgetSessions,
    close: forgetSessions,
  };
};
