import type { AuditFault, CheckpointStatement } from '@sallyport/contracts';
import type { Database } from '@sallyport/platform';
import type { CheckpointKey } from '../checkpoints/checkpoint-key.js';
import { digestOf, openCheckpoint } from '../checkpoints/signed-checkpoint.js';

/** A chain as a checkpoint signed it. */
export interface SignedState {
  readonly sequence: number;
  readonly size: bigint;
  readonly position: bigint;
  readonly root: string;
}

/** What the checkpoints prove. */
export interface CheckpointTrail {
  readonly checked: number;
  readonly last: { readonly sequence: number; readonly at: string } | null;
  /** By `topic/partition`, in the order of their sizes. */
  readonly states: ReadonlyMap<string, readonly SignedState[]>;
  /** Where the range begins: the last checkpoint at or before `from`. */
  readonly start: ReadonlyMap<string, SignedState>;
  /** Where it ends: the first checkpoint at or after `to`; `null` for the end of the record. */
  readonly end: ReadonlyMap<string, SignedState> | null;
  readonly faults: readonly AuditFault[];
}

/** Milliseconds since 1970. */
export interface TimeRange {
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

interface Row {
  readonly sequence: string;
  readonly at: Date;
  readonly digest: string;
  readonly signed: string;
}

const PAGE = 500;
/** Signed states kept of one chain: beyond, every second one is dropped, and a rewriting is found as surely but placed less exactly. */
const STATES_MAX = 10_000;
const READ = `SELECT sequence, at, digest, signed FROM checkpoint WHERE sequence > $1 ORDER BY sequence LIMIT ${PAGE}`;

const forged = (sequence: number, detail: string): AuditFault => ({
  kind: 'checkpoint-forged',
  topic: 'audit.checkpoints.v1',
  partition: 0,
  position: String(sequence),
  eventId: null,
  callId: null,
  detail,
});

const stateOf = (sequence: number, head: CheckpointStatement['heads'][number]): SignedState => ({
  sequence,
  size: BigInt(head.size),
  position: BigInt(head.position),
  root: head.root,
});

const statesOf = (statement: CheckpointStatement): Map<string, SignedState> =>
  new Map(statement.heads.map((head) => [`${head.topic}/${head.partition}`, stateOf(statement.sequence, head)]));

/**
 * Reads all checkpoints, checks the signature of each and that each names the one before it, and collects what they say of every chain.
 * The first that does not hold is the fault, and nothing after it is believed. Throws `store.unavailable`.
 */
export const readCheckpoints = async (
  database: Database,
  keys: CheckpointKey['publicKeys'],
  { fromMs, toMs }: TimeRange,
): Promise<CheckpointTrail> => {
  const states = new Map<string, SignedState[]>();
  let start: ReadonlyMap<string, SignedState> = new Map();
  let end: ReadonlyMap<string, SignedState> | null = null;
  let last: CheckpointTrail['last'] = null;
  let previous: string | null = null;
  let checked = 0;
  for (let after = 0; ; ) {
    const { rows } = await database.query<Row>(READ, [after]);
    for (const row of rows) {
      after = Number(row.sequence);
      const statement = await openCheckpoint(keys, row.signed);
      const fault = faultOf(row, statement, checked + 1, previous);
      if (statement === null || fault !== null)
        return { checked, last, states, start, end, faults: [forged(after, fault ?? 'unreadable')] };
      checked += 1;
      previous = row.digest;
      last = { sequence: after, at: statement.at };
      const ofChains = statesOf(statement);
      for (const [chain, state] of ofChains) keep(states, chain, state);
      const atMs = Date.parse(statement.at);
      if (fromMs !== null && atMs <= fromMs) start = ofChains;
      if (toMs !== null && end === null && atMs >= toMs) end = ofChains;
    }
    if (rows.length < PAGE) return { checked, last, states, start, end, faults: [] };
  }
};

const faultOf = (row: Row, statement: CheckpointStatement | null, expected: number, previous: string | null): string | null => {
  if (statement === null) return 'not signed by the key of this record';
  if (statement.sequence !== Number(row.sequence)) return `signed as number ${statement.sequence}`;
  if (statement.sequence !== expected) return `number ${expected} is missing`;
  if (row.digest !== digestOf(row.signed)) return 'stored under another digest';
  if (statement.previous !== previous) return 'does not name the checkpoint before it';
  if (Date.parse(statement.at) !== row.at.getTime()) return `signed at ${statement.at}`;
  return null;
};

const keep = (states: Map<string, SignedState[]>, chain: string, state: SignedState): void => {
  const kept = states.get(chain) ?? [];
  if (kept.at(-1)?.size === state.size && kept.at(-1)?.root === state.root) return;
  kept.push(state);
  states.set(chain, kept.length > STATES_MAX ? kept.filter((_, index) => index % 2 === 1) : kept);
};
