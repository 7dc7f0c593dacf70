import { setImmediate } from 'node:timers/promises';
import { AppError, isAppError } from '@sallyport/contracts';
import type { Clock } from '@sallyport/platform';
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import { type Dispatcher, Pool } from 'undici';
import { AnswerBody } from './answer-body.js';
import { forwardedHeaders } from './forwarded-headers.js';
import { safeConnector } from './safe-connector.js';
import type { BreakerState, Reached, UpstreamAnswer, UpstreamExchange, UpstreamRoute } from './upstream-route.js';

const DEFAULT_CONNECTIONS = 64;
/** Shorter than the 5 s after which Node servers close an idle connection, so that a request does not meet a closing one. */
const KEEP_ALIVE_MS = 4_000;
const MAX_HEADER_BYTES = 32 * 1024;
const USER_AGENT = 'sallyport';
/** A server that says so is in no state to be asked again at once (RFC 9110, 15.6). */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);

const always = (): boolean => true;

/** What is known of one exchange while it runs. */
interface Progress {
  /** Set when the request is about to be written to a connection. */
  sent: boolean;
  timedOut: boolean;
  readonly isCleared: () => boolean;
}

/** Notes the moment from which the upstream may have got something. */
const watched = (handler: Dispatcher.DispatchHandler, progress: Progress): Dispatcher.DispatchHandler => ({
  onRequestStart: (controller, context) => {
    if (!progress.isCleared()) {
      controller.abort(
        new AppError('policy.unavailable', 'the decision grew too old before the request could be written', { detail: { reached: 'no' } }),
      );
      return;
    }
    progress.sent = true;
    handler.onRequestStart?.(controller, context);
  },
  onRequestUpgrade: (...event) => handler.onRequestUpgrade?.(...event),
  onResponseStart: (...event) => handler.onResponseStart?.(...event),
  onResponseData: (...event) => handler.onResponseData?.(...event),
  onResponseEnd: (...event) => handler.onResponseEnd?.(...event),
  onResponseError: (...event) => handler.onResponseError?.(...event),
});

const upstreamError = (
  code: 'upstream.unreachable' | 'upstream.timeout' | 'upstream.failed' | 'upstream.answer-invalid' | 'upstream.circuit-open',
  reason: string,
  reached: Reached,
  cause?: unknown,
): AppError => new AppError(code, reason, { cause, detail: { reached } });

const flat = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> => {
  const lower: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) lower[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  return lower;
};

/**
 * HTTP towards one upstream: pooled connections, a circuit breaker, bounded waits, no redirects, no compression, no metadata address. Of the client's headers
 * only the protocol's own go on, and the only credential is the token given (with the route's own secret headers).
 */
export class UpstreamHttp {
  private readonly pools: readonly Pool[];
  private readonly calls: Dispatcher;
  private readonly streams: Dispatcher;
  /** Exchanges under way by the signal that undici hands back with each. */
  private readonly underWay = new WeakMap<object, Progress>();
  private readonly path: string;
  private readonly breaker;

  constructor(
    readonly route: UpstreamRoute,
    private readonly dependencies: { readonly clock: Clock },
  ) {
    const options: Pool.Options = {
      connections: route.maxConnections ?? DEFAULT_CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 0,
      bodyTimeout: route.idleStreamTimeoutMs,
      connect: safeConnector(route.connectTimeoutMs),
    };
    // Open GET streams hold their connection for as long as a session lives: they must not take those of the calls.
    const calls = new Pool(route.url.origin, options);
    const streams = new Pool(route.url.origin, options);
    this.pools = [calls, streams];
    this.calls = this.watching(calls);
    this.streams = this.watching(streams);
    this.path = `${route.url.pathname}${route.url.search}`;
    this.breaker = circuitBreaker(
      handleWhen((error) => isAppError(error, 'upstream.unreachable', 'upstream.timeout', 'upstream.failed')).orWhenResult(
        (answer) => typeof answer === 'object' && answer !== null && 'status' in answer && AWAY.has(Number(answer.status)),
      ),
      { halfOpenAfter: route.breaker.openSeconds * 1000, breaker: new ConsecutiveBreaker(route.breaker.failures) },
    );
  }

  /** Whether exchanges are let through: `half-open` while one of them tries. */
  state(): BreakerState {
    const state = this.breaker.state;
    if (state === CircuitState.Closed) return 'closed';
    return state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  /**
   * Sends one request and resolves with the headers of its answer; read the body to its end, or return it. Whatever the status says is
   * passed on, except redirects. Throws, each with `detail.reached`:
   * `upstream.circuit-open` and `upstream.unreachable` (nothing was sent), `upstream.timeout` (sent, no answer in time), `upstream.failed`
   * (the connection broke after something may have been sent), `upstream.answer-invalid` (redirect or compressed answer),
   * `call.cancelled` (the signal), `policy.unavailable` (`isCleared` said no when it was about to be written).
   */
  async exchange(request: UpstreamExchange): Promise<UpstreamAnswer> {
    // One exchange is trying already; waiting for what it finds would only make a refusal slow.
    if (this.state() === 'half-open') throw upstreamError('upstream.circuit-open', `${this.route.server} is being tried`, 'no');
    try {
      return await this.breaker.execute(() => this.send(request));
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw upstreamError('upstream.circuit-open', `${this.route.server} rests`, 'no', error);
      throw error;
    }
  }

  /** Closes every connection; exchanges under way fail. */
  async close(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.destroy()));
  }

  private async send(request: UpstreamExchange): Promise<UpstreamAnswer> {
    const { signal } = request;
    const progress: Progress = { sent: false, timedOut: false, isCleared: request.isCleared ?? always };
    const abort = new AbortController();
    const giveUp = (): void => abort.abort();
    const timer = setTimeout(() => {
      progress.timedOut = true;
      abort.abort();
    }, this.route.answerTimeoutMs);
    const release = (): void => signal.removeEventListener('abort', giveUp);
    if (signal.aborted) abort.abort();
    else signal.addEventListener('abort', giveUp, { once: true });
    try {
      // Reads what the network has for us first: a kept connection that the upstream has closed is then not written to, and stays out of doubt.
      await setImmediate();
      this.underWay.set(abort.signal, progress);
      const startedMs = this.dependencies.clock.monotonicMs();
      const response = await this.dispatch(request, abort.signal);
      const body = new AnswerBody(response.body, abort.signal, release);
      const waitedMs = this.dependencies.clock.monotonicMs() - startedMs;
      return await this.accept({ status: response.statusCode, headers: flat(response.headers), body, waitedMs });
    } catch (error) {
      release();
      throw isAppError(error) ? error : this.faultOf(error, progress, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  private watching(pool: Pool): Dispatcher {
    return pool.compose((dispatch) => (options, handler) => {
      const signal: unknown = 'signal' in options ? options.signal : null;
      const progress = signal instanceof AbortSignal ? this.underWay.get(signal) : undefined;
      return dispatch(options, progress === undefined ? handler : watched(handler, progress));
    });
  }

  private dispatch(request: UpstreamExchange, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    return (request.method === 'GET' ? this.streams : this.calls).request({
      method: request.method,
      path: this.path,
      headers: {
        ...forwardedHeaders(request.headers),
        'user-agent': USER_AGENT,
        'accept-encoding': 'identity',
        ...this.route.headers,
        ...(request.token === null ? {} : { authorization: `Bearer ${request.token}` }),
      },
      body: request.body,
      signal,
    });
  }

  private async accept(answer: UpstreamAnswer & { readonly body: AnswerBody }): Promise<UpstreamAnswer> {
    const { status, headers, body } = answer;
    const encoding = headers['content-encoding'];
    if (this.route.viaStdioHost === true && (status === 503 || status === 502)) {
      await body.return();
      throw status === 503
        ? upstreamError('upstream.unreachable', `the process of ${this.route.server} is not there`, 'no')
        : upstreamError('upstream.failed', `the process of ${this.route.server} died during the call`, 'yes');
    }
    if (status >= 300 && status < 400) {
      await body.return();
      throw upstreamError('upstream.answer-invalid', `${this.route.server} answered with a redirect (${status})`, 'yes');
    }
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      await body.return();
      throw upstreamError('upstream.answer-invalid', `${this.route.server} compressed its answer though asked not to`, 'yes');
    }
    return answer;
  }

  private faultOf(cause: unknown, progress: Progress, signal: AbortSignal): AppError {
    const { server } = this.route;
    if (signal.aborted && !progress.timedOut)
      return new AppError('call.cancelled', `the exchange with ${server} was given up`, {
        cause,
        detail: { reached: progress.sent ? 'yes' : 'no' },
      });
    if (!progress.sent) return upstreamError('upstream.unreachable', `no connection to ${server}`, 'no', cause);
    if (progress.timedOut)
      return upstreamError('upstream.timeout', `${server} did not answer in ${this.route.answerTimeoutMs} ms`, 'yes', cause);
    return upstreamError('upstream.failed', `the connection to ${server} broke`, 'unknown', cause);
  }
}
