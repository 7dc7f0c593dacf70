import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, isAppError } from '@sallyport/contracts';
import { discoverResult, initializeResult, rpcError } from '../answers/answers.js';
import type { InboundMessage, InboundRequest } from '../inbound/inbound-message.js';
import { parseInbound } from '../inbound/parse-inbound.js';
import { WireError } from '../inbound/wire-error.js';
import { isJsonObject, type JsonObject } from '../json/json-types.js';
import { type HostSession, HostSessions } from './host-session.js';
import { HttpExchange, MessageStream, sendJson } from './http-exchange.js';
import { Multiplexer } from './multiplexer.js';
import type { HostLimits, StdioChild, StdioHostEvent } from './stdio-host-types.js';
import { SupervisedChild } from './supervised-child.js';

/** The edge has bounded depth and members before; these hold what a process should still be handed. */
const MAX_DEPTH = 256;
const MAX_MEMBERS = 2_000_000;
const AWAY_CODE = -32603;
/** Capabilities of a session server that mean the same in the stateless revision. */
const SHARED_CAPABILITIES = ['tools', 'prompts', 'resources', 'completions', 'logging'] as const;

export const SECRET_HEADER = 'sallyport-host-secret';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

const bodyOf = async (request: IncomingMessage, maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) throw new WireError('request.body-too-large', `more than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
};

const serverInfoOf = (handshake: JsonObject): { name: string; version: string } => {
  const info = isJsonObject(handshake.serverInfo) ? handshake.serverInfo : {};
  return { name: String(info.name ?? 'unknown'), version: String(info.version ?? 'unknown') };
};

/** Checks the secret of the edge without telling by its time how much of it was right. */
export class SecretCheck {
  private readonly expected: Buffer;

  constructor(secret: string) {
    this.expected = digestOf(secret);
  }

  accepts(request: IncomingMessage): boolean {
    const header = request.headers[SECRET_HEADER];
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    return [header, bearer].some((given) => typeof given === 'string' && timingSafeEqual(digestOf(given), this.expected));
  }
}

/** One child behind its address: reads HTTP of both eras and answers from the child. */
export class ChildFront {
  readonly child: SupervisedChild;
  private readonly sessions: HostSessions;
  private readonly multiplexer: Multiplexer;

  constructor(
    definition: StdioChild,
    private readonly limits: HostLimits,
    onEvent: (event: StdioHostEvent) => void,
  ) {
    this.sessions = new HostSessions(limits.maxSessions);
    this.multiplexer = new Multiplexer(this.sessions, limits.maxInFlight);
    this.child = new SupervisedChild(definition, limits, this.multiplexer, onEvent);
    this.multiplexer.attach(this.child);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const inbound = parseInbound({
        httpMethod: request.method ?? '',
        headers: request.headers,
        body: request.method === 'POST' ? await bodyOf(request, this.limits.maxMessageBytes) : null,
        limits: { maxBodyBytes: this.limits.maxMessageBytes, maxDepth: MAX_DEPTH, maxMembers: MAX_MEMBERS },
      });
      this.serve(inbound, response);
    } catch (error) {
      if (!isAppError(error)) throw error;
      const id = error instanceof WireError ? error.id : null;
      sendJson(response, error.definition.http, rpcError({ id, error, callId: null }));
    }
  }

  private serve(inbound: InboundMessage, response: ServerResponse): void {
    const handshake = this.child.initialized;
    if (inbound.kind === 'session-delete') {
      const ended = this.sessions.end(this.sessionOf(inbound).id);
      if (ended !== null) this.multiplexer.forget(ended);
      response.writeHead(200).end();
    } else if (handshake === null) this.away(inbound, response);
    else if (inbound.kind === 'request') this.serveRequest(inbound, handshake, response);
    else if (inbound.kind === 'stream-open') this.openStream(this.sessionOf(inbound), response);
    else {
      if (inbound.era === 'legacy') this.take(inbound, this.sessionOf(inbound));
      response.writeHead(202).end();
    }
  }

  private take(inbound: Extract<InboundMessage, { kind: 'notification' | 'response' }>, session: HostSession): void {
    if (inbound.kind === 'notification') this.multiplexer.notification(inbound.message, session);
    else this.multiplexer.answer(inbound.message, session);
  }

  /** Says at once that nothing reached the child. */
  private away(inbound: InboundMessage, response: ServerResponse): void {
    const error = { code: AWAY_CODE, message: 'The tool server is not running. Nothing was sent to it.' };
    sendJson(response, 503, { jsonrpc: '2.0', id: inbound.kind === 'request' ? inbound.id : null, error });
  }

  private sessionOf(inbound: InboundMessage): HostSession {
    if (inbound.sessionId === null) throw new WireError('request.invalid', 'no session id', { reason: 'Mcp-Session-Id is required' });
    const session = this.sessions.get(inbound.sessionId);
    if (session === null) throw new AppError('session.unknown', 'no such session');
    return session;
  }

  private serveRequest(inbound: InboundRequest, handshake: JsonObject, response: ServerResponse): void {
    const { id, params } = inbound;
    const capabilities = isJsonObject(handshake.capabilities) ? handshake.capabilities : {};
    const instructions = typeof handshake.instructions === 'string' ? handshake.instructions : undefined;
    if (inbound.method === 'initialize' && inbound.era === 'legacy') {
      const session = this.sessions.open(isJsonObject(params.capabilities) ? params.capabilities : {});
      const answer = { id, requestedVersion: inbound.protocolVersion, serverInfo: serverInfoOf(handshake), capabilities, instructions };
      sendJson(response, 200, initializeResult(answer), { 'mcp-session-id': session.id });
      return;
    }
    if (inbound.method === 'server/discover' && inbound.era === 'modern') {
      const shared = Object.fromEntries(
        SHARED_CAPABILITIES.flatMap((name) => (name in capabilities ? [[name, capabilities[name] ?? {}]] : [])),
      );
      sendJson(response, 200, discoverResult({ id, serverInfo: serverInfoOf(handshake), capabilities: shared, instructions, ttlMs: 0 }));
      return;
    }
    const session = inbound.era === 'legacy' ? this.sessionOf(inbound) : null;
    if (!this.multiplexer.hasRoom) {
      this.away(inbound, response);
      return;
    }
    const exchange = new HttpExchange(response, id, this.limits.keepAliveMs);
    if (session === null && inbound.method === 'subscriptions/listen') this.multiplexer.listen(inbound, exchange);
    else this.multiplexer.request(inbound, session, exchange);
  }

  private openStream(session: HostSession, response: ServerResponse): void {
    const stream = new MessageStream(response, this.limits.keepAliveMs);
    response.once('close', () => session.detach(stream));
    session.attach(stream);
  }
}
