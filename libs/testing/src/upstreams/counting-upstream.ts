import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { startLegacyServer } from './legacy-server.js';
import { type FixtureServer, startModernServer } from './modern-server.js';

/**
 * How a fixture upstream behaves towards tool calls: as it should; away (connections refused); silent; slow by that many milliseconds; dead
 * after half of a JSON answer or half of an event, when the tool has already run; redirecting; answering 503; or refusing with a status.
 */
export type UpstreamMode =
  | { readonly kind: 'up' }
  | { readonly kind: 'down' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'half-answer' }
  | { readonly kind: 'half-event' }
  | { readonly kind: 'redirect' }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'refuses'; readonly status: number };

/** One HTTP request as the upstream got it. */
export interface SeenRequest {
  readonly httpMethod: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The JSON-RPC method, or null for GET, DELETE and answers. */
  readonly method: string | null;
  readonly tool: string | null;
  readonly body: unknown;
}

export interface CountingUpstream {
  readonly url: URL;
  /** How often each tool was reached, whatever became of the answer. */
  counts(): Readonly<Record<string, number>>;
  /** The last thousand requests, oldest first. Nothing is verified: a test looks at the tokens itself. */
  requests(): readonly SeenRequest[];
  /** Resolves once `count` calls of a tool have arrived. */
  whenCalled(tool: string, count?: number): Promise<void>;
  /** Resolves when the mode is in force. */
  setMode(mode: UpstreamMode): Promise<void>;
  forgetSessions(): Promise<void>;
  close(): Promise<void>;
}

const KEPT_REQUESTS = 1000;

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const stringOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

class Fixture implements CountingUpstream {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly seen: SeenRequest[] = [];
  private readonly calls = new Map<string, number>();
  private waiters: { readonly tool: string; readonly count: number; readonly resolve: () => void }[] = [];
  private mode: UpstreamMode = { kind: 'up' };
  private port = 0;

  constructor(private readonly mcp: FixtureServer) {
    this.server = createServer((request, response) => {
      this.serve(request, response).catch(() => response.destroy());
    });
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.port}/mcp`);
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.calls);
  }

  requests(): readonly SeenRequest[] {
    return [...this.seen];
  }

  async whenCalled(tool: string, count = 1): Promise<void> {
    if ((this.calls.get(tool) ?? 0) >= count) return;
    await new Promise<void>((resolve) => {
      this.waiters.push({ tool, count, resolve });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, '127.0.0.1', () => {
        this.server.off('error', reject);
        resolve();
      });
    });
    const address = this.server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  async setMode(mode: UpstreamMode): Promise<void> {
    if (mode.kind === 'down') await this.stopListening();
    else if (!this.server.listening) await this.listen();
    this.mode = mode;
  }

  forgetSessions(): Promise<void> {
    return this.mcp.forgetSessions();
  }

  async close(): Promise<void> {
    await this.mcp.close();
    await this.stopListening();
  }

  private async stopListening(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private note(request: IncomingMessage, body: unknown): SeenRequest {
    const method = isRecord(body) ? stringOf(body.method) : null;
    const params = isRecord(body) && isRecord(body.params) ? body.params : {};
    const tool = method === 'tools/call' ? stringOf(params.name) : null;
    const seen = { httpMethod: request.method ?? '', headers: { ...request.headers }, method, tool, body };
    this.seen.push(seen);
    if (this.seen.length > KEPT_REQUESTS) this.seen.shift();
    if (tool !== null) this.count(tool);
    return seen;
  }

  private count(tool: string): void {
    const count = (this.calls.get(tool) ?? 0) + 1;
    this.calls.set(tool, count);
    const reached = this.waiters.filter((waiter) => waiter.tool === tool && waiter.count <= count);
    this.waiters = this.waiters.filter((waiter) => !reached.includes(waiter));
    for (const waiter of reached) waiter.resolve();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const seen = this.note(request, body);
    if (seen.tool === 'redirect') {
      response.writeHead(307, { location: 'http://127.0.0.1:9/elsewhere' }).end();
      return;
    }
    if (seen.tool !== null && (await this.misbehave(response, body))) return;
    await this.mcp.handle(request, response, body);
  }

  /** Whether the mode took the answer into its own hands. */
  private async misbehave(response: ServerResponse, body: unknown): Promise<boolean> {
    const id = isRecord(body) ? body.id : null;
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'you will see half of this' }] } });
    switch (this.mode.kind) {
      case 'up':
      case 'down':
        return false;
      case 'silent':
        return true;
      case 'slow': {
        const { ms } = this.mode;
        await new Promise((resolve) => setTimeout(resolve, ms));
        return false;
      }
      case 'half-answer':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
        response.write(answer.slice(0, answer.length / 2), () => response.destroy());
        return true;
      case 'half-event':
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`event: message\ndata: ${answer.slice(0, answer.length / 2)}`, () => response.destroy());
        return true;
      case 'redirect':
        response.writeHead(302, { location: 'http://127.0.0.1:9/elsewhere' }).end();
        return true;
      case 'refuses':
        response.writeHead(this.mode.status, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
        return true;
      case 'unavailable':
        response.writeHead(503, { 'content-type': 'text/plain' }).end('later');
        return true;
    }
  }
}

/**
 * Starts an MCP server on a loopback port that counts what reaches it and can be told to misbehave. `dual` and `modern` run on the v2 SDK,
 * `legacy` on the v1 SDK with sessions.
 */
export const startCountingUpstream = async (options: { readonly era: 'dual' | 'modern' | 'legacy' }): Promise<CountingUpstream> => {
  const fixture = new Fixture(options.era === 'legacy' ? startLegacyServer() : startModernServer(options.era));
  await fixture.listen();
  return fixture;
};
