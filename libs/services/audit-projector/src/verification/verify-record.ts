import type { AuditFault, AuditVerification } from '@sallyport/contracts';
import type { Database, Sql } from '@sallyport/platform';
import { AUDIT_GROUP, type AuditProjectorPorts } from '../audit-projector.ports.js';
import { acrossTenants } from '../tenant-scope.js';
import { type ChainEvidence, type StoredHead, walkChain } from './chain-walk.js';
import { type CheckpointTrail, readCheckpoints } from './checkpoint-trail.js';
import { compareWithLog } from './log-comparison.js';
import type { ChainName } from './stored-chain.js';

export interface VerifyOptions {
  /** RFC 3339: begins at the last checkpoint at or before it, whose signature vouches for what lies before. Default: the beginning. */
  readonly from?: string;
  /** RFC 3339: ends at the first checkpoint at or after it. Default: the end. */
  readonly to?: string;
  /** Whether to hold the record against the log too, as far back as the log reaches. */
  readonly compareWithLog?: boolean;
}

/** A verification with the tenant that each fault concerns, by index; `null` where nobody can tell. */
export interface RecordVerification extends AuditVerification {
  readonly faultTenants: readonly (string | null)[];
}

/** Every chain that has an entry, without reading more than one entry of each. */
const CHAINS = `WITH RECURSIVE chain AS (
    (SELECT topic, partition FROM audit_event ORDER BY topic, partition LIMIT 1)
    UNION ALL
    SELECT n.topic, n.partition FROM chain c CROSS JOIN LATERAL (
      SELECT e.topic, e.partition FROM audit_event e WHERE (e.topic, e.partition) > (c.topic, c.partition) ORDER BY e.topic, e.partition LIMIT 1) n)
  SELECT topic, partition FROM chain`;

const HEADS = `SELECT h.topic, h.partition, h.size, h.position, h.hash, h.event_id, b.position AS beyond_position, b.event_id AS beyond_event_id
  FROM chain_head h LEFT JOIN LATERAL (
    SELECT e.position, e.event_id FROM audit_event e WHERE e.topic = h.topic AND e.partition = h.partition AND e.position > h.position
    ORDER BY e.position LIMIT 1) b ON true`;

const POSITIONS = 'SELECT topic, partition, position FROM consumer_position WHERE group_name = $1';

interface HeadRow {
  readonly topic: string;
  readonly partition: number;
  readonly size: string;
  readonly position: string;
  readonly hash: string;
  readonly event_id: string;
  readonly beyond_position: string | null;
  readonly beyond_event_id: string | null;
}

interface Snapshot {
  readonly chains: readonly ChainName[];
  readonly heads: ReadonlyMap<string, { readonly head: StoredHead; readonly beyondHead: ChainEvidence['beyondHead'] }>;
  readonly positions: ReadonlyMap<string, bigint>;
}

const nameOf = ({ topic, partition }: ChainName): string => `${topic}/${partition}`;

/** Heads, positions and the list of chains at one moment: what is recorded while verification runs is none of its business. */
const takeSnapshot = async (tx: Sql): Promise<Snapshot> => {
  const heads = await tx.query<HeadRow>(HEADS);
  const positions = await tx.query<{ topic: string; partition: number; position: string }>(POSITIONS, [AUDIT_GROUP]);
  const chains = await tx.query<ChainName>(CHAINS);
  return {
    chains: chains.rows,
    heads: new Map(
      heads.rows.map((row) => [
        nameOf(row),
        {
          head: { size: BigInt(row.size), position: BigInt(row.position), hash: row.hash, eventId: row.event_id },
          beyondHead:
            row.beyond_position === null || row.beyond_event_id === null
              ? null
              : { position: BigInt(row.beyond_position), eventId: row.beyond_event_id },
        },
      ]),
    ),
    positions: new Map(positions.rows.map((row) => [nameOf(row), BigInt(row.position)])),
  };
};

const chainsOf = (snapshot: Snapshot, trail: CheckpointTrail): readonly ChainName[] =>
  [...new Set([...snapshot.chains.map(nameOf), ...snapshot.heads.keys(), ...trail.states.keys()])].sort().map((name) => {
    const slash = name.lastIndexOf('/');
    return { topic: name.slice(0, slash), partition: Number(name.slice(slash + 1)) };
  });

const evidenceOf = (chain: ChainName, snapshot: Snapshot, trail: CheckpointTrail): ChainEvidence => {
  const name = nameOf(chain);
  const known = snapshot.heads.get(name);
  return {
    ...chain,
    head: known?.head ?? null,
    beyondHead: known?.beyondHead ?? null,
    nextPosition: snapshot.positions.get(name) ?? null,
    signed: trail.states.get(name) ?? [],
    start: trail.start.get(name) ?? null,
    end: trail.end?.get(name) ?? null,
  };
};

/**
 * Verifies the record: recomputes every hash of every chain and holds the chains against the heads, the positions of the consumer and the
 * signed checkpoints, and reports the first fault of each chain and of the checkpoints. The projection goes on meanwhile. Changes nothing.
 *
 * What it proves: nothing up to the last checkpoint was changed, as long as the checkpoint key is not in the same hands as the database.
 * What a superuser does after the last checkpoint, or with the key, only a checkpoint kept elsewhere (`audit.checkpoints.v1`) or the log
 * itself can contradict. Throws `store.unavailable`.
 */
export const verifyRecord = async (
  ports: Pick<AuditProjectorPorts, 'database' | 'checkpointKey' | 'clock' | 'log' | 'ids'>,
  options: VerifyOptions = {},
): Promise<RecordVerification> => {
  const { database } = ports;
  // Signatures first: one made after the heads were read would cover more than they say, and look like a truncation.
  const trail = await readTrail(database, ports, options);
  const snapshot = await acrossTenants(database, takeSnapshot, { isolation: 'repeatable read' });
  const faults: AuditFault[] = [...trail.faults];
  const faultTenants: (string | null)[] = trail.faults.map(() => null);
  let eventsChecked = 0;
  let eventsAfterLastCheckpoint = 0;
  const chains = chainsOf(snapshot, trail).filter((chain) => trail.end === null || trail.end.has(nameOf(chain)));
  for (const chain of chains) {
    const result = await walkChain(database, evidenceOf(chain, snapshot, trail));
    eventsChecked += result.events;
    eventsAfterLastCheckpoint += result.eventsAfterLastSignature;
    if (result.fault === null) continue;
    faults.push(result.fault);
    faultTenants.push(result.faultTenantId);
  }
  let eventsComparedWithLog = 0;
  if (options.compareWithLog === true) {
    const ends = new Map([...snapshot.heads].map(([name, { head }]) => [name, head.position]));
    const comparison = await compareWithLog(ports, ends);
    eventsComparedWithLog = comparison.compared;
    for (const { fault, tenantId } of comparison.faults) {
      // The log names the event where the chain could only say that something is not as it was.
      const vague = faults.findIndex(
        ({ topic, partition, eventId }) => topic === fault.topic && partition === fault.partition && eventId === null,
      );
      if (vague >= 0) faults.splice(vague, 1, fault);
      else if (!faults.some(({ topic, partition }) => topic === fault.topic && partition === fault.partition)) faults.push(fault);
      else continue;
      faultTenants[vague >= 0 ? vague : faults.length - 1] = tenantId;
    }
  }
  return {
    ok: faults.length === 0,
    checkedAt: ports.clock.nowIso(),
    eventsChecked,
    chainsChecked: chains.length,
    checkpointsChecked: trail.checked,
    lastCheckpoint: trail.last,
    eventsAfterLastCheckpoint,
    eventsComparedWithLog,
    faults,
    faultTenants,
  };
};

const readTrail = (
  database: Database,
  { checkpointKey }: Pick<AuditProjectorPorts, 'checkpointKey'>,
  { from, to }: VerifyOptions,
): Promise<CheckpointTrail> =>
  readCheckpoints(database, checkpointKey.publicKeys, {
    fromMs: from === undefined ? null : Date.parse(from),
    toMs: to === undefined ? null : Date.parse(to),
  });
