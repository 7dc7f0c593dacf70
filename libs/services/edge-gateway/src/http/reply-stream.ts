import { once } from 'node:events';
import { HTTP_HEADERS } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import type { FastifyReply } from 'fastify';

/**
 * The answer to one request, written as it comes. The head goes out with the first byte of a JSON answer, so that until then a refusal can still
 * have its own status; a stream's head goes out at once. Takes the reply over from the framework with the first byte.
 */
export class ReplyStream {
  private isOpen = false;
  private isStream = false;
  /** Head, answer and end of what is no stream leave in one write, where the socket has room for it. */
  private isGathering = false;

  constructor(private readonly reply: FastifyReply) {}

  /** Whether the head is out: from then on a refusal must be worded within the answer. */
  get hasBegun(): boolean {
    return this.isOpen;
  }

  /** Whether the answer is an event stream. */
  get isEventStream(): boolean {
    return this.isStream;
  }

  /** Sends the head. */
  begin(status: number, callId: string, headers: Readonly<Record<string, string>>): void {
    if (this.isOpen) return;
    this.isOpen = true;
    this.isStream = headers['content-type']?.startsWith('text/event-stream') ?? false;
    this.reply.hijack();
    // Taken over from here on: what was set on the framework's reply would be lost.
    for (const [name, value] of Object.entries(this.reply.getHeaders())) if (value !== undefined) this.reply.raw.setHeader(name, value);
    this.reply.raw.writeHead(status, {
      ...headers,
      [HTTP_HEADERS.callId]: callId,
      // Lists and results are one principal's; proxies must neither keep nor gather them (MCP transports, SSE behind nginx).
      'cache-control': 'private, no-store',
      ...(this.isStream ? { 'x-accel-buffering': 'no' } : {}),
    });
    if (this.isStream) this.reply.raw.flushHeaders();
    else this.reply.raw.cork();
    this.isGathering = !this.isStream;
  }

  /** Writes at the client's pace. Resolves at once when the client is gone. */
  async write(chunk: Uint8Array | string): Promise<void> {
    const { raw } = this.reply;
    if (raw.destroyed || raw.writableEnded) return;
    if (raw.write(chunk)) return;
    if (this.isGathering) raw.uncork();
    this.isGathering = false;
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([once(raw, 'drain', { signal }), once(raw, 'close', { signal })]).catch(() => {});
    over.abort();
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
}
