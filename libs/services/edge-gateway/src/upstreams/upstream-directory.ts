import { UpstreamClient, UpstreamHttp, type UpstreamRoute } from '@sallyport/mcp';
import type { Clock } from '@sallyport/platform';

/** An MCP server behind the gateway: how it is reached, and for whom the tokens minted for it are. */
export interface UpstreamSettings {
  readonly route: UpstreamRoute;
  /** `aud` of its tokens; `null` where it takes none (stdio). */
  readonly audience: string | null;
}

/** One upstream with its connections. */
export class Upstream {
  readonly http: UpstreamHttp;
  readonly client: UpstreamClient;
  private probedAtMs: number | null = null;

  constructor(
    readonly settings: UpstreamSettings,
    private readonly clock: Clock,
    version: string,
  ) {
    this.http = new UpstreamHttp(settings.route, { clock });
    this.client = new UpstreamClient(this.http, { clock, clientInfo: { name: 'sallyport', version } });
  }

  get server(): string {
    return this.settings.route.server;
  }

  get tenantId(): string {
    return this.settings.route.tenantId;
  }

  /** `false` while the circuit is open; one call each `openSeconds` is let through to find out. */
  isReachable(): boolean {
    if (this.http.state() !== 'open') {
      this.probedAtMs = null;
      return true;
    }
    const now = this.clock.monotonicMs();
    if (this.probedAtMs !== null && now - this.probedAtMs < this.settings.route.breaker.openSeconds * 1_000) return false;
    const isProbe = this.probedAtMs !== null;
    this.probedAtMs = now;
    return isProbe;
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.http.close();
  }
}

/** The upstreams of the configuration, by tenant and server. No other address is ever called. */
export class UpstreamDirectory {
  private readonly upstreams: ReadonlyMap<string, Upstream>;

  constructor(settings: readonly UpstreamSettings[], dependencies: { readonly clock: Clock; readonly version: string }) {
    this.upstreams = new Map(
      settings.map((upstream) => [
        keyOf(upstream.route.tenantId, upstream.route.server),
        new Upstream(upstream, dependencies.clock, dependencies.version),
      ]),
    );
  }

  find(tenantId: string, server: string): Upstream | null {
    return this.upstreams.get(keyOf(tenantId, server)) ?? null;
  }

  all(): readonly Upstream[] {
    return [...this.upstreams.values()];
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.all().map((upstream) => upstream.close()));
  }
}

const keyOf = (tenantId: string, server: string): string => `${tenantId}/${server}`;
