import { type CheckpointStatement, encodeEvent, type SignedHead } from '@sallyport/contracts';
import type { OutboxPublisher, StagedRecords } from '@sallyport/log';
import type { Sql } from '@sallyport/platform';
import { AUDIT_GROUP, type AuditProjectorPorts, CHECKPOINT_SECONDS_DEFAULT, LOG_ID_DEFAULT } from '../audit-projector.ports.js';
import { acrossTenants } from '../tenant-scope.js';
import { digestOf, signCheckpoint } from './signed-checkpoint.js';

/** "chkp" in ASCII: one replica at a time is the leader, for one checkpoint. */
const LEADER = 1667787632;
const BECOME_LEADER = `SELECT pg_advisory_xact_lock(${LEADER})`;
const TRY_TO_LEAD = `SELECT pg_try_advisory_xact_lock(${LEADER}) AS leads`;

const LAST = 'SELECT sequence, at, digest, signed FROM checkpoint ORDER BY sequence DESC LIMIT 1';
const HEADS = 'SELECT topic, partition, size, position, hash FROM chain_head ORDER BY topic, partition';
const INSERT = 'INSERT INTO checkpoint (sequence, at, digest, signed) VALUES ($1, $2, $3, $4)';

interface LastRow {
  readonly sequence: string;
  readonly at: Date;
  readonly digest: string;
  readonly signed: string;
}

interface HeadRow {
  readonly topic: string;
  readonly partition: number;
  readonly size: string;
  readonly position: string;
  readonly hash: string;
}

/** A checkpoint as it was stored and published. */
export interface WrittenCheckpoint {
  readonly statement: CheckpointStatement;
  readonly signed: string;
  readonly digest: string;
}

/** Signs the heads of all chains, one replica at a time. */
export class CheckpointWriter {
  constructor(
    private readonly ports: AuditProjectorPorts,
    private readonly outbox: OutboxPublisher,
  ) {}

  /**
   * Signs, stores and publishes a checkpoint over all heads. Resolves to `null` when nothing was recorded since the last one. Waits for
   * another replica that is at it. Throws `store.unavailable`, with nothing written.
   */
  write(): Promise<WrittenCheckpoint | null> {
    return this.inTransaction(async (tx) => {
      await tx.query(BECOME_LEADER);
      return this.writeAs(tx);
    });
  }

  /** As `write`, but leaves it to the replica that is at it, and does nothing while the last checkpoint is younger than the interval. */
  writeWhenDue(): Promise<WrittenCheckpoint | null> {
    return this.inTransaction(async (tx) => {
      const { rows } = await tx.query<{ leads: boolean }>(TRY_TO_LEAD);
      if (rows[0]?.leads !== true) return null;
      const last = await lastOf(tx);
      const intervalMs = (this.ports.checkpointSeconds ?? CHECKPOINT_SECONDS_DEFAULT) * 1_000;
      if (last !== null && this.ports.clock.nowMs() - last.at.getTime() < intervalMs) return null;
      return this.writeAs(tx);
    });
  }

  private async inTransaction(work: (tx: Sql) => Promise<WrittenCheckpoint | null>): Promise<WrittenCheckpoint | null> {
    const done = await acrossTenants(
      this.ports.database,
      async (tx): Promise<{ written: WrittenCheckpoint; staged: StagedRecords } | null> => {
        const written = await work(tx);
        return written === null ? null : { written, staged: await this.outbox.stage(tx, [this.eventOf(written)]) };
      },
    );
    if (done === null) return null;
    await this.outbox.publish(done.staged).catch((error: unknown) => this.ports.onFault?.({ doing: 'publish', error }));
    return done.written;
  }

  private async writeAs(tx: Sql): Promise<WrittenCheckpoint | null> {
    const last = await lastOf(tx);
    const heads = await headsOf(tx);
    if (heads.length === 0 || (last !== null && sameHeads(last.signed, heads))) return null;
    const statement: CheckpointStatement = {
      logId: this.ports.logId ?? LOG_ID_DEFAULT,
      sequence: last === null ? 1 : Number(last.sequence) + 1,
      at: this.ports.clock.nowIso(),
      previous: last?.digest ?? null,
      heads,
    };
    const signed = await signCheckpoint(this.ports.checkpointKey, statement);
    const digest = digestOf(signed);
    await tx.query(INSERT, [statement.sequence, statement.at, digest, signed]);
    return { statement, signed, digest };
  }

  private eventOf({ statement, signed }: WrittenCheckpoint) {
    const span = this.ports.telemetry.startSpan('checkpoint');
    span.end();
    return encodeEvent({
      id: this.ports.ids.uuidv7(),
      type: 'AuditCheckpoint',
      version: 1,
      source: `/${AUDIT_GROUP}/${this.ports.instance}`,
      occurredAt: statement.at,
      tenantId: 'sallyport',
      key: statement.logId,
      callId: null,
      chainId: null,
      subject: null,
      actor: null,
      causationId: null,
      traceparent: span.traceparent,
      edgeId: null,
      data: {
        logId: statement.logId,
        sequence: statement.sequence,
        at: statement.at,
        signed,
        heads: statement.heads.map(({ topic, partition, size, root }) => ({ topic, partition, size, root })),
      },
    });
  }
}

const lastOf = async (tx: Sql): Promise<LastRow | null> => (await tx.query<LastRow>(LAST)).rows[0] ?? null;

const headsOf = async (tx: Sql): Promise<SignedHead[]> => {
  const { rows } = await tx.query<HeadRow>(HEADS);
  return rows.map(({ topic, partition, size, position, hash }) => ({ topic, partition, size: Number(size), position, root: hash }));
};

/** Whether a checkpoint of ours says the same; read without checking the signature, because nothing but another checkpoint follows from it. */
const sameHeads = (signed: string, heads: readonly SignedHead[]): boolean => {
  try {
    const payload: unknown = JSON.parse(Buffer.from(signed.split('.')[1] ?? '', 'base64url').toString());
    return typeof payload === 'object' && payload !== null && 'heads' in payload && JSON.stringify(payload.heads) === JSON.stringify(heads);
  } catch {
    return false;
  }
};
