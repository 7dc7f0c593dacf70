import { encodeEvent, isAppError, type Principal } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import { digestDefinition, pinnedDefinition, type UpstreamClient } from '@sallyport/mcp';
import type { Clock, IdSource, Logger, Telemetry } from '@sallyport/platform';
import type { EdgeSettings } from '../edge-settings.js';
import type { TokenMinter } from '../tokens/token-minter.port.js';
import type { UpstreamSettings } from '../upstreams/upstream-directory.js';

/** An upstream as far as its tools are looked at. */
export interface ObservedUpstream {
  readonly server: string;
  readonly tenantId: string;
  readonly settings: Pick<UpstreamSettings, 'audience'>;
  readonly client: Pick<UpstreamClient, 'listAllTools'>;
}

export interface DefinitionObserverDependencies {
  readonly upstreams: { all(): readonly ObservedUpstream[] };
  readonly log: Pick<EventLog, 'append'>;
  readonly minter: TokenMinter;
  readonly settings: Pick<EdgeSettings, 'edgeId' | 'observeEveryMs'>;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

interface Watch {
  readonly upstream: ObservedUpstream;
  /** Digests last put on record; `null` before the first time. */
  lastSeen: string | null;
  failures: number;
  timer: NodeJS.Timeout | null;
  running: Promise<void> | null;
  isAgain: boolean;
}

const RETRY_FIRST_MS = 250;
const LOOK_TIMEOUT_MS = 60_000;

/**
 * Looks at what each upstream says its tools are: at start, periodically, and when told so (a list that differs from the pins, a
 * `list_changed`). Puts it on record when it changed and once after each start; the decision point pins or reports drift. Each upstream is
 * looked at by itself: a dead one delays no other and is tried again with growing pauses.
 */
export class DefinitionObserver {
  private watches: Watch[] = [];
  private readonly closing = new AbortController();

  constructor(private readonly dependencies: DefinitionObserverDependencies) {}

  start(): void {
    this.watches = this.dependencies.upstreams
      .all()
      .map((upstream) => ({ upstream, lastSeen: null, failures: 0, timer: null, running: null, isAgain: false }));
    for (const watch of this.watches) this.look(watch);
  }

  /** Looks at one upstream soon; told twice while it looks, it looks once more. */
  notice(tenantId: string, server: string): void {
    const watch = this.watches.find(({ upstream }) => upstream.tenantId === tenantId && upstream.server === server);
    if (watch === undefined) return;
    if (watch.running !== null) watch.isAgain = true;
    else this.look(watch);
  }

  async close(): Promise<void> {
    this.closing.abort();
    for (const { timer } of this.watches) if (timer !== null) clearTimeout(timer);
    await Promise.all(this.watches.map(({ running }) => running));
  }

  private look(watch: Watch): void {
    if (this.closing.signal.aborted) return;
    if (watch.timer !== null) clearTimeout(watch.timer);
    watch.timer = null;
    watch.running = this.observe(watch)
      .then(
        () => {
          watch.failures = 0;
        },
        (error: unknown) => {
          watch.failures++;
          const { tenantId, server } = watch.upstream;
          const fields = { tenantId, server, code: isAppError(error) ? error.code : 'internal.error', failures: watch.failures };
          if (!this.closing.signal.aborted) this.dependencies.logger.warn(fields, 'the tools of an upstream could not be listed');
        },
      )
      .finally(() => {
        watch.running = null;
        this.schedule(watch);
      });
  }

  private schedule(watch: Watch): void {
    if (this.closing.signal.aborted) return;
    if (watch.isAgain) {
      watch.isAgain = false;
      this.look(watch);
      return;
    }
    const { observeEveryMs } = this.dependencies.settings;
    const pauseMs =
      watch.failures === 0 ? observeEveryMs : Math.min(observeEveryMs, RETRY_FIRST_MS * 2 ** Math.min(watch.failures - 1, 10));
    watch.timer = setTimeout(() => this.look(watch), pauseMs);
    watch.timer.unref();
  }

  private async observe(watch: Watch): Promise<void> {
    const { upstream } = watch;
    const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
    const { protocolVersion, serverInfo, tools } = await upstream.client.listAllTools(await this.token(upstream), signal);
    const definitions = tools
      .map((tool) => ({ name: tool.name.slice(0, 256), digest: digestDefinition(tool), definition: pinnedDefinition(tool) }))
      .sort((left, right) => (left.name < right.name ? -1 : 1));
    const seen = JSON.stringify(definitions.map(({ name, digest }) => [name, digest]));
    if (seen === watch.lastSeen) return;
    const { clock, ids, log, settings, telemetry } = this.dependencies;
    const span = telemetry.startSpan('observe tool definitions');
    try {
      await log.append([
        encodeEvent({
          id: ids.uuidv7(),
          type: 'ToolDefinitionsObserved',
          version: 1,
          source: `/edge-gateway/${settings.edgeId}`,
          occurredAt: clock.nowIso(),
          tenantId: upstream.tenantId,
          key: `${upstream.tenantId}/${upstream.server}`,
          callId: null,
          chainId: null,
          subject: null,
          actor: null,
          causationId: null,
          traceparent: span.traceparent,
          edgeId: null,
          data: {
            server: upstream.server,
            protocolVersion: protocolVersion.slice(0, 32),
            serverName: serverInfo.name.slice(0, 256),
            serverVersion: serverInfo.version.slice(0, 256),
            definitions,
          },
        }),
      ]);
      watch.lastSeen = seen;
      span.end();
    } catch (error) {
      span.end({ error });
      throw error;
    }
  }

  /** The gateway asks for itself here; nobody's call is behind it. */
  private async token({ tenantId, settings }: ObservedUpstream): Promise<string | null> {
    if (settings.audience === null) return null;
    const principal: Principal = {
      subject: 'service:sallyport',
      actors: [],
      tenantId,
      issuer: 'sallyport',
      scopes: [],
      mode: 'autonomous',
      clientId: null,
      environment: 'default',
      tokenSource: 'sallyport',
      workflow: null,
    };
    const { token } = await this.dependencies.minter.mint({
      principal,
      audience: settings.audience,
      scope: 'tools/list',
      callId: this.dependencies.ids.uuidv7(),
    });
    return token;
  }
}
