import type { AnyEnvelope, EventData, EventType } from '@sallyport/contracts';
import { encodeEvent } from '@sallyport/contracts';
import type { OutboxPublisher } from '@sallyport/log';
import type { Clock, Database, IdSource, Sql, Telemetry } from '@sallyport/platform';

/** What a change of control state leaves behind: its events and current-state records. */
export interface ChangeRecord<T extends EventType = EventType> {
  readonly type: T;
  readonly tenantId: string;
  /** Id of the thing that changed; with the tenant it is the key. */
  readonly id: string;
  readonly chainId?: string;
  readonly data: EventData<T>;
}

export type AnyChangeRecord = { [T in EventType]: ChangeRecord<T> }[EventType];

/** Who changed something, and what of a trace it belongs to. */
export interface ChangeCause {
  /** `user:…`, `service:…`, or `system:declared-files` and the like. */
  readonly by: string;
  readonly traceparent?: string | null;
  readonly causationId?: string | null;
}

/** What a piece of work changed; `null`: nothing, so that no epoch is spent. */
export interface Changed<R> {
  readonly records: readonly AnyChangeRecord[];
  readonly result: R;
}

export interface ChangesOptions {
  readonly db: Database;
  readonly outbox: OutboxPublisher;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  /** `/policy-decision/<instance>`. */
  readonly source: string;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Told when events of a committed change could not be published yet; they stay staged. */
  readonly onUnpublished: (error: unknown) => void;
}

/**
 * How long a change waits after its commit before it returns. A request whose decision was made from older state was appended before this
 * commit, and the edge sends bytes only within the same time of the append: once the change returns, nothing moves by the old state.
 */
export const EPOCH_SETTLES_MS = 1_000;

/** The one way control state changes: under the lock of the epoch row, with its events staged in the same transaction. */
export class Changes {
  private unpublished = false;

  constructor(private readonly options: ChangesOptions) {}

  /**
   * Runs `work` with the next epoch, alone among all replicas. Commits state, epoch and events together, then publishes.
   * Resolves at the commit; who must not return before it holds everywhere calls `settled` after it.
   */
  async apply<R>(cause: ChangeCause, work: (tx: Sql, epoch: number) => Promise<Changed<R> | null>): Promise<R | null> {
    const { db, outbox } = this.options;
    const staged = await db.transaction(async (tx) => {
      const { rows } = await tx.query<{ epoch: string }>('SELECT epoch FROM epoch FOR UPDATE');
      const epoch = Number(rows[0]?.epoch ?? 0) + 1;
      const changed = await work(tx, epoch);
      if (changed === null) return null;
      await tx.query('UPDATE epoch SET epoch = $1, changed_at = now()', [epoch]);
      const records = changed.records.map((record) => encodeEvent(this.envelopeOf(record, cause)));
      return { outbox: await outbox.stage(tx, records), result: changed.result };
    });
    if (staged === null) return null;
    await outbox.publish(staged.outbox).catch((error: unknown) => this.keep(error));
    return staged.result;
  }

  /** Waits until a change that has committed holds for every byte. */
  settled(): Promise<void> {
    return this.options.wait(EPOCH_SETTLES_MS);
  }

  /** Publishes what earlier changes could not. Cheap when there is nothing. */
  async publishLeftovers(always = false): Promise<void> {
    if (!always && !this.unpublished) return;
    this.unpublished = false;
    await this.options.outbox.publishLeftovers().catch((error: unknown) => this.keep(error));
  }

  private keep(error: unknown): void {
    this.unpublished = true;
    this.options.onUnpublished(error);
  }

  private envelopeOf(record: AnyChangeRecord, cause: ChangeCause): AnyEnvelope {
    const { clock, ids, telemetry, source } = this.options;
    const span = telemetry.startSpan(record.type, { kind: 'producer', parentTraceparent: cause.traceparent });
    span.end();
    const key = record.chainId ?? `${record.tenantId}/${record.id}`;
    return {
      ...{ id: ids.uuidv7(), type: record.type, version: 1, source, occurredAt: clock.nowIso(), tenantId: record.tenantId, key },
      ...{ callId: null, chainId: record.chainId ?? null, subject: /^(user|service):/.test(cause.by) ? cause.by : null, actor: null },
      ...{ causationId: cause.causationId ?? null, traceparent: span.traceparent, edgeId: null, data: record.data },
    } as AnyEnvelope;
  }
}
