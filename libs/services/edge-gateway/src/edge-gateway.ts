import type { Principal } from '@sallyport/contracts';
import { Authenticator, localKeySet } from '@sallyport/platform';
import { AggregatedTools } from './aggregate/aggregated-tools.js';
import { ApprovalView } from './approvals/approval-view.js';
import { CatalogView } from './catalog-view/catalog-view.js';
import { ConsoleSessionRecord } from './console-session/console-session-record.js';
import { ConsoleSessions } from './console-session/console-sessions.js';
import type { EdgeGatewayPorts } from './edge-gateway.ports.js';
import { Door } from './http/door.js';
import { GovernedRequests } from './http/governed-requests.js';
import { RequestGuard } from './http/request-guard.js';
import { ArgumentValidator } from './invoke/argument-validator.js';
import { CallAdmission } from './invoke/call-admission.js';
import { CallRunner } from './invoke/call-runner.js';
import { PostgresDispatchClaims } from './invoke/postgres-dispatch-claims.adapter.js';
import { AnswerJoin } from './join/answer-join.js';
import { DefinitionObserver } from './observation/definition-observer.js';
import { UnrecordedOutcomes } from './record/unrecorded-outcomes.js';
import { Incarnation } from './recovery/incarnation.js';
import { Recovery } from './recovery/recovery.js';
import { RejectionRecorder } from './rejections/rejection-recorder.js';
import { OwnTokenMinter } from './tokens/own-token-minter.adapter.js';
import { UpstreamDirectory } from './upstreams/upstream-directory.js';

/** Stands where a rejection belongs to no tenant. */
const NO_TENANT = '-';
const DROP_ANSWERS_EVERY_MS = 3_600_000;
/** How late the record says at most that time ended a session of the console; it opens nothing meanwhile. */
const LAPSED_SESSIONS_EVERY_MS = 60_000;

/** The gateway put together: every part once, for the life of the process. Controllers take their parts from it. */
export class EdgeGateway {
  readonly join: AnswerJoin;
  readonly catalog: CatalogView;
  readonly authenticator: Authenticator;
  readonly console: ConsoleSessions;
  readonly upstreams: UpstreamDirectory;
  readonly minter: OwnTokenMinter;
  readonly observer: DefinitionObserver;
  readonly requests: GovernedRequests;
  readonly guard: RequestGuard;
  readonly door: Door;
  readonly tools: AggregatedTools;
  readonly approvals: ApprovalView;
  /** This run of this instance. */
  readonly bootId: string;
  readonly recovery: Recovery;
  readonly rejections: RejectionRecorder;
  private readonly incarnation: Incarnation;
  private readonly claims: PostgresDispatchClaims;
  private readonly unrecorded: UnrecordedOutcomes;
  private readonly unregister: (() => void)[] = [];
  private retention: NodeJS.Timeout | undefined;
  private lapsing: NodeJS.Timeout | undefined;
  private isReady = false;
  private readonly ending = new AbortController();

  constructor(readonly ports: EdgeGatewayPorts) {
    const { settings, log, sealer, clock, ids, telemetry, logger } = ports;
    const { edgeId, publicUrl, tenants } = settings;
    this.bootId = ids.uuidv7();
    const source = `/edge-gateway/${edgeId}/${this.bootId}`;
    this.incarnation = new Incarnation({ edgeId, bootId: this.bootId }, ports.database, clock, logger);
    this.recovery = new Recovery({ database: ports.database, log, source, clock, telemetry, logger });
    this.join = new AnswerJoin(log, edgeId);
    this.catalog = new CatalogView(log, edgeId);
    this.tools = new AggregatedTools(this.catalog);
    this.approvals = new ApprovalView(log, edgeId);
    this.claims = new PostgresDispatchClaims(ports.database);
    this.unrecorded = new UnrecordedOutcomes(log);
    this.console = new ConsoleSessions({
      ...{ settings: ports.consoleSettings, publicUrl, tenants, scopesInForce: ports.scopesInForce },
      ...{ database: ports.database, sealer, signingKey: ports.signingKey, clock, ids },
      record: new ConsoleSessionRecord({ database: ports.database, log, clock, ids, telemetry, logger, edgeId }),
    });
    this.upstreams = new UpstreamDirectory(ports.upstreams, { clock, version: ports.version });
    this.minter = new OwnTokenMinter({ issuer: publicUrl, key: ports.signingKey, clock, ids });
    const consoleKeys = localKeySet({ keys: [...this.minter.keySet.keys] });
    this.authenticator = new Authenticator({ issuers: ports.issuers, tenants, publicUrl, consoleKeys, clock });
    const [only, ...others] = tenants;
    const tenantId = only !== undefined && others.length === 0 ? only : NO_TENANT;
    this.rejections = new RejectionRecorder({ log, digests: sealer, clock, ids, edgeId, tenantId });
    this.observer = new DefinitionObserver({
      upstreams: this.upstreams,
      log,
      minter: this.minter,
      settings,
      telemetry,
      clock,
      ids,
      logger,
    });
    const runner = new CallRunner({
      settings,
      log: this.incarnation.guard(log),
      join: this.join,
      catalog: this.catalog,
      validator: new ArgumentValidator(),
      admission: new CallAdmission({ calls: settings.callsInFlightMaxPerTenant, streams: settings.streamsMaxPerTenant }),
      claims: this.claims,
      source,
      closing: this.ending.signal,
      unrecorded: this.unrecorded,
      minter: this.minter,
      sealer,
      telemetry,
      clock,
      ids,
    });
    this.requests = new GovernedRequests({ runner, telemetry, clock, logger, health: ports.health });
    this.guard = new RequestGuard(settings);
    this.door = new Door({
      settings,
      guard: this.guard,
      authenticator: this.authenticator,
      rejections: this.rejections,
      telemetry,
      clock,
      logger,
    });
  }

  /** Resolves when answers and catalog are followed: before that the gateway is not ready. Throws `log.unavailable`. */
  async start(): Promise<void> {
    const { health, log } = this.ports;
    this.unregister.push(
      health.register('edge-gateway.log', () => log.isHealthy()),
      health.register('edge-gateway.join', () => this.isReady),
    );
    await this.incarnation.start();
    await Promise.all([this.join.start(), this.catalog.start(), this.approvals.start()]);
    await this.recovery.start();
    for (const { callId, attempt, records } of await this.claims.kept(this.ports.settings.edgeId))
      this.unrecorded.hold(records, () => this.claims.settle(callId, attempt));
    this.observer.start();
    await this.dropAnswers();
    this.retention = setInterval(() => void this.dropAnswers(), DROP_ANSWERS_EVERY_MS).unref();
    await this.recordLapsedSessions();
    this.lapsing = setInterval(() => void this.recordLapsedSessions(), LAPSED_SESSIONS_EVERY_MS).unref();
    this.isReady = true;
  }

  /** Aborted when streams must end. */
  get closing(): AbortSignal {
    return this.ending.signal;
  }

  /** Ends every open stream, and lets no connection be kept: the first thing of a shutdown. */
  endStreams(): void {
    this.door.drain();
    this.ending.abort();
  }

  /** Ends what the gateway began; calls in flight have ended by then. What is not on record yet is tried once more. */
  async close(): Promise<void> {
    this.isReady = false;
    this.endStreams();
    clearInterval(this.retention);
    clearInterval(this.lapsing);
    for (const unregister of this.unregister) unregister();
    await this.recovery.close();
    await this.observer.close();
    await this.rejections.close();
    await this.unrecorded.flush();
    this.unrecorded.close();
    await this.claims.drain();
    await this.incarnation.end();
    await Promise.all([this.join.close(), this.catalog.close(), this.approvals.close(), this.upstreams.close()]);
  }

  private async dropAnswers(): Promise<void> {
    // What could not be dropped now is not served either: its age is looked at when it is read.
    await this.claims.dropAnswers().catch((err: unknown) => this.ports.logger.warn({ err }, 'old answers could not be dropped'));
  }

  private async recordLapsedSessions(): Promise<void> {
    await this.console
      .recordLapsed()
      .catch((err: unknown) => this.ports.logger.warn({ err }, 'ends of sessions of the console could not be put on record'));
  }

  /** A key under which an upstream's legacy session may be shared: one principal's calls and no other's. */
  sessionKeyOf({ tenantId, issuer, subject, actors }: Principal): string {
    return this.ports.sealer.keyedDigest(tenantId, 'principal', JSON.stringify([issuer, subject, actors]));
  }
}
