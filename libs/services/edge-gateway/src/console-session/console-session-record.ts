import { AppError, type ConsoleSessionEnd, type EncodedEvent, encodeEvent } from '@sallyport/contracts';
import { type EventLog, OutboxPublisher, type StagedRecords } from '@sallyport/log';
import type { Clock, Database, IdSource, Logger, Sql, Telemetry } from '@sallyport/platform';
import type { StoredSession } from './console-sessions.store.js';

/** A session that ended just now, and why. */
export interface EndedSession {
  readonly sessionId: string;
  readonly tenantId: string;
  /** With prefix. */
  readonly subject: string;
  readonly reason: ConsoleSessionEnd;
  /** `null` where time ended it. */
  readonly endedBy: string | null;
  readonly endedAtMs: number;
}

/** What `ConsoleSessionRecord` needs of its process. */
export interface ConsoleSessionRecordParts {
  readonly database: Database;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly edgeId: string;
}

/**
 * Puts on record who logged in to the console and which sessions ended: staged with the change itself, so that neither is there without the other,
 * and published after it. Where the log is away sessions begin and end all the same, and are on record when it is back.
 */
export class ConsoleSessionRecord {
  private readonly outbox: OutboxPublisher;
  private behind = true;

  constructor(private readonly parts: ConsoleSessionRecordParts) {
    this.outbox = new OutboxPublisher(parts.database, parts.log);
  }

  /** Stages what happened; the last statement of a transaction. */
  stage(tx: Sql, opened: StoredSession | null, ended: readonly EndedSession[]): Promise<StagedRecords> {
    return this.outbox.stage(tx, [
      ...ended.map((session) => this.endedEvent(session)),
      ...(opened === null ? [] : [this.openedEvent(opened)]),
    ]);
  }

  /** After the commit. Never rejects for a log that is away. */
  publish(staged: StagedRecords): Promise<void> {
    return this.attempt(() => this.outbox.publish(staged));
  }

  /** Publishes what could not be before. Costs nothing where there is nothing. */
  async retry(): Promise<void> {
    if (this.behind) await this.attempt(() => this.outbox.publishLeftovers());
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.behind = false;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.behind = true;
      this.parts.logger.warn({ err: error }, 'sessions of the console are not on record yet; they stay staged');
    }
  }

  private openedEvent({ sessionId, tenantId, subject, roles, loginIssuer, expiresAtMs }: StoredSession): EncodedEvent {
    const data = { sessionId, subject, roles: [...roles], issuer: loginIssuer, expiresAt: new Date(expiresAtMs).toISOString() };
    const type = 'ConsoleSessionOpened';
    return encodeEvent({ ...this.envelope(type, tenantId, sessionId, subject), type, data });
  }

  private endedEvent({ sessionId, tenantId, subject, reason, endedBy, endedAtMs }: EndedSession): EncodedEvent {
    const data = { sessionId, subject, reason, endedBy, endedAt: new Date(endedAtMs).toISOString() };
    const type = 'ConsoleSessionEnded';
    return encodeEvent({ ...this.envelope(type, tenantId, sessionId, endedBy), type, data });
  }

  private envelope(type: string, tenantId: string, sessionId: string, subject: string | null) {
    const { ids, clock, edgeId, telemetry } = this.parts;
    const span = telemetry.startSpan(type, { kind: 'producer' });
    span.end();
    return {
      ...({ version: 1, callId: null, chainId: null, actor: null, causationId: null, edgeId: null } as const),
      ...{ id: ids.uuidv7(), source: `/edge-gateway/${edgeId}`, occurredAt: clock.nowIso(), tenantId, key: sessionId, subject },
      traceparent: span.traceparent,
    };
  }
}
