// The server behind the gateway, as a process of its own: MCP over streamable HTTP with sessions, two tools, JSON-RPC by hand on node:http,
// so that it is never what limits a measurement. Sends its parent `{ url }` when it listens, and ends with it.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'];
const KEEP_ALIVE_MS = 60_000;

type Arguments = Readonly<Record<string, unknown>>;

interface Tool {
  readonly description: string;
  readonly inputSchema: object;
  /** The text it answers with; `undefined` where the arguments do not fit. */
  run(args: Arguments): string | undefined;
}

const TOOLS = new Map<string, Tool>([
  [
    'echo',
    {
      description: 'Returns its message unchanged.',
      inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
      run: ({ message }) => (typeof message === 'string' ? message : undefined),
    },
  ],
  [
    'add',
    {
      description: 'Returns the sum of a and b.',
      inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
      run: ({ a, b }) => (typeof a === 'number' && typeof b === 'number' ? String(a + b) : undefined),
    },
  ],
]);

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly arguments?: Arguments; readonly protocolVersion?: string };
}

const sessions = new Set<string>();

const resultOf = ({ method, params = {} }: Message): object => {
  const failed = (code: number, message: string): object => ({ error: { code, message } });
  switch (method) {
    case 'initialize': {
      const asked = params.protocolVersion ?? '';
      const protocolVersion = PROTOCOL_VERSIONS.includes(asked) ? asked : PROTOCOL_VERSIONS[0];
      return { result: { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'bench-upstream', version: '1.0.0' } } };
    }
    case 'ping':
      return { result: {} };
    case 'tools/list': {
      const tools = [...TOOLS].map(([name, { description, inputSchema }]) => ({ name, description, inputSchema }));
      return { result: { tools } };
    }
    case 'tools/call': {
      const tool = TOOLS.get(params.name ?? '');
      if (tool === undefined) return failed(-32602, `Unknown tool: ${params.name}`);
      const text = tool.run(params.arguments ?? {});
      return text === undefined ? failed(-32602, 'Invalid arguments') : { result: { content: [{ type: 'text', text }] } };
    }
    default:
      return failed(-32601, `Method not found: ${method}`);
  }
};

const send = (response: ServerResponse, status: number, body?: object, headers: Readonly<Record<string, string>> = {}): void => {
  const payload = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload), ...headers });
  response.end(payload);
};

const sendError = (response: ServerResponse, status: number, id: string | number | null, code: number, message: string): void =>
  send(response, status, { jsonrpc: '2.0', id, error: { code, message } });

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const session = String(request.headers['mcp-session-id']);
  if (request.method === 'DELETE') return send(response, sessions.delete(session) ? 200 : 404);
  if (request.method !== 'POST') return sendError(response, 405, null, -32000, 'Method not allowed');
  const message: Message = JSON.parse(await bodyOf(request));
  const { id, method } = message;
  if (method === 'initialize' && id !== undefined) {
    const opened = randomUUID();
    sessions.add(opened);
    return send(response, 200, { jsonrpc: '2.0', id, ...resultOf(message) }, { 'mcp-session-id': opened });
  }
  if (!sessions.has(session)) return sendError(response, 404, id ?? null, -32001, 'Session not found');
  if (id === undefined) return send(response, 202);
  send(response, 200, { jsonrpc: '2.0', id, ...resultOf(message) });
};

const server = createServer((request, response) => {
  serve(request, response).catch(() => (response.headersSent ? response.destroy() : sendError(response, 400, null, -32700, 'Parse error')));
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the upstream has no port');
  process.send?.({ url: `http://127.0.0.1:${address.port}/mcp` });
});
process.once('disconnect', () => process.exit());
