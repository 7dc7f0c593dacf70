import type { IncomingHttpHeaders } from 'node:http';
import { Client } from 'undici';

const PROTOCOL_VERSION = '2025-06-18';
const ANSWER_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 2_000;
const SHOWN = 300;

interface Answer {
  readonly id?: number;
  readonly error?: { readonly code: number; readonly message: string };
  readonly result?: {
    readonly isError?: boolean;
    readonly protocolVersion?: string;
    readonly content?: readonly { readonly text?: string }[];
  };
}

/** One keep-alive connection to an MCP endpoint with one request in flight; sessions take turns on it. */
export class Connection {
  readonly path: string;
  readonly http: Client;

  constructor(url: string) {
    const { origin, pathname } = new URL(url);
    this.path = pathname;
    this.http = new Client(origin, { pipelining: 1, headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS });
  }

  close(): Promise<void> {
    return this.http.destroy();
  }
}

/** One MCP session: initialized, with the headers that the protocol asks for on every request after. */
export class McpSession {
  private readonly connection: Connection;
  private readonly headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  private lastId = 0;

  private constructor(connection: Connection, token: string | undefined) {
    this.connection = connection;
    if (token !== undefined) this.headers.authorization = `Bearer ${token}`;
  }

  /** Throws when the server does not open one. */
  static async open(connection: Connection, token: string | undefined): Promise<McpSession> {
    const session = new McpSession(connection, token);
    const { headers, result } = await session.request('initialize', {
      protocolVersion: PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: 'bench-load', version: '1.0.0' },
    });
    session.headers['mcp-protocol-version'] = result.protocolVersion ?? PROTOCOL_VERSION;
    const id = headers['mcp-session-id'];
    if (typeof id !== 'string') throw new Error('the server opened no session');
    session.headers['mcp-session-id'] = id;
    await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return session;
  }

  /** Calls a tool. Throws when the answer is anything but the expected text. */
  async call(tool: string, args: Readonly<Record<string, unknown>>, expected: string): Promise<void> {
    const { result } = await this.request('tools/call', { name: tool, arguments: args });
    if (result.isError === true || result.content?.[0]?.text !== expected)
      throw new Error(`wrong result: ${JSON.stringify(result).slice(0, SHOWN)}`);
  }

  /** Ends it; a server need not support that. */
  async end(): Promise<void> {
    const { path, http } = this.connection;
    const request = http.request({ path, method: 'DELETE', headers: this.headers, headersTimeout: END_TIMEOUT_MS });
    await request.then(({ body }) => body.dump()).catch(() => undefined);
  }

  private async request(
    method: string,
    params: object,
  ): Promise<{ readonly headers: IncomingHttpHeaders; readonly result: NonNullable<Answer['result']> }> {
    this.lastId += 1;
    const id = this.lastId;
    const { headers, payload } = await this.post({ jsonrpc: '2.0', id, method, params });
    const answer = answerTo(id, String(headers['content-type']), payload);
    if (answer.error !== undefined) throw new Error(`error ${answer.error.code}: ${answer.error.message}`);
    if (answer.result === undefined) throw new Error(`neither result nor error: ${payload.slice(0, SHOWN)}`);
    return { headers, result: answer.result };
  }

  private async post(message: object): Promise<{ readonly headers: IncomingHttpHeaders; readonly payload: string }> {
    const { path, http } = this.connection;
    const { statusCode, headers, body } = await http.request({
      path,
      method: 'POST',
      headers: this.headers,
      body: JSON.stringify(message),
    });
    const payload = await body.text();
    if (statusCode >= 300) throw new Error(`HTTP ${statusCode}: ${payload.slice(0, SHOWN)}`);
    return { headers, payload };
  }
}

/** The answer to a request in a body that is JSON or a stream of events. Throws when there is none. */
const answerTo = (id: number, contentType: string, payload: string): Answer => {
  const bodies = contentType.includes('text/event-stream') ? payload.split(/\r?\n\r?\n/).map(dataOf) : [payload];
  for (const body of bodies) {
    if (body === '') continue;
    const message: Answer = JSON.parse(body);
    if (message.id === id) return message;
  }
  throw new Error(`no answer with the id of the request: ${payload.slice(0, SHOWN)}`);
};

/** The data of one server-sent event. */
const dataOf = (event: string): string =>
  event
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart())
    .join('\n');
