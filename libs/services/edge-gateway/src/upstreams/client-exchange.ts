import type { IncomingHttpHeaders } from 'node:http';
import { AppError, type ErrorCode, isAppError, type ToolRecord } from '@sallyport/contracts';
import { checkParamHeaders, isJsonObject, type JsonObject, type RequestId } from '@sallyport/mcp';
import { inputSchemaOf } from '../catalog-view/catalog-view.js';
import type { Dispatch, UpstreamExchange } from '../invoke/exchange.port.js';
import { withMeta } from '../invoke/prepared-request.js';
import type { Upstream } from './upstream-directory.js';

export interface ClientExchangeOptions {
  /** The method to ask. */
  readonly method: string;
  /** Sessions of a legacy upstream are shared within this key only: a digest of the principal. */
  readonly sessionKey: string;
  /** What the agent's client can do. */
  readonly clientCapabilities?: JsonObject;
  /** Sends an inspected interim message on to the client. Without it progress ends here. */
  readonly onInterim?: (message: JsonObject) => void;
  /** Headers of a stateless client, to be held against the arguments (`Mcp-Param-*`). */
  readonly paramHeaders?: { readonly headers: IncomingHttpHeaders; readonly id: RequestId };
  /** Further `_meta` for the upstream, e.g. a progress token. */
  readonly meta?: JsonObject;
}

/** An exchange where the gateway speaks to the upstream on its own: for REST and the aggregated endpoint, whatever era the upstream is of. */
export class ClientExchange implements UpstreamExchange {
  readonly kind = 'upstream';
  /** The inspected response; `null` until it is on record. */
  answer: JsonObject | null = null;
  /** Why the request may not be sent, where the client must be told more than a code. */
  refusedBecause: AppError | null = null;

  constructor(
    private readonly upstream: Upstream,
    private readonly options: ClientExchangeOptions,
  ) {}

  get server(): string {
    return this.upstream.server;
  }

  get routeVersion(): string {
    return this.upstream.settings.route.routeVersion;
  }

  get audience(): string | null {
    return this.upstream.settings.audience;
  }

  fault(tool: ToolRecord | null, params: JsonObject): ErrorCode | null {
    const { paramHeaders } = this.options;
    if (paramHeaders !== undefined && tool !== null) {
      const args = isJsonObject(params.arguments) ? params.arguments : {};
      this.refusedBecause = headerFaultOf(() => checkParamHeaders(inputSchemaOf(tool) ?? {}, args, paramHeaders.headers, paramHeaders.id));
      if (this.refusedBecause !== null) return this.refusedBecause.code;
    }
    return this.upstream.isReachable() ? null : 'upstream.circuit-open';
  }

  async send(dispatch: Dispatch): Promise<void> {
    const faults: unknown[] = [];
    const { message } = await this.upstream.client.request({
      method: this.options.method,
      params: withMeta(dispatch.params, { ...dispatch.meta, ...this.options.meta }),
      token: dispatch.token,
      signal: dispatch.signal,
      isCleared: dispatch.isCleared,
      traceMeta: { traceparent: dispatch.traceparent },
      inputSchema: (dispatch.tool === null ? null : inputSchemaOf(dispatch.tool)) ?? undefined,
      sessionKey: this.options.sessionKey,
      clientCapabilities: this.options.clientCapabilities,
      onInterim: (interim) => {
        try {
          const inspected = dispatch.interim(interim);
          this.options.onInterim?.(inspected);
        } catch (error) {
          faults.push(error);
        }
      },
    });
    if (faults[0] !== undefined)
      throw new AppError('upstream.answer-invalid', 'a message on the way could not be inspected', {
        cause: faults[0],
        detail: { reached: 'yes' },
      });
    this.answer = await dispatch.settle(message);
  }

  replay(answer: JsonObject): Promise<void> {
    this.answer = answer;
    return Promise.resolve();
  }
}

/** What a check of headers threw, if it is a fault of theirs. */
export const headerFaultOf = (check: () => void): AppError | null => {
  try {
    check();
    return null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return error;
  }
};

/** An exchange with a server that has no route here: refused as unreachable should policy ever let it come so far. */
export const noRoute = (server: string): UpstreamExchange => ({
  kind: 'upstream',
  server,
  routeVersion: 'none',
  audience: null,
  fault: () => 'upstream.unreachable',
  send: () => Promise.reject(new AppError('upstream.unreachable', `${server} has no route`, { detail: { reached: 'no' } })),
  replay: () => Promise.reject(new AppError('upstream.unreachable', `${server} has no route`, { detail: { reached: 'no' } })),
});
