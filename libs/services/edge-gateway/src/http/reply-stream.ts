import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { HTTP_HEADERS } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import type { FastifyReply } from 'fastify';

/**
 * The answer to one request: whole, or as a stream that is written as it comes. The head of a whole answer goes out with it, so that until then a
 * refusal can still have its own status; a stream's head goes out at once. Takes the reply over from the framework with the first byte.
 */
export class ReplyStream {
  private isOpen = false;
  private isStream = false;

  constructor(private readonly reply: FastifyReply) {}

  /** Whether the head is out: from then on a refusal must be worded within the answer. */
  get hasBegun(): boolean {
    return this.isOpen;
  }

  /** Whether the answer is an event stream. */
  get isEventStream(): boolean {
    return this.isStream;
  }

  /** Sends the head: at once where a stream follows, with the end of an answer that has no body. */
  begin(status: number, callId: string, headers: Readonly<Record<string, string>>): void {
    if (this.isOpen) return;
    this.isStream = headers['content-type']?.startsWith('text/event-stream') ?? false;
    this.open(status, callId, this.isStream ? { ...headers, 'x-accel-buffering': 'no' } : headers);
    if (this.isStream) this.reply.raw.flushHeaders();
  }

  /** Sends an answer that is there in full, head and body in one write. Resolves when little of it waits for the client, or the client is gone. */
  async whole(status: number, callId: string, headers: Readonly<Record<string, string>>, body: Uint8Array | string): Promise<void> {
    const { raw } = this.reply;
    if (this.isOpen) return;
    this.open(status, callId, { ...headers, 'content-length': Buffer.byteLength(body) });
    if (raw.destroyed) return;
    raw.end(body);
    if (raw.writableLength >= raw.writableHighWaterMark) await this.until('finish');
  }

  /** Writes at the client's pace. Resolves at once when the client is gone. */
  async write(chunk: Uint8Array | string): Promise<void> {
    const { raw } = this.reply;
    if (raw.destroyed || raw.writableEnded) return;
    if (!raw.write(chunk)) await this.until('drain');
  }

  /** Writes one message into a stream. */
  event(message: JsonObject): Promise<void> {
    return this.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  end(): void {
    if (this.isOpen && !this.reply.raw.writableEnded) this.reply.raw.end();
  }

  /** Breaks the connection off: there is nothing left to say that could be believed. */
  destroy(): void {
    if (!this.isOpen) this.reply.hijack();
    this.isOpen = true;
    this.reply.raw.destroy();
  }

  private open(status: number, callId: string, headers: OutgoingHttpHeaders): void {
    this.isOpen = true;
    this.reply.hijack();
    // Taken over from here on: what was set on the framework's reply would be lost.
    const head: OutgoingHttpHeaders = {};
    for (const [name, value] of Object.entries(this.reply.getHeaders())) if (value !== undefined) head[name] = value;
    Object.assign(head, headers);
    head[HTTP_HEADERS.callId] = callId;
    // Lists and results are one principal's; proxies must neither keep nor gather them (MCP transports, SSE behind nginx).
    head['cache-control'] = 'private, no-store';
    this.reply.raw.writeHead(status, head);
  }

  private async until(event: 'drain' | 'finish'): Promise<void> {
    const { raw } = this.reply;
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([once(raw, event, { signal }), once(raw, 'close', { signal })]).catch(() => {});
    over.abort();
  }
}
