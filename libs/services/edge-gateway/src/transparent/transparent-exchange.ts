import type { IncomingHttpHeaders } from 'node:http';
import { AppError, type ErrorCode, isAppError, type Json, META_KEYS, type Principal, type ToolRecord } from '@sallyport/contracts';
import { maskText } from '@sallyport/domain';
import {
  type AnswerLimits,
  bridgeResponse,
  checkParamHeaders,
  type InboundMessage,
  isJsonObject,
  type JsonObject,
  rewriteAnswer,
  type SessionBinding,
  sealSessionId,
  standardHeaders,
  type UpstreamAnswer,
} from '@sallyport/mcp';
import type { Sealer } from '@sallyport/platform';
import { type CatalogView, inputSchemaOf } from '../catalog-view/catalog-view.js';
import type { EdgeSettings } from '../edge-settings.js';
import type { ReplyStream } from '../http/reply-stream.js';
import type { Dispatch, UpstreamExchange } from '../invoke/exchange.port.js';
import { withMeta } from '../invoke/prepared-request.js';
import type { DefinitionObserver } from '../observation/definition-observer.js';
import { headerFaultOf } from '../upstreams/client-exchange.js';
import type { Upstream } from '../upstreams/upstream-directory.js';
import type { DetachedAnswers } from './detached-answers.js';
import { holdToolList, privately } from './listed-tools.js';

export interface TransparentExchangeOptions {
  readonly upstream: Upstream;
  readonly inbound: InboundMessage;
  readonly headers: IncomingHttpHeaders;
  /** The upstream's own session id, opened. */
  readonly upstreamSession: string | null;
  /** Keyed digest of that session on this server. */
  readonly session: string | null;
  readonly detached: DetachedAnswers;
  readonly binding: SessionBinding;
  readonly principal: Principal;
  readonly reply: ReplyStream;
  readonly isStream: boolean;
  /** Aborted when the process ends: streams do not hold it up. */
  readonly closing: AbortSignal;
  readonly settings: EdgeSettings;
  readonly sealer: Sealer;
  readonly catalog: Pick<CatalogView, 'find'>;
  readonly observer: Pick<DefinitionObserver, 'notice'>;
}

const MAX_INTERIM_MESSAGES = 10_000;
const ANSWER_DEPTH_MAX = 64;
const ANSWER_MEMBERS_MAX = 500_000;
const LIST_CHANGED = 'notifications/tools/list_changed';

/** `_meta` fields that the protocol put there travel as they came; ours stay here, and the trace is this hop's. */
const protocolMeta = (meta: JsonObject, traceparent: string): JsonObject => {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(meta))
    if (name.startsWith('io.modelcontextprotocol/') || name === 'progressToken') kept[name] = value;
  return { ...kept, traceparent };
};

/**
 * Passes one message to its server and the answer back, in the server's own words: names, order, events, status. What changes on the way is what
 * the decision masks, the list of tools, the session id, the token and the trace.
 */
export class TransparentExchange implements UpstreamExchange {
  readonly kind = 'upstream';
  /** Why the request may not be sent, where the client must be told more than a code. */
  refusedBecause: AppError | null = null;

  constructor(private readonly options: TransparentExchangeOptions) {}

  get server(): string {
    return this.options.upstream.server;
  }

  get routeVersion(): string {
    return this.options.upstream.settings.route.routeVersion;
  }

  get audience(): string | null {
    return this.options.upstream.settings.audience;
  }

  fault(tool: ToolRecord | null): ErrorCode | null {
    const { inbound, headers, upstream } = this.options;
    if (inbound.kind === 'request' && inbound.era === 'modern' && inbound.method === 'tools/call' && tool !== null) {
      const args = isJsonObject(inbound.params.arguments) ? inbound.params.arguments : {};
      this.refusedBecause = headerFaultOf(() => checkParamHeaders(inputSchemaOf(tool) ?? {}, args, headers, inbound.id));
      if (this.refusedBecause !== null) return this.refusedBecause.code;
    }
    return upstream.isReachable() ? null : 'upstream.circuit-open';
  }

  async send(dispatch: Dispatch): Promise<void> {
    const { upstream, isStream, settings, closing } = this.options;
    const lifetime = isStream ? AbortSignal.any([closing, AbortSignal.timeout(settings.streamLifetimeMs)]) : null;
    const signal = lifetime === null ? dispatch.signal : AbortSignal.any([dispatch.signal, lifetime]);
    try {
      const message = this.outgoing(dispatch);
      const answer = await upstream.http.exchange({
        method: this.httpMethod,
        headers: this.outgoingHeaders(dispatch, message),
        body: message === null ? null : JSON.stringify(message),
        token: dispatch.token,
        signal,
        isCleared: dispatch.isCleared,
      });
      await this.accept(answer, dispatch, signal);
    } catch (error) {
      // A stream may end at any time: the server fell silent, or its time is over and the client opens the next, which is decided anew.
      const isOver = lifetime?.aborted === true || (isStream && this.options.reply.hasBegun && isAppError(error, 'upstream.timeout'));
      if (!isOver || dispatch.signal.aborted) throw error;
      await dispatch.settleEmpty(null);
      this.options.reply.end();
    }
  }

  async replay(answer: JsonObject, callId: string): Promise<void> {
    const { inbound, reply } = this.options;
    if (inbound.kind !== 'request')
      throw new AppError('upstream.answer-invalid', 'only a request has an answer', { detail: { reached: 'no' } });
    const message = bridgeResponse({ message: answer, id: inbound.id, clientEra: inbound.era });
    const told = isJsonObject(message.result) ? { ...message, result: withCallId(message.result, callId) } : message;
    await reply.whole(200, callId, { 'content-type': 'application/json' }, JSON.stringify(told));
  }

  private get httpMethod(): 'POST' | 'GET' | 'DELETE' {
    const { kind } = this.options.inbound;
    if (kind === 'stream-open') return 'GET';
    return kind === 'session-delete' ? 'DELETE' : 'POST';
  }

  private outgoing(dispatch: Dispatch): JsonObject | null {
    const { inbound } = this.options;
    switch (inbound.kind) {
      case 'stream-open':
      case 'session-delete':
        return null;
      case 'response':
        return { ...inbound.message, ...dispatch.params };
      case 'notification':
        return 'params' in inbound.message
          ? {
              ...inbound.message,
              params: withMeta(dispatch.params, { ...dispatch.meta, ...protocolMeta(inbound.meta, dispatch.traceparent) }),
            }
          : inbound.message;
      case 'request':
        return {
          ...inbound.message,
          params: withMeta(dispatch.params, { ...dispatch.meta, ...protocolMeta(inbound.meta, dispatch.traceparent) }),
        };
    }
  }

  private outgoingHeaders(dispatch: Dispatch, message: JsonObject | null): Record<string, string | readonly string[] | undefined> {
    const { inbound, headers, upstreamSession } = this.options;
    const kept: Record<string, string | readonly string[] | undefined> = {};
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (!name.startsWith('mcp-param-')) kept[name] = value;
      // What a parameter header says may be what an argument hides: only headers that hide nothing go on as they came.
      else if (!dispatch.isMasked && typeof value === 'string' && maskText(value) === value) kept[name] = value;
    }
    if (inbound.kind === 'request' && inbound.era === 'modern' && message !== null) {
      const schema = dispatch.tool === null ? null : inputSchemaOf(dispatch.tool);
      Object.assign(kept, standardHeaders({ message, ...(schema === null ? {} : { inputSchema: schema }) }));
    }
    kept['mcp-session-id'] = upstreamSession ?? undefined;
    kept.traceparent = dispatch.traceparent;
    kept.tracestate = undefined;
    kept.baggage = undefined;
    return kept;
  }

  private async accept(answer: UpstreamAnswer, dispatch: Dispatch, signal: AbortSignal): Promise<void> {
    const { inbound, reply, upstreamSession } = this.options;
    const { status } = answer;
    if (status === 401 || status === 403) {
      await discard(answer);
      // Its challenge is about our token, not about the agent's.
      throw new AppError('upstream.failed', `${this.server} refused the gateway's token (${status})`, {
        detail: { reached: 'yes', refused: true },
      });
    }
    if (status === 404 && upstreamSession !== null) {
      await discard(answer);
      await dispatch.settleEmpty('404');
      this.refusedBecause = new AppError('session.unknown', `${this.server} has forgotten a session`);
      return;
    }
    if (status >= 500 && !/^(?:application\/json|text\/event-stream)\b/.test(answer.headers['content-type'] ?? '')) {
      await discard(answer);
      throw new AppError('upstream.failed', `${this.server} answered ${status} without a message`, { detail: { reached: 'yes' } });
    }
    const isEmpty = status === 202 || status === 204 || (inbound.kind !== 'request' && !isEventStream(answer));
    if (isEmpty && inbound.kind !== 'request') {
      await discard(answer);
      await dispatch.settleEmpty(status < 400 ? null : String(status));
      reply.begin(status, dispatch.callId, this.answerHeaders(answer, null));
      reply.end();
      return;
    }
    return await this.pass(answer, dispatch, signal);
  }

  private async pass(answer: UpstreamAnswer, dispatch: Dispatch, signal: AbortSignal): Promise<void> {
    const { inbound, reply, isStream, settings } = this.options;
    const requestId = inbound.kind === 'request' ? inbound.id : null;
    let isDetached = false;
    const rewritten = rewriteAnswer({
      status: answer.status,
      contentType: answer.headers['content-type'] ?? '',
      body: answer.body,
      limits: this.limits(),
      requestId,
      keepAliveMs: settings.keepAliveMs,
      onInterim: (message) => Promise.resolve(this.interim(message, dispatch)),
      onFinal: (message) => (requestId === null ? this.replayed(message, dispatch) : this.final(message, dispatch)),
      onDetached: () => {
        isDetached = true;
        return Promise.resolve();
      },
    });
    const head = this.answerHeaders(answer, rewritten.contentType);
    const isStreamed = rewritten.contentType === 'text/event-stream';
    if (isStreamed) reply.begin(answer.status, dispatch.callId, head);
    for await (const chunk of rewritten.body) {
      await (isStreamed ? reply.write(chunk) : reply.whole(answer.status, dispatch.callId, head, chunk));
      if (signal.aborted) break;
    }
    if (isDetached) return this.waitForReplay(dispatch);
    if (isStream && requestId === null && !signal.aborted) await dispatch.settleEmpty(null);
    if (signal.aborted) throw new AppError('call.cancelled', 'the client hung up', { detail: { reached: 'yes' } });
    reply.end();
  }

  /** The client comes back for the answer by GET: its stream ends now, its call ends with that answer. */
  private async waitForReplay(dispatch: Dispatch): Promise<void> {
    const { inbound, session, detached, reply, upstream, closing } = this.options;
    reply.end();
    const patience = AbortSignal.any([closing, AbortSignal.timeout(upstream.settings.route.idleStreamTimeoutMs)]);
    const isSettled =
      inbound.kind === 'request' &&
      session !== null &&
      (await detached.wait(session, inbound.id, (message) => this.final(message, dispatch), patience));
    if (!isSettled) throw new AppError('upstream.failed', 'nobody came back for the answer', { detail: { reached: 'yes' } });
  }

  /** An answer on a GET stream belongs to the call that waits for it; one that nobody waits for here is inspected as part of the stream. */
  private async replayed(message: JsonObject, dispatch: Dispatch): Promise<JsonObject> {
    const { session, detached } = this.options;
    const released = session === null ? null : await detached.take(session, message);
    return released ?? dispatch.interim(message);
  }

  private interim(message: JsonObject, dispatch: Dispatch): JsonObject {
    const { upstream, observer } = this.options;
    if (message.method === LIST_CHANGED) observer.notice(upstream.tenantId, upstream.server);
    const inspected = dispatch.interim(message);
    // Requests of the server are answered by the client and must stay as they are; notifications say which call they belong to.
    return inspected.id === undefined && isJsonObject(inspected.params)
      ? { ...inspected, params: withCallId(inspected.params, dispatch.callId) }
      : inspected;
  }

  private async final(message: JsonObject, dispatch: Dispatch): Promise<JsonObject> {
    const { inbound, catalog, upstream, observer, settings } = this.options;
    let held = privately(message, settings.listTtlMs);
    if (inbound.kind === 'request' && inbound.method === 'tools/list') {
      const list = holdToolList(held, { catalog, tenantId: upstream.tenantId, server: this.server, visible: dispatch.decision.visible });
      if (list.hasDrifted) observer.notice(upstream.tenantId, upstream.server);
      held = list.message;
    }
    const released = await dispatch.settle(held);
    // An empty answer is promised to be empty (ping, logging/setLevel); its call id is in the response header.
    return isJsonObject(released.result) && Object.keys(released.result).length > 0
      ? { ...released, result: withCallId(released.result, dispatch.callId) }
      : released;
  }

  private answerHeaders(answer: UpstreamAnswer, contentType: string | null): Record<string, string> {
    const { binding, sealer } = this.options;
    const upstreamSession = answer.headers['mcp-session-id'];
    return {
      ...(contentType === null ? {} : { 'content-type': contentType }),
      ...(upstreamSession === undefined ? {} : { 'mcp-session-id': sealSessionId(sealer, { ...binding, upstreamSession }) }),
    };
  }

  private limits(): AnswerLimits {
    const { settings, isStream, upstream } = this.options;
    return {
      maxMessageBytes: settings.answerBytesMax,
      maxMessages: MAX_INTERIM_MESSAGES,
      maxTotalBytes: settings.answerBytesMax * 2,
      idleMs: isStream ? settings.streamLifetimeMs : upstream.settings.route.idleStreamTimeoutMs,
      maxDepth: ANSWER_DEPTH_MAX,
      maxMembers: ANSWER_MEMBERS_MAX,
    };
  }
}

const isEventStream = ({ headers }: UpstreamAnswer): boolean => (headers['content-type'] ?? '').startsWith('text/event-stream');

const discard = async ({ body }: UpstreamAnswer): Promise<void> => {
  await body[Symbol.asyncIterator]()
    .return?.()
    .catch(() => {});
};

const withCallId = (holder: JsonObject, callId: string): JsonObject => ({
  ...holder,
  _meta: { ...(isJsonObject(holder._meta) ? holder._meta : {}), [META_KEYS.callId]: callId },
});
