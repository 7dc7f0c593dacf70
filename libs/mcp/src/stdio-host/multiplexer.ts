import type { Json } from '@sallyport/contracts';
import { withoutReservedMeta } from '../answers/bridge.js';
import { META_ENVELOPE } from '../inbound/envelope.js';
import type { InboundRequest } from '../inbound/inbound-message.js';
import type { Era } from '../inbound/versions.js';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import type { HostSession, HostSessions } from './host-session.js';
import type { HttpExchange } from './http-exchange.js';
import { Listener } from './listeners.js';
import type { ChildEvents, SupervisedChild } from './supervised-child.js';

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
/** Not found in the session revisions; 2026-07-28 says invalid parameters. */
const LEGACY_NOT_FOUND = -32002;
const CACHEABLE: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
/** What a child may ask of a client, by the capability that answers it. */
const ASKABLE: ReadonlyMap<string, string> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
]);
const MAX_QUESTIONS = 256;

interface InFlight {
  readonly clientId: RequestId;
  readonly session: HostSession | null;
  readonly era: Era;
  readonly method: string;
  readonly progressToken: RequestId | null;
  readonly wantsLogs: boolean;
  readonly exchange: HttpExchange;
}

interface Question {
  readonly childId: Json;
  readonly session: HostSession;
}

const paramsOf = (message: JsonObject): JsonObject => (isJsonObject(message.params) ? message.params : {});
const requestIdOf = (value: Json | undefined): RequestId | null => (typeof value === 'string' || typeof value === 'number' ? value : null);

/**
 * Lets many HTTP clients of both eras talk to one child: request ids and progress tokens are ours towards the child and the client's own
 * towards the client. What the child says of nobody in particular goes to all that listen, what it asks goes to the one session it can only
 * mean; where that is open, it is refused rather than shown to somebody else.
 */
export class Multiplexer implements ChildEvents {
  private readonly inFlight = new Map<number, InFlight>();
  private readonly questions = new Map<string, Question>();
  private readonly listeners = new Set<Listener>();
  private lastId = 0;
  private child: SupervisedChild | null = null;

  constructor(
    private readonly sessions: HostSessions,
    private readonly maxInFlight: number,
  ) {}

  attach(child: SupervisedChild): void {
    this.child = child;
  }

  /** Whether one more request can be handed to the child now. */
  get hasRoom(): boolean {
    return this.inFlight.size < this.maxInFlight && this.child?.takesMessages === true;
  }

  /** Hands a request to the child; the exchange gets the answer. A client that hangs up cancels it. */
  request(inbound: InboundRequest, session: HostSession | null, exchange: HttpExchange): void {
    if (session !== null && this.keepsSubscription(inbound, session, exchange)) return;
    const id = ++this.lastId;
    const token = requestIdOf(inbound.meta.progressToken);
    this.inFlight.set(id, {
      clientId: inbound.id,
      session,
      era: inbound.era,
      method: inbound.method,
      progressToken: token,
      wantsLogs: inbound.era === 'legacy' || inbound.meta[META_ENVELOPE.logLevel] !== undefined,
      exchange,
    });
    exchange.onHangUp(() => this.cancel(id, 'The client hung up.'));
    const meta = withoutReservedMeta(inbound.meta);
    const passed = token === null ? meta : { ...meta, progressToken: id };
    const { _meta: _, ...params } = inbound.params;
    this.child?.send({
      jsonrpc: '2.0',
      id,
      method: inbound.method,
      params: Object.keys(passed).length === 0 ? params : { ...params, _meta: passed },
    });
  }

  /** Opens a `subscriptions/listen`. */
  listen(inbound: InboundRequest, exchange: HttpExchange): void {
    const wanted = inbound.params.notifications;
    if (!isJsonObject(wanted)) {
      const error = { code: INVALID_PARAMS, message: 'params.notifications is required' };
      exchange.final(200, { jsonrpc: '2.0', id: inbound.id, error });
      return;
    }
    const listener = new Listener(inbound.id, wanted, this.child?.initialized?.capabilities, exchange);
    if (!listener.acknowledge()) return;
    this.listeners.add(listener);
    for (const uri of listener.uris) this.tell('resources/subscribe', { uri });
    exchange.onHangUp(() => {
      this.listeners.delete(listener);
      for (const uri of listener.uris) if (!this.isWatched(uri)) this.tell('resources/unsubscribe', { uri });
    });
  }

  /** Passes a notification of a client on, as far as it concerns the child. */
  notification(message: JsonObject, session: HostSession): void {
    if (message.method === 'notifications/cancelled') {
      const { requestId } = paramsOf(message);
      for (const [id, request] of this.inFlight)
        if (request.session === session && request.clientId === requestId) {
          request.exchange.abandon();
          this.cancel(id, 'The client cancelled.');
        }
      return;
    }
    const declaresRoots = this.child?.capabilities.roots !== undefined;
    if (message.method === 'notifications/roots/list_changed' && declaresRoots) this.child?.send(message);
  }

  /** Passes a client's answer to a question of the child on; false when the child asked no such thing of this session. */
  answer(message: JsonObject, session: HostSession): boolean {
    const id = typeof message.id === 'string' ? message.id : '';
    const question = this.questions.get(id);
    if (question === undefined || question.session !== session) return false;
    this.questions.delete(id);
    this.child?.send({ ...message, id: question.childId });
    return true;
  }

  /** Drops what a session that ended was asked and had subscribed to. */
  forget(session: HostSession): void {
    for (const [id, question] of this.questions) {
      if (question.session !== session) continue;
      this.questions.delete(id);
      this.refuse(question.childId, 'The client is gone.');
    }
    const uris = [...session.subscriptions];
    session.subscriptions.clear();
    for (const uri of uris) if (!this.isWatched(uri)) this.tell('resources/unsubscribe', { uri });
  }

  onMessage(message: JsonObject): void {
    if (typeof message.method === 'string') {
      if (message.id === undefined) this.onNotification(message.method, message);
      else this.onQuestion(message.method, message);
    } else if (typeof message.id === 'number') this.onResponse(message.id, message);
  }

  onDown(): void {
    const lost = [...this.inFlight.values()];
    const listeners = [...this.listeners];
    this.inFlight.clear();
    this.listeners.clear();
    this.questions.clear();
    for (const { exchange } of lost) exchange.fail();
    for (const listener of listeners) listener.fail();
  }

  private tell(method: string, params: JsonObject): void {
    this.child?.send({ jsonrpc: '2.0', id: `host-${++this.lastId}`, method, params });
  }

  private isWatched(uri: string): boolean {
    for (const session of this.sessions.all()) if (session.subscriptions.has(uri)) return true;
    for (const listener of this.listeners) if (listener.uris.has(uri)) return true;
    return false;
  }

  /** The child knows one subscriber, so it must hear of the first and of the last one only. True when the request ends here. */
  private keepsSubscription(inbound: InboundRequest, session: HostSession, exchange: HttpExchange): boolean {
    const { uri } = inbound.params;
    if (typeof uri !== 'string') return false;
    if (inbound.method === 'resources/subscribe') session.subscriptions.add(uri);
    if (inbound.method !== 'resources/unsubscribe') return false;
    session.subscriptions.delete(uri);
    if (!this.isWatched(uri)) return false;
    exchange.final(200, { jsonrpc: '2.0', id: inbound.id, result: {} });
    return true;
  }

  private cancel(id: number, reason: string): void {
    if (!this.inFlight.delete(id)) return;
    this.child?.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason } });
  }

  private onResponse(id: number, message: JsonObject): void {
    const request = this.inFlight.get(id);
    if (request === undefined) return;
    this.inFlight.delete(id);
    const answer = { ...message, id: request.clientId };
    if (request.era === 'legacy') request.exchange.final(200, answer);
    else this.finishModern(request, answer);
  }

  private finishModern(request: InFlight, answer: JsonObject): void {
    if (isJsonObject(answer.error)) {
      const { code } = answer.error;
      const error = code === LEGACY_NOT_FOUND ? { ...answer.error, code: INVALID_PARAMS } : answer.error;
      request.exchange.final(code === METHOD_NOT_FOUND ? 404 : 200, { ...answer, error });
      return;
    }
    const result = isJsonObject(answer.result) ? answer.result : {};
    const meta = isJsonObject(result._meta) ? result._meta : {};
    const info = this.child?.initialized?.serverInfo;
    request.exchange.final(200, {
      ...answer,
      result: {
        // One process answers whoever asks: how long its lists stay true it does not say, so nobody may keep them.
        ...(CACHEABLE.has(request.method) ? { ttlMs: 0, cacheScope: 'private' } : {}),
        ...result,
        resultType: 'complete',
        _meta: info === undefined ? meta : { ...meta, [META_ENVELOPE.serverInfo]: info },
      },
    });
  }

  private onNotification(method: string, message: JsonObject): void {
    const params = paramsOf(message);
    if (method === 'notifications/progress') {
      const request = typeof params.progressToken === 'number' ? this.inFlight.get(params.progressToken) : undefined;
      if (request !== undefined && request.progressToken !== null)
        request.exchange.interim({ ...message, params: { ...params, progressToken: request.progressToken } });
      return;
    }
    if (method === 'notifications/message') {
      const request = this.onlyClient();
      if (request?.wantsLogs === true) request.exchange.interim(message);
      return;
    }
    if (method === 'notifications/cancelled') {
      this.withdraw(params.requestId);
      return;
    }
    if (method === 'notifications/resources/updated' || method.endsWith('/list_changed')) this.fanOut(method, params, message);
  }

  private fanOut(method: string, params: JsonObject, message: JsonObject): void {
    for (const session of this.sessions.all()) {
      const wanted =
        method !== 'notifications/resources/updated' || (typeof params.uri === 'string' && session.subscriptions.has(params.uri));
      if (wanted) session.push(message);
    }
    for (const listener of this.listeners) listener.hear(method, params);
  }

  /** The newest request of the only client that has any in hand; null when several have, as their data must not cross. */
  private onlyClient(): InFlight | null {
    let newest: InFlight | null = null;
    for (const request of this.inFlight.values()) {
      if (newest !== null && (request.session === null || request.session !== newest.session)) return null;
      newest = request;
    }
    return newest;
  }

  private onQuestion(method: string, message: JsonObject): void {
    const childId = message.id ?? null;
    if (method === 'ping') {
      this.child?.send({ jsonrpc: '2.0', id: childId, result: {} });
      return;
    }
    const capability = ASKABLE.get(method);
    const request = this.onlyClient();
    const session = request?.session ?? null;
    if (capability === undefined || request === null || session === null || session.capabilities[capability] === undefined) {
      this.refuse(childId, 'No client that is waiting on this server can answer this.');
      return;
    }
    if (this.questions.size >= MAX_QUESTIONS) {
      this.refuse(childId, 'Too many questions are open.');
      return;
    }
    const id = `ask-${++this.lastId}`;
    this.questions.set(id, { childId, session });
    request.exchange.interim({ ...message, id });
  }

  private withdraw(childId: Json | undefined): void {
    for (const [id, question] of this.questions)
      if (question.childId === childId) {
        this.questions.delete(id);
        question.session.push({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
      }
  }

  private refuse(childId: Json, message: string): void {
    this.child?.send({ jsonrpc: '2.0', id: childId, error: { code: METHOD_NOT_FOUND, message } });
  }
}
