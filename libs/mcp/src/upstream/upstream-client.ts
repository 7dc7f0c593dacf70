import { AppError } from '@sallyport/contracts';
import type { Clock } from '@sallyport/platform';
import { LRUCache } from 'lru-cache';
import { standardHeaders } from '../inbound/standard-headers.js';
import type { Era } from '../inbound/versions.js';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import type { AnswerLimits } from '../rewrite/rewrite-options.js';
import { discover, type Handshake, initialize, type LegacySession, modernMeta, sessionHeaders, type Verdict } from './negotiate.js';
import { type PostedAnswer, postMessage, quietly, refusedBy } from './post-message.js';
import { readToolPages } from './read-tool-pages.js';
import type { ServerInfo, ToolDefinition } from './tool-definition.js';
import type { UpstreamHttp } from './upstream-http.js';

export interface UpstreamClientOptions {
  readonly clock: Clock;
  /** Who we say we are. */
  readonly clientInfo: ServerInfo;
  /** Bounds of an answer; 16 MiB, 10,000 messages, 64 levels and 200,000 members when absent. */
  readonly limits?: Partial<AnswerLimits>;
  /** How long an upstream is believed to speak as it did; 5 minutes when absent. An upstream that says otherwise is asked again at once. */
  readonly verdictTtlMs?: number;
}

export interface UpstreamCall {
  readonly method: string;
  readonly params: JsonObject;
  /** The upstream token minted for this attempt. */
  readonly token: string | null;
  readonly signal: AbortSignal;
  /** As `UpstreamExchange.isCleared`, for the request itself; handshakes are the gateway's own. */
  readonly isCleared?: () => boolean;
  /** `traceparent`, `tracestate`, `baggage` for the upstream's `_meta` (SEP-414). */
  readonly traceMeta?: Readonly<Record<string, string>>;
  /** The tool's pinned schema, for `Mcp-Param-*`. */
  readonly inputSchema?: JsonObject;
  /** What the agent's client can do, passed on to a modern upstream; nothing when absent. */
  readonly clientCapabilities?: JsonObject;
  /** Sessions of a legacy upstream are shared among calls with the same key only: give a digest of the principal. */
  readonly sessionKey?: string;
  /** Called with each notification that comes before the response, in order. */
  onInterim?(message: JsonObject): void;
}

export interface UpstreamResult {
  /** The JSON-RPC response. Its id is ours, not the agent's (`bridgeResponse` puts that in). */
  readonly message: JsonObject;
  readonly era: Era;
}

const DEFAULT_LIMITS = {
  maxMessageBytes: 16 * 1024 * 1024,
  maxMessages: 10_000,
  maxTotalBytes: 32 * 1024 * 1024,
  maxDepth: 64,
  maxMembers: 200_000,
};
const DEFAULT_VERDICT_TTL_MS = 5 * 60_000;
const MAX_SESSIONS = 256;
const SESSION_IDLE_MS = 10 * 60_000;
const FAREWELL_MS = 1_000;
const UNSUPPORTED_VERSION = -32022;
const METHOD_NOT_FOUND = -32601;

/** Waits for a handshake that others share, for as long as this caller wants it. Nothing of the caller's was sent yet. */
const unlessAborted = <T>(shared: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new AppError('call.cancelled', 'given up before it was sent', { detail: { reached: 'no' } }));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });

/**
 * Speaks to one upstream on the gateway's own behalf, in whichever era the upstream prefers: stateless first, sessions else. The verdict is
 * shared by all callers and expires. Sessions are kept by key and opened anew once when the upstream has forgotten one.
 */
export class UpstreamClient {
  private readonly limits: AnswerLimits;
  private readonly verdictTtlMs: number;
  private readonly sessions: LRUCache<string, Promise<LegacySession>>;
  private verdict: { readonly value: Promise<Verdict>; readonly expiresAtMs: number } | null = null;
  private lastId = 0;
  private closed = false;

  constructor(
    private readonly http: UpstreamHttp,
    private readonly options: UpstreamClientOptions,
  ) {
    this.limits = { ...DEFAULT_LIMITS, idleMs: http.route.idleStreamTimeoutMs, ...options.limits };
    this.verdictTtlMs = options.verdictTtlMs ?? DEFAULT_VERDICT_TTL_MS;
    this.sessions = new LRUCache({ max: MAX_SESSIONS, ttl: SESSION_IDLE_MS, updateAgeOnGet: true });
  }

  /**
   * Sends one request and resolves with its response, which may be a JSON-RPC error. Sent a second time only where the upstream said, before
   * it did anything, that the session or the revision is not known to it. Throws `upstream.*` with `detail.reached`, or `call.cancelled`.
   */
  async request(call: UpstreamCall): Promise<UpstreamResult> {
    const first = await this.attempt(call);
    if (first !== null) return first;
    const second = await this.attempt(call);
    if (second !== null) return second;
    throw new AppError('upstream.answer-invalid', `${this.http.route.server} forgets its sessions at once`, { detail: { reached: 'no' } });
  }

  /** Every tool the upstream lists, in its order. Throws `upstream.answer-invalid` for lists that are malformed, endless or name a tool twice. */
  async listAllTools(
    token: string | null,
    signal: AbortSignal,
  ): Promise<{ protocolVersion: string; serverInfo: ServerInfo; tools: ToolDefinition[] }> {
    const tools = await readToolPages(this.http.route.server, async (params) => {
      const { message } = await this.request({ method: 'tools/list', params, token, signal });
      return message;
    });
    const { protocolVersion, serverInfo } = await this.spoken(token, signal);
    return { protocolVersion, serverInfo, tools };
  }

  /** Ends every session. The connections stay: whoever opened the `UpstreamHttp` closes it. */
  async close(): Promise<void> {
    this.closed = true;
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    await Promise.all(sessions.map((session) => quietly(session.then((opened) => this.farewell(opened)))));
  }

  private async spoken(token: string | null, signal: AbortSignal): Promise<Verdict> {
    const now = this.options.clock.monotonicMs();
    if (this.verdict === null || this.verdict.expiresAtMs <= now) {
      const value = this.ask(token);
      const verdict = { value, expiresAtMs: now + this.verdictTtlMs };
      this.verdict = verdict;
      value.catch(() => {
        if (this.verdict === verdict) this.verdict = null;
      });
    }
    return unlessAborted(this.verdict.value, signal);
  }

  private async ask(token: string | null): Promise<Verdict> {
    return (await discover(this.handshake(token))) ?? (await this.session('', token));
  }

  /** Handshakes serve other callers too, so that they do not end with the one who happened to come first. */
  private handshake(token: string | null): Handshake {
    const signal = AbortSignal.timeout(this.http.route.connectTimeoutMs + this.http.route.answerTimeoutMs);
    return { http: this.http, clientInfo: this.options.clientInfo, limits: this.limits, token, signal };
  }

  private session(key: string, token: string | null): Promise<LegacySession> {
    const known = this.sessions.get(key);
    if (known !== undefined) return known;
    const opening = initialize(this.handshake(token));
    this.sessions.set(key, opening);
    opening.catch(() => this.forget(key, opening));
    return opening;
  }

  private forget(key: string, session: Promise<LegacySession>): void {
    if (this.sessions.peek(key) === session) this.sessions.delete(key);
  }

  /** `null`: the upstream did nothing and must be spoken to anew. */
  private async attempt(call: UpstreamCall): Promise<UpstreamResult | null> {
    if (this.closed) throw new AppError('upstream.unreachable', `${this.http.route.server} is closed`, { detail: { reached: 'no' } });
    const verdict = await this.spoken(call.token, call.signal);
    const id = ++this.lastId;
    const result = verdict.era === 'modern' ? await this.attemptModern(call, id) : await this.attemptLegacy(call, id);
    if (result !== null && isJsonObject(result.message.error) && result.message.error.code === UNSUPPORTED_VERSION) {
      this.verdict = null;
      this.sessions.clear();
      return null;
    }
    return result;
  }

  private async attemptModern(call: UpstreamCall, id: RequestId): Promise<UpstreamResult> {
    const given = isJsonObject(call.params._meta) ? call.params._meta : {};
    const meta = modernMeta({ ...given, ...call.traceMeta }, this.options.clientInfo, call.clientCapabilities ?? {});
    const message = { jsonrpc: '2.0', id, method: call.method, params: { ...call.params, _meta: meta } };
    const answer = await postMessage(this.http, {
      message,
      headers: standardHeaders({ message, inputSchema: call.inputSchema }),
      token: call.token,
      signal: call.signal,
      limits: this.limits,
      isCleared: call.isCleared,
      onInterim: call.onInterim,
    });
    return this.resultOf(answer, 'modern');
  }

  private async attemptLegacy(call: UpstreamCall, id: RequestId): Promise<UpstreamResult | null> {
    const key = call.sessionKey ?? '';
    const opening = this.session(key, call.token);
    const session = await unlessAborted(opening, call.signal);
    const given = isJsonObject(call.params._meta) ? call.params._meta : {};
    const meta = { ...given, ...call.traceMeta };
    const params = Object.keys(meta).length === 0 ? call.params : { ...call.params, _meta: meta };
    const giveUp = (): void => void quietly(this.cancel(session, id, call.token));
    call.signal.addEventListener('abort', giveUp, { once: true });
    try {
      const answer = await postMessage(this.http, {
        message: { jsonrpc: '2.0', id, method: call.method, params },
        headers: sessionHeaders(session),
        token: call.token,
        signal: call.signal,
        limits: this.limits,
        isCleared: call.isCleared,
        onInterim: (message) => {
          if (message.id === undefined) call.onInterim?.(message);
          else void quietly(this.answerServer(session, message, call.token));
        },
      });
      const unread = answer.status === 400 && answer.response?.id !== id;
      if (session.id !== null && (answer.status === 404 || unread)) {
        // Refused by the transport before any handler: a session that is gone (2025-11-25, session management).
        this.forget(key, opening);
        return null;
      }
      return this.resultOf(answer, 'legacy');
    } finally {
      call.signal.removeEventListener('abort', giveUp);
    }
  }

  private resultOf(answer: PostedAnswer, era: Era): UpstreamResult {
    // A token that the upstream refuses is ours: the agent can do nothing about it and must not be sent to another issuer.
    const refused = answer.status === 401 || answer.status === 403;
    if (refused || answer.response === null) throw refusedBy(this.http.route.server, answer.status);
    return { message: answer.response, era };
  }

  private notice(session: LegacySession, message: JsonObject, token: string | null): Promise<unknown> {
    const signal = AbortSignal.timeout(FAREWELL_MS);
    return postMessage(this.http, { message, headers: sessionHeaders(session), token, signal, limits: this.limits });
  }

  private cancel(session: LegacySession, requestId: RequestId, token: string | null): Promise<unknown> {
    const params = { requestId, reason: 'The client gave up.' };
    return this.notice(session, { jsonrpc: '2.0', method: 'notifications/cancelled', params }, token);
  }

  /** We declared no capability, so all that a server may ask is whether we are there; the rest would wait for ever without an answer. */
  private answerServer(session: LegacySession, request: JsonObject, token: string | null): Promise<unknown> {
    const id = request.id ?? null;
    const refused = { code: METHOD_NOT_FOUND, message: 'This client declared no such capability.' };
    return this.notice(
      session,
      request.method === 'ping' ? { jsonrpc: '2.0', id, result: {} } : { jsonrpc: '2.0', id, error: refused },
      token,
    );
  }

  private async farewell(session: LegacySession): Promise<void> {
    if (session.id === null) return;
    const signal = AbortSignal.timeout(FAREWELL_MS);
    const answer = await this.http.exchange({ method: 'DELETE', headers: sessionHeaders(session), body: null, token: null, signal });
    for await (const _ of answer.body) break;
  }
}
