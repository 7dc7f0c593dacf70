import { AppError, type CallProof, CheckpointStatement, type ProofSegment, type ProvenRecord, sealedAsDigests } from '@sallyport/contracts';
import type { Database, Sql } from '@sallyport/platform';
import { sha256 } from '../record/sha256.js';
import { acrossTenants, asTenant } from '../tenant-scope.js';
import { EVENTS_MAX } from './call-queries.js';

/** Entries from an event to its checkpoint that a proof shows the digests of; a digest is 64 characters. */
const SEGMENT_MAX = 5_000;
/** Of all segments together. */
const DIGESTS_MAX = 20_000;

interface EntryRow {
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly entry: string;
  readonly hash: string;
  readonly previous_hash: string;
  readonly key: string;
  readonly event_id: string;
  readonly headers: string;
  readonly value: string;
}

interface Checkpoint {
  readonly sequence: number;
  readonly signed: string;
  readonly statement: CheckpointStatement;
}

const EVENTS = `SELECT topic, partition, position, entry, hash, previous_hash, key, event_id, headers, value FROM audit_event
  WHERE tenant_id = $1 AND call_id = $2 ORDER BY topic, partition, position LIMIT ${EVENTS_MAX}`;
const CHECKPOINT = 'SELECT sequence, signed FROM checkpoint WHERE sequence = $1';
const LAST_SEQUENCE = 'SELECT coalesce(max(sequence), 0) AS sequence FROM checkpoint';
/** No content: a chain has the records of all tenants in it, and digests tell nothing of theirs. */
const DIGESTS = `SELECT digest FROM audit_event WHERE topic = $1 AND partition = $2 AND position >= $3 ORDER BY position LIMIT $4`;

const recordOf = (row: EntryRow): ProvenRecord => ({
  topic: row.topic,
  partition: row.partition,
  position: row.position,
  entry: row.entry,
  hash: row.hash,
  key: row.key,
  id: row.event_id,
  headers: JSON.parse(row.headers),
  value: sealedAsDigests(sha256, row.value),
});

const statementOf = (signed: string): CheckpointStatement | null => {
  try {
    return CheckpointStatement.parse(JSON.parse(Buffer.from(signed.split('.')[1] ?? '', 'base64url').toString()));
  } catch {
    return null;
  }
};

const sizeIn = ({ statement }: Checkpoint, { topic, partition }: EntryRow): bigint =>
  BigInt(statement.heads.find((head) => head.topic === topic && head.partition === partition)?.size ?? 0);

/** Finds checkpoints, each read once. What none of ours says is signed is left to whoever verifies. */
class Checkpoints {
  private readonly read = new Map<number, Checkpoint | null>();

  constructor(
    private readonly tx: Sql,
    private readonly last: number,
  ) {}

  /** The first that covers an entry, by halving: sizes only grow. `null` when none does yet. */
  async covering(row: EntryRow): Promise<Checkpoint | null> {
    const entry = BigInt(row.entry);
    let low = 1;
    let high = this.last;
    let found: Checkpoint | null = null;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const checkpoint = await this.at(middle);
      if (checkpoint !== null && sizeIn(checkpoint, row) >= entry) {
        found = checkpoint;
        high = middle - 1;
      } else low = middle + 1;
    }
    return found;
  }

  private async at(sequence: number): Promise<Checkpoint | null> {
    const known = this.read.get(sequence);
    if (known !== undefined) return known;
    const { rows } = await this.tx.query<{ signed: string }>(CHECKPOINT, [sequence]);
    const signed = rows[0]?.signed;
    const statement = signed === undefined ? null : statementOf(signed);
    const checkpoint = signed === undefined || statement === null ? null : { sequence, signed, statement };
    this.read.set(sequence, checkpoint);
    return checkpoint;
  }
}

/**
 * What is needed to check a call's place in the record elsewhere: its records with what is sealed as digests, the digests of what follows in each
 * chain up to the next signed head, and the signed heads. Says nothing of other tenants' records but how many there are and their digests.
 * Throws `request.not-found`, `store.unavailable`.
 */
export const proveCall = async (database: Database, tenantId: string, callId: string): Promise<CallProof> => {
  const rows = await asTenant(database, tenantId, async (tx) => (await tx.query<EntryRow>(EVENTS, [tenantId, callId])).rows);
  if (rows.length === 0) throw new AppError('request.not-found', 'no such call on record for this tenant');
  return acrossTenants(database, async (tx) => {
    const last = await tx.query<{ sequence: string }>(LAST_SEQUENCE);
    const checkpoints = new Checkpoints(tx, Number(last.rows[0]?.sequence ?? 0));
    const used = new Map<number, string>();
    const segments: ProofSegment[] = [];
    const tooFar = new Set<string>();
    let digests = 0;
    let reached: { readonly row: EntryRow; readonly upTo: bigint } | null = null;
    for (const row of rows) {
      const isReached = reached !== null && reached.row.topic === row.topic && reached.row.partition === row.partition;
      if (reached !== null && isReached && BigInt(row.entry) <= reached.upTo) continue;
      const checkpoint = await checkpoints.covering(row);
      const ofChain = rows.filter(({ topic, partition }) => topic === row.topic && partition === row.partition);
      const upTo = checkpoint === null ? BigInt(ofChain.at(-1)?.entry ?? row.entry) : sizeIn(checkpoint, row);
      const length = Number(upTo - BigInt(row.entry)) + 1;
      if (length > SEGMENT_MAX || digests + length > DIGESTS_MAX) {
        tooFar.add(row.event_id);
        continue;
      }
      const read = await tx.query<{ digest: string }>(DIGESTS, [row.topic, row.partition, row.position, length]);
      // Recorded before entries had digests: only who has the records can follow the chain there.
      if (read.rows.some(({ digest }) => digest === '')) {
        tooFar.add(row.event_id);
        continue;
      }
      digests += length;
      reached = { row, upTo };
      if (checkpoint !== null) used.set(checkpoint.sequence, checkpoint.signed);
      segments.push({
        topic: row.topic,
        partition: row.partition,
        firstEntry: row.entry,
        previousHash: row.previous_hash,
        digests: read.rows.map(({ digest }) => digest),
        checkpoint: checkpoint?.sequence ?? null,
      });
    }
    return {
      callId,
      records: rows.filter(({ event_id }) => !tooFar.has(event_id)).map(recordOf),
      segments,
      checkpoints: [...used].map(([sequence, signed]) => ({ sequence, signed })),
      tooFar: [...tooFar],
    };
  });
};
