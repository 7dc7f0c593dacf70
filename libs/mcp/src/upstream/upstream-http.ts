import { setImmediate } from 'node:timers/promises';
import { AppError, isAppError } from '@sallyport/contracts';
import type { Clock } from '@sallyport/platform';
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import { Pool } from 'undici';
import { forwardedHeaders } from './forwarded-headers.js';
import { safeConnector } from './safe-connector.js';
import { type Answered, UpstreamAttempt } from './upstream-attempt.js';
import type { BreakerState, Reached, UpstreamAnswer, UpstreamExchange, UpstreamRoute } from './upstream-route.js';

const DEFAULT_CONNECTIONS = 64;
/** Shorter than the 5 s after which Node servers close an idle connection, so that a request does not meet a closing one. */
const KEEP_ALIVE_MS = 4_000;
const MAX_HEADER_BYTES = 32 * 1024;
const USER_AGENT = 'sallyport';
/** A server that says so is in no state to be asked again at once (RFC 9110, 15.6). */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);

const upstreamError = (
  code: 'upstream.unreachable' | 'upstream.timeout' | 'upstream.failed' | 'upstream.answer-invalid' | 'upstream.circuit-open',
  reason: string,
  reached: Reached,
  cause?: unknown,
): AppError => new AppError(code, reason, { cause, detail: { reached } });

const flat = (headers: Answered['headers']): Record<string, string> => {
  const lower: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined) lower[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return lower;
};

/**
 * HTTP towards one upstream: pooled connections, a circuit breaker, bounded waits, no redirects, no compression, no metadata address. Of the client's headers
 * only the protocol's own go on, and the only credential is the token given (with the route's own secret headers).
 */
export class UpstreamHttp {
  private readonly calls: Pool;
  private readonly streams: Pool;
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
    this.calls = new Pool(route.url.origin, options);
    this.streams = new Pool(route.url.origin, options);
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
    await Promise.all([this.calls.destroy(), this.streams.destroy()]);
  }

  private async send(request: UpstreamExchange): Promise<UpstreamAnswer> {
    const attempt = new UpstreamAttempt(request);
    const timer = setTimeout(attempt.timeOut, this.route.answerTimeoutMs);
    try {
      // Reads what the network has for us first: a kept connection that the upstream has closed is then not written to, and stays out of doubt.
      await setImmediate();
      const startedMs = this.dependencies.clock.monotonicMs();
      const answered = await this.dispatch(request, attempt);
      return this.accept(answered, this.dependencies.clock.monotonicMs() - startedMs);
    } catch (error) {
      attempt.release();
      throw isAppError(error) ? error : this.faultOf(error, attempt, request.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  private dispatch(request: UpstreamExchange, attempt: UpstreamAttempt): Promise<Answered> {
    const headers = forwardedHeaders(request.headers);
    headers['user-agent'] = USER_AGENT;
    headers['accept-encoding'] = 'identity';
    Object.assign(headers, this.route.headers);
    if (request.token !== null) headers.authorization = `Bearer ${request.token}`;
    const { method, body } = request;
    return attempt.dispatch(method === 'GET' ? this.streams : this.calls, { method, path: this.path, headers, body });
  }

  private accept({ status, headers: given, body }: Answered, waitedMs: number): UpstreamAnswer {
    const headers = flat(given);
    const fault = this.answerFaultOf(status, headers['content-encoding']);
    if (fault === null) return { status, headers, body, waitedMs };
    body.close();
    throw fault;
  }

  private answerFaultOf(status: number, encoding: string | undefined): AppError | null {
    const { server, viaStdioHost } = this.route;
    if (viaStdioHost === true && status === 503)
      return upstreamError('upstream.unreachable', `the process of ${server} is not there`, 'no');
    if (viaStdioHost === true && status === 502)
      return upstreamError('upstream.failed', `the process of ${server} died during the call`, 'yes');
    if (status >= 300 && status < 400)
      return upstreamError('upstream.answer-invalid', `${server} answered with a redirect (${status})`, 'yes');
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
      return upstreamError('upstream.answer-invalid', `${server} compressed its answer though asked not to`, 'yes');
    return null;
  }

  private faultOf(cause: unknown, { sent, timedOut }: UpstreamAttempt, signal: AbortSignal): AppError {
    const { server } = this.route;
    if (signal.aborted && !timedOut)
      return new AppError('call.cancelled', `the exchange with ${server} was given up`, {
        cause,
        detail: { reached: sent ? 'yes' : 'no' },
      });
    if (!sent) return upstreamError('upstream.unreachable', `no connection to ${server}`, 'no', cause);
    if (timedOut) return upstreamError('upstream.timeout', `${server} did not answer in ${this.route.answerTimeoutMs} ms`, 'yes', cause);
    return upstreamError('upstream.failed', `the connection to ${server} broke`, 'unknown', cause);
  }
}
