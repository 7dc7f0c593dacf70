import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  createRequestStateCodec,
  isInitializeRequest,
  isLegacyRequest,
  type JSONRPCMessage,
  type McpHttpHandler,
  ProtocolError,
  ProtocolErrorCode,
  Server,
} from '@modelcontextprotocol/server';
import {
  CONFORMANCE_PROMPTS,
  CONFORMANCE_RESOURCES,
  CONFORMANCE_TEMPLATES,
  completeArgument,
  conformancePrompt,
  readConformanceResource,
} from './conformance-content.js';
import { CONFORMANCE_TOOLS, conformanceDefinitions, type FlowState } from './conformance-tools.js';

const CACHED = { ttlMs: 60_000, cacheScope: 'public' } as const;
const RETRY_MS = 200;

const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
};

/** Keeps the events of one stream after another, so that a client may ask for what it missed (2025-11-25, resumability). */
class EventMemory {
  private readonly events: { readonly id: string; readonly stream: string; readonly message: JSONRPCMessage }[] = [];

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}#${this.events.length}`;
    this.events.push({ id, stream, message });
    return id;
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.events.find((event) => event.id === id)?.stream;
  }

  async replayEventsAfter(last: string, { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> }): Promise<string> {
    const at = this.events.findIndex(({ id }) => id === last);
    const stream = this.events[at]?.stream ?? '';
    for (const event of this.events.slice(at + 1)) {
      // A priming event has no message.
      if (event.stream === stream && 'jsonrpc' in event.message) await send(event.id, event.message);
    }
    return stream;
  }
}

/** The server that the official conformance suite is run against: everything its scenarios call, in both eras, sessions in the older one. */
export class ConformanceUpstream {
  private readonly http: HttpServer;
  private readonly sessions = new Map<string, NodeStreamableHTTPServerTransport>();
  private readonly states = createRequestStateCodec<FlowState>({ key: randomBytes(32), ttlSeconds: 300 });
  private readonly modern: McpHttpHandler;
  private readonly serveModern: ReturnType<typeof toNodeHandler>;
  private readonly counts = new Map<string, number>();
  private port = 0;

  private constructor() {
    this.modern = createMcpHandler(() => this.server(), { legacy: 'reject' });
    this.serveModern = toNodeHandler(this.modern);
    const isOwnHost = localhostHostValidation();
    const isOwnOrigin = localhostOriginValidation();
    this.http = createServer((request, response) => {
      if (!isOwnHost(request, response) || !isOwnOrigin(request, response)) return;
      this.serve(request, response).catch(() => response.destroy());
    });
  }

  /** Starts it on a free loopback port. */
  static async start(): Promise<ConformanceUpstream> {
    const upstream = new ConformanceUpstream();
    await new Promise<void>((resolve, reject) => {
      upstream.http.once('error', reject);
      upstream.http.listen(0, '127.0.0.1', resolve);
    });
    const address = upstream.http.address();
    if (address === null || typeof address === 'string') throw new Error('the upstream has no port');
    upstream.port = address.port;
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  /** How often each method has arrived. */
  received(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.counts);
  }

  forgetReceived(): void {
    this.counts.clear();
  }

  async close(): Promise<void> {
    await Promise.all([...this.sessions.values()].map((transport) => transport.close()));
    await this.modern.close();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString('utf8');
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'method' in body && typeof body.method === 'string')
      this.counts.set(body.method, (this.counts.get(body.method) ?? 0) + 1);
    if (!(await isLegacy(request, body))) return await this.serveModern(request, response, body);
    const session = request.headers['mcp-session-id'];
    const known = typeof session === 'string' ? this.sessions.get(session) : undefined;
    if (known !== undefined) return await known.handleRequest(request, response, body);
    if (session === undefined && isInitializeRequest(body)) return await (await this.open()).handleRequest(request, response, body);
    const status = session === undefined ? 400 : 404;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32600, message: 'no such session' }, id: null }));
  }

  private async open(): Promise<NodeStreamableHTTPServerTransport> {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: new EventMemory(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => void this.sessions.set(id, transport),
      onsessionclosed: (id) => void this.sessions.delete(id),
    });
    await this.server().connect(transport);
    return transport;
  }

  private server(): Server {
    const server = new Server(
      { name: 'conformance-fixture', version: '1.0.0' },
      {
        capabilities: CAPABILITIES,
        requestState: { verify: (state, context) => this.states.verify(state, context) },
        cacheHints: {
          'tools/list': CACHED,
          'prompts/list': CACHED,
          'resources/list': CACHED,
          'resources/templates/list': CACHED,
          'resources/read': CACHED,
        },
      },
    );
    server.setRequestHandler('tools/list', () => ({ tools: conformanceDefinitions() }));
    server.setRequestHandler('tools/call', async ({ params }, context) => {
      const tool = Object.hasOwn(CONFORMANCE_TOOLS, params.name) ? CONFORMANCE_TOOLS[params.name] : undefined;
      if (tool === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'no such tool');
      return await tool.run(params.arguments ?? {}, {
        context,
        progressToken: params._meta?.progressToken,
        capabilities: server.getClientCapabilities() ?? {},
        states: this.states,
        announceTools: async () => {
          this.modern.notify.toolsChanged();
          if (context.mcpReq.envelope === undefined) await server.sendToolListChanged();
        },
        announcePrompts: async () => {
          this.modern.notify.promptsChanged();
          if (context.mcpReq.envelope === undefined) await server.sendPromptListChanged();
        },
      });
    });
    server.setRequestHandler('resources/list', () => ({ resources: CONFORMANCE_RESOURCES }));
    server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: CONFORMANCE_TEMPLATES }));
    server.setRequestHandler('resources/read', ({ params }) => ({ contents: [readConformanceResource(params.uri)] }));
    server.setRequestHandler('resources/subscribe', () => ({}));
    server.setRequestHandler('resources/unsubscribe', () => ({}));
    server.setRequestHandler('prompts/list', () => ({ prompts: CONFORMANCE_PROMPTS }));
    server.setRequestHandler('prompts/get', ({ params }, context) => conformancePrompt(params.name, params.arguments ?? {}, context));
    server.setRequestHandler('completion/complete', ({ params }) => completeArgument(params));
    return server;
  }
}

const isLegacy = (request: IncomingMessage, body: unknown): Promise<boolean> => {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) if (typeof value === 'string') headers.set(name, value);
  const method = request.method ?? 'GET';
  return isLegacyRequest(new Request('http://localhost/mcp', { method, headers }), body);
};
