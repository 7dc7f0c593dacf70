import type { ServerResponse } from 'node:http';
import type { JsonObject, RequestId } from '../json/json-types.js';

const SSE_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };
const SERVER_DIED = -32603;

/** Writes a JSON-RPC message as a whole HTTP answer. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  message: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const body = JSON.stringify(message);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
};

/** A stream of messages to one client, kept awake by comments. */
export class MessageStream {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly keepAliveMs: number,
  ) {}

  get isOpen(): boolean {
    return !this.response.writableEnded && !this.response.destroyed;
  }

  open(): void {
    if (this.response.headersSent) return;
    this.response.writeHead(200, SSE_HEADERS);
    this.response.flushHeaders();
    this.timer = setInterval(() => this.response.write(':\n\n'), this.keepAliveMs);
    this.response.once('close', () => clearInterval(this.timer));
  }

  send(message: JsonObject): void {
    if (!this.isOpen) return;
    this.open();
    this.response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  end(): void {
    clearInterval(this.timer);
    this.response.end();
  }

  /** Breaks the connection, so that nobody takes the stream for complete. */
  break(): void {
    clearInterval(this.timer);
    this.response.destroy();
  }
}

/** The answer to one request: JSON, or a stream once something comes before the response. */
export class HttpExchange {
  private readonly stream: MessageStream;
  private done = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly clientId: RequestId,
    keepAliveMs: number,
  ) {
    this.stream = new MessageStream(response, keepAliveMs);
  }

  /** Calls back when the client hangs up before its answer. */
  onHangUp(callback: () => void): void {
    this.response.once('close', () => {
      if (!this.done) callback();
    });
  }

  interim(message: JsonObject): void {
    if (!this.done) this.stream.send(message);
  }

  final(status: number, message: JsonObject): void {
    if (this.done) return;
    this.done = true;
    if (!this.response.headersSent) {
      sendJson(this.response, status, message);
      return;
    }
    this.stream.send(message);
    this.stream.end();
  }

  /** Ends without a response: the request was cancelled, and nobody waits for one. */
  abandon(): void {
    if (this.done) return;
    this.done = true;
    this.stream.open();
    this.stream.end();
  }

  /** The child died with the request in hand. */
  fail(): void {
    if (this.done) return;
    this.done = true;
    if (this.response.headersSent) {
      this.stream.break();
      return;
    }
    const error = { code: SERVER_DIED, message: 'The tool server died during the request. It may have taken effect.' };
    sendJson(this.response, 502, { jsonrpc: '2.0', id: this.clientId, error });
  }
}
