import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { PERSON_TEXT, STORY_TOOL_NAMES, STORY_TOOLS, type StoryToolName } from './story-tools.js';
import { until } from './until.js';

/** One `tools/call` as it reached the upstream. */
export interface ReceivedCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly headers: IncomingMessage['headers'];
  /** The body as it came. */
  readonly body: string;
  /** `performance.now()` of the test process when the last byte was there. */
  readonly atMs: number;
  /** Whether the caller hung up before the answer was complete. */
  readonly wasAborted: boolean;
}

const Message = z.object({
  method: z.string().optional(),
  params: z
    .object({
      name: z.string().optional(),
      arguments: z.record(z.string(), z.unknown()).optional(),
      _meta: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});

/**
 * A real MCP server of both eras (official SDK) over HTTP, in the test process, that writes down every call it gets: the oracle of what an
 * upstream saw. It can be taken away and brought back on the same port.
 */
export class StoryUpstream {
  readonly calls: ReceivedCall[] = [];
  /** What `tell` says, a content part each, and `breaks` complains of. */
  telling: readonly string[] = [];
  /** What tools say they do now, where that is not what they said first. */
  readonly descriptions = new Map<StoryToolName, string>();
  /** What they ask for now, likewise. */
  readonly schemas = new Map<StoryToolName, { readonly type: 'object'; readonly [keyword: string]: unknown }>();
  /** Tools whose answer a test writes by itself, byte by byte. */
  readonly misbehaving = new Map<string, (response: ServerResponse) => void>();
  /** Tools that answer when the test lets them, beside `wait` and `steps`. */
  readonly held = new Set<string>();
  private readonly waiting = new Set<() => void>();
  private http: HttpServer | undefined;
  private port = 0;

  static async start(): Promise<StoryUpstream> {
    const upstream = new StoryUpstream();
    await upstream.return();
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  /** Calls of one tool, in the order of arrival. */
  callsOf(tool: StoryToolName): readonly ReceivedCall[] {
    return this.calls.filter((call) => call.tool === tool);
  }

  /** The next call of a tool after `after` of them. */
  async arrival(tool: StoryToolName, after: number): Promise<ReceivedCall> {
    return await until(`a call of ${tool} reaches the upstream`, () => this.callsOf(tool)[after]);
  }

  /** Lets every call of `wait`, `steps` and held tools that waits now end. */
  release(): void {
    for (const go of [...this.waiting]) go();
  }

  /** Takes the server away: connections are cut, new ones refused. */
  async leave(): Promise<void> {
    const { http } = this;
    this.http = undefined;
    if (http === undefined) return;
    await new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  }

  /** Brings it back where it was. */
  async return(): Promise<void> {
    const handler = toNodeHandler(createMcpHandler(() => this.server(), { legacy: 'stateless', keepAliveMs: 0 }));
    const http = createServer((request, response) => {
      this.serve(request, response, handler).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(this.port, '127.0.0.1', resolve);
    });
    const address = http.address();
    if (address === null || typeof address === 'string') throw new Error('the upstream has no port');
    this.port = address.port;
    this.http = http;
  }

  private async serve(request: IncomingMessage, response: ServerResponse, handler: ReturnType<typeof toNodeHandler>): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const body = Buffer.concat(chunks).toString('utf8');
    const json: unknown = body === '' ? undefined : JSON.parse(body);
    const message = Message.safeParse(json).data;
    if (message?.method === 'tools/call') {
      const call = {
        tool: message.params?.name ?? '',
        arguments: message.params?.arguments ?? {},
        meta: message.params?._meta ?? {},
        headers: request.headers,
        body,
        atMs: performance.now(),
        wasAborted: false,
      };
      response.once('close', () => {
        call.wasAborted = !response.writableFinished;
      });
      this.calls.push(call);
      if (call.tool === 'half') return answerHalf(response);
      const misbehave = this.misbehaving.get(call.tool);
      if (misbehave !== undefined) return misbehave(response);
    }
    await handler(request, response, json);
  }

  private server(): Server {
    const server = new Server({ name: 'story', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', () => ({
      tools: STORY_TOOL_NAMES.map((name) => ({
        name,
        description: this.descriptions.get(name) ?? STORY_TOOLS[name].description,
        inputSchema: { ...(this.schemas.get(name) ?? STORY_TOOLS[name].inputSchema) },
      })),
    }));
    server.setRequestHandler('tools/call', async ({ params }, context) => {
      const args = params.arguments ?? {};
      if (this.held.has(params.name)) await this.released(context.mcpReq.signal);
      switch (params.name) {
        case 'echo': {
          const items = Array.isArray(args.items) ? args.items : [args.text ?? ''];
          return { content: items.map((item) => ({ type: 'text' as const, text: String(item) })) };
        }
        case 'person':
          return { content: [{ type: 'text' as const, text: PERSON_TEXT }], structuredContent: { note: PERSON_TEXT } };
        case 'steps': {
          const { progressToken } = params._meta ?? {};
          if (progressToken !== undefined) {
            await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1, total: 2 } });
          }
          await this.released(context.mcpReq.signal);
          return { content: [{ type: 'text' as const, text: 'done' }] };
        }
        case 'wait':
          await this.released(context.mcpReq.signal);
          return { content: [{ type: 'text' as const, text: 'at last' }] };
        case 'tell':
          return { content: this.telling.map((text) => ({ type: 'text' as const, text })) };
        case 'breaks':
          throw new ProtocolError(ProtocolErrorCode.InternalError, this.telling.join('\n'));
        case 'fails':
          return { content: [{ type: 'text' as const, text: 'It did not work out.' }], isError: true };
        default:
          return { content: [{ type: 'text' as const, text: `did ${params.name}` }] };
      }
    });
    return server;
  }

  private async released(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.waiting.delete(go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.waiting.add(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }
}

const answerHalf = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '4096' });
  response.write('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"half of', () => response.destroy());
};
