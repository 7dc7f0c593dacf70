import { type AuditFault, recordDigest } from '@sallyport/contracts';
import { type ChainEnd, explainFault, follow, startOfChain } from '@sallyport/domain';
import type { Database } from '@sallyport/platform';
import { columnsOf } from '../record/event-chain.store.js';
import { sha256 } from '../record/sha256.js';
import type { SignedState } from './checkpoint-trail.js';
import { type ChainName, readAround, readChain, type StoredEntry } from './stored-chain.js';

/** A chain's head as it was when verification began. */
export interface StoredHead {
  readonly size: bigint;
  readonly position: bigint;
  readonly hash: string;
  readonly eventId: string;
}

/** All that a chain is held against. */
export interface ChainEvidence extends ChainName {
  /** `null` where there is no head, though there are entries or signatures. */
  readonly head: StoredHead | null;
  /** Where the consumer of the partition reads on; `null` when it never began. */
  readonly nextPosition: bigint | null;
  /** The first entry after the head, which nobody recorded. */
  readonly beyondHead: { readonly position: bigint; readonly eventId: string } | null;
  /** In the order of their sizes. */
  readonly signed: readonly SignedState[];
  /** Entries up to here are taken as signed. */
  readonly start: SignedState | null;
  /** Entries after here are not looked at. */
  readonly end: SignedState | null;
}

export interface ChainResult {
  readonly events: number;
  readonly eventsAfterLastSignature: number;
  /** The fault, with the tenant it concerns where that is known. */
  readonly fault: AuditFault | null;
  readonly faultTenantId: string | null;
}

/** A moved entry is looked for among so many on each side. */
const NEIGHBOURS = 500;

type Found = Omit<AuditFault, 'topic' | 'partition' | 'callId'>;

/**
 * Walks a chain from its start, or from where a checkpoint signed it, recomputing every hash and holding it against columns, signatures, head
 * and consumer position, and stops at the first fault. Memory does not grow with the chain. Throws `store.unavailable`.
 */
export const walkChain = async (database: Database, evidence: ChainEvidence): Promise<ChainResult> => {
  const until = evidence.end?.position ?? evidence.head?.position ?? 0n;
  const signatures = evidence.signed.filter(
    ({ size }) => size > (evidence.start?.size ?? 0n) && (evidence.end === null || size <= evidence.end.size),
  );
  let end: ChainEnd = evidence.start === null ? startOfChain : afterSigned(evidence.start);
  let events = 0;
  let signature = 0;
  let lastProven: ChainEnd = end;
  const finish = (found: Found | null, entry?: StoredEntry): ChainResult => ({
    events,
    eventsAfterLastSignature: Number(
      end.entry - (evidence.signed.at(-1)?.size ?? 0n) > 0n ? end.entry - (evidence.signed.at(-1)?.size ?? 0n) : 0n,
    ),
    fault:
      found === null ? null : { topic: evidence.topic, partition: evidence.partition, callId: entry?.columns.callId ?? null, ...found },
    faultTenantId: entry?.columns.tenantId ?? null,
  });

  for await (const entry of readChain(database, evidence, end.position)) {
    if (entry.record.position > until) {
      // Recorded since verification began, or `beyondHead`.
      break;
    }
    const next = follow(sha256, end, entry);
    if (next === null) {
      const { found, at } = await explain(database, evidence, end, entry);
      return finish(found, at);
    }
    const column = differingColumn(entry);
    if (column !== null) {
      return finish(
        {
          kind: 'edited',
          position: String(entry.record.position),
          eventId: entry.record.id,
          detail: `its column ${column} does not say what the record says`,
        },
        entry,
      );
    }
    end = next;
    events += 1;
    for (; signatures[signature]?.size === end.entry; signature += 1) {
      const signed = signatures[signature];
      if (signed !== undefined && signed.root !== end.hash) return finish(rewritten(lastProven, end, signed));
      lastProven = end;
    }
  }
  return finish(endFault(evidence, end, signatures.slice(signature)));
};

const afterSigned = ({ size, position, root }: SignedState): ChainEnd => ({
  entry: size,
  position,
  hash: root,
  eventId: null,
  hashBefore: null,
});

const explain = async (
  database: Database,
  chain: ChainName,
  end: ChainEnd,
  entry: StoredEntry,
): Promise<{ readonly found: Found; readonly at: StoredEntry }> => {
  const neighbours = await readAround(database, chain, entry.record.position, NEIGHBOURS);
  const following = neighbours.find(({ record }) => record.position > entry.record.position) ?? null;
  const { kind, position, eventId, detail } = explainFault(sha256, end, entry, following, neighbours);
  const at = neighbours.find(({ record }) => record.position === position) ?? entry;
  return { found: { kind, position: String(position), eventId, detail }, at };
};

const differingColumn = ({ record, columns, digest, isWithoutDigest }: StoredEntry): string | null => {
  const expected = columnsOf(record.headers);
  if (expected.eventType !== columns.eventType) return 'event_type';
  if (expected.tenantId !== columns.tenantId) return 'tenant_id';
  if (expected.callId !== columns.callId) return 'call_id';
  if (expected.occurredAt !== columns.occurredAt) return 'occurred_at';
  return isWithoutDigest || recordDigest(sha256, record) === digest ? null : 'digest';
};

const rewritten = (proven: ChainEnd, end: ChainEnd, signed: SignedState): Found => ({
  kind: 'rewritten',
  position: String(proven.position + 1n),
  eventId: null,
  detail: `checkpoint ${signed.sequence} signed another history: something changed between position ${proven.position + 1n} and ${end.position}, and every hash after it was made anew`,
});

/** What is missing or too much at the end of a chain that is in order so far. */
const endFault = (evidence: ChainEvidence, end: ChainEnd, unmet: readonly SignedState[]): Found | null => {
  const { head, nextPosition, beyondHead } = evidence;
  const truncated = (eventId: string | null, detail: string): Found => ({
    kind: 'truncated',
    position: String(end.position + 1n),
    eventId,
    detail,
  });
  if (evidence.end === null && head !== null && end.entry < head.size) {
    return truncated(head.eventId, `${head.size - end.entry} missing up to position ${head.position}; named is the last of them`);
  }
  const signed = unmet.at(-1);
  if (signed !== undefined) {
    return truncated(
      null,
      `checkpoint ${signed.sequence} signed ${signed.size} entries up to position ${signed.position}; ${end.entry} are there`,
    );
  }
  if (evidence.end !== null) return null;
  if (head === null) return end.entry === 0n ? null : truncated(null, 'the head of the chain is gone');
  if (head.hash !== end.hash || head.position !== end.position) {
    return {
      kind: 'edited',
      position: String(head.position),
      eventId: head.eventId,
      detail: 'the head of the chain is not its last entry',
    };
  }
  if (beyondHead !== null) {
    return {
      kind: 'inserted',
      position: String(beyondHead.position),
      eventId: beyondHead.eventId,
      detail: 'stands after the head of the chain',
    };
  }
  if (nextPosition === null) return null;
  if (nextPosition <= head.position) {
    return {
      kind: 'inserted',
      position: String(nextPosition),
      eventId: null,
      detail: `only positions before ${nextPosition} were ever consumed`,
    };
  }
  if (nextPosition > head.position + 1n) {
    return truncated(null, `everything before position ${nextPosition} was consumed, but the record ends at ${head.position}`);
  }
  return null;
};
