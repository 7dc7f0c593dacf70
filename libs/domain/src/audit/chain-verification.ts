import { CHAIN_GENESIS, type ChainRecord, type Sha256 } from '@sallyport/contracts';
import { chainHash, chainHashOfText } from './event-chain.js';

/** An entry of an event chain as it is stored. */
export interface ChainEntry {
  /** Its number in its chain, from 1. */
  readonly entry: bigint;
  readonly previousHash: string;
  /** Id of the event before it: says what is missing when that one is gone. Not hashed, so evidence of nothing else. */
  readonly previousEventId: string | null;
  readonly hash: string;
  /** Whether it was recorded before entries had digests, and is hashed as they were then. */
  readonly isWithoutDigest?: boolean;
  readonly record: ChainRecord;
}

/** The last entry of a chain that was found in order. */
export interface ChainEnd {
  readonly entry: bigint;
  readonly position: bigint;
  readonly hash: string;
  readonly eventId: string | null;
  /** The hash before the last entry; `null` at the start. */
  readonly hashBefore: string | null;
}

export type ChainFaultKind = 'edited' | 'deleted' | 'reordered' | 'inserted';

/** What was done to a chain, where, and to which event as far as anybody can tell. */
export interface ChainFault {
  readonly kind: ChainFaultKind;
  readonly position: bigint;
  readonly entry: bigint;
  readonly eventId: string | null;
  readonly detail: string;
}

/** Where every chain begins. */
export const startOfChain: ChainEnd = { entry: 0n, position: -1n, hash: CHAIN_GENESIS, eventId: null, hashBefore: null };

const isWhole = (sha256: Sha256, { previousHash, hash, isWithoutDigest = false, record }: ChainEntry): boolean =>
  (isWithoutDigest ? chainHashOfText : chainHash)(sha256, previousHash, record) === hash;

/** The end of the chain after one more entry; `null` when the entry was changed or does not follow. */
export const follow = (sha256: Sha256, end: ChainEnd, next: ChainEntry): ChainEnd | null => {
  const follows = next.previousHash === end.hash && next.entry === end.entry + 1n && next.record.position > end.position;
  if (!follows || !isWhole(sha256, next)) return null;
  return { entry: next.entry, position: next.record.position, hash: next.hash, eventId: next.record.id, hashBefore: end.hash };
};

const faultAt = (kind: ChainFaultKind, { entry, record }: ChainEntry, detail: string): ChainFault => ({
  kind,
  position: record.position,
  entry,
  eventId: record.id,
  detail,
});

/** Looks among the neighbours for the place an entry came from; `null` when it fits nowhere. */
const findMove = (sha256: Sha256, entry: ChainEntry, neighbours: readonly ChainEntry[]): ChainFault | null => {
  for (const other of neighbours) {
    if (other.record.position === entry.record.position) continue;
    const there = { ...entry, record: { ...entry.record, position: other.record.position } };
    if (isWhole(sha256, there)) {
      return isWhole(sha256, other)
        ? faultAt('inserted', entry, `a copy of the event at position ${other.record.position}`)
        : faultAt('reordered', entry, `belongs at position ${other.record.position}`);
    }
    const swapped = { ...entry, record: { ...other.record, position: entry.record.position } };
    if (isWhole(sha256, swapped))
      return faultAt('reordered', entry, `holds what belongs at position ${other.record.position}, and the reverse`);
  }
  return null;
};

/**
 * Says what was done where `follow` found an entry that does not hold: `end` is the end before it, `next` the entry after it, `neighbours`
 * entries round it, among which a moved one is looked for. Names the first event concerned; of a deletion, the last of the
 * missing ones, at the first position that may be missing.
 */
export const explainFault = (
  sha256: Sha256,
  end: ChainEnd,
  entry: ChainEntry,
  next: ChainEntry | null,
  neighbours: readonly ChainEntry[],
): ChainFault => {
  if (!isWhole(sha256, entry)) {
    const moved = findMove(sha256, entry, neighbours);
    if (moved !== null) return moved;
    if (next !== null && next.previousHash === end.hash) return faultAt('inserted', entry, 'the entry after it follows the one before it');
    return faultAt('edited', entry, 'its content does not give its hash');
  }
  if (entry.previousHash === end.hash) return faultAt('edited', entry, `numbered ${entry.entry}, but follows number ${end.entry}`);
  if (next !== null && next.previousHash === end.hash) return faultAt('inserted', entry, 'the entry after it follows the one before it');
  if (end.hashBefore !== null && entry.previousHash === end.hashBefore) {
    return {
      kind: 'inserted',
      position: end.position,
      entry: end.entry,
      eventId: end.eventId,
      detail: 'the entry after it follows the one before it',
    };
  }
  if (entry.entry <= end.entry) return faultAt('reordered', entry, `numbered ${entry.entry}, but stands after number ${end.entry}`);
  if (entry.entry > end.entry + 1n || entry.previousEventId !== end.eventId) {
    const missing = entry.entry > end.entry + 1n ? entry.entry - end.entry - 1n : 1n;
    return {
      kind: 'deleted',
      position: end.position + 1n,
      entry: entry.entry > end.entry + 1n ? entry.entry - 1n : end.entry,
      eventId: entry.previousEventId,
      detail: `${missing} missing between position ${end.position} and position ${entry.record.position}`,
    };
  }
  return {
    kind: 'edited',
    position: end.position,
    entry: end.entry,
    eventId: end.eventId,
    detail: 'its hash was made anew; the entry after it still names the old one',
  };
};
