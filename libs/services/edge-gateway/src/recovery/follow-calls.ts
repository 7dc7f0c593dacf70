import { type AnyEnvelope, decodeEvent, eventTypeOf } from '@sallyport/contracts';
import { foldOpenChange, mayComeBack, type OpenChange, openChangeOf } from '@sallyport/domain';
import type { ReceivedRecord, RecordBatch } from '@sallyport/log';
import type { Database } from '@sallyport/platform';
import { writerOf } from './incarnation.js';
import { type CallEntry, closeCalls, moveCalls, openCalls, settleResolved } from './open-calls.store.js';

/** What a batch did to one call: by types alone, with the records of each kind that the entry is made of. */
interface Followed {
  change: OpenChange;
  readonly byType: Map<string, ReceivedRecord>;
  last: ReceivedRecord;
}

/**
 * Keeps the list of calls that have not ended. A batch is folded by headers alone; what is still open at its end is parsed and stored, so a call
 * that begins and ends within one batch costs neither parsing nor a row. The list moves with the position, in one transaction.
 */
export class FollowCalls {
  constructor(private readonly database: Database) {}

  /** Handles a batch. Throws `log.position-lost` or `store.unavailable` with nothing changed. */
  async handle(batch: RecordBatch): Promise<void> {
    const followed = fold(batch.records);
    const closed: string[] = [];
    const opened: CallEntry[] = [];
    const moved: CallEntry[] = [];
    for (const [callId, call] of followed) {
      if (call.change.kind === 'close') closed.push(callId);
      else (call.change.kind === 'open' ? opened : moved).push(entryOf(callId, call, call.change.stage));
    }
    const resolved = [...followed].flatMap(([callId, { byType }]) => {
      const event = read(byType.get('ToolCallResolved'));
      return event?.type === 'ToolCallResolved' ? [{ callId, resolution: event.data.resolution }] : [];
    });
    await this.database.transaction(
      async (tx) => {
        await closeCalls(tx, closed);
        await openCalls(tx, opened);
        await moveCalls(tx, moved);
        for (const { callId, resolution } of resolved) await settleResolved(tx, callId, resolution);
        await batch.advance(tx);
      },
      // A batch that a crash takes back is read again.
      { synchronousCommit: false },
    );
  }
}

const fold = (records: readonly ReceivedRecord[]): Map<string, Followed> => {
  const followed = new Map<string, Followed>();
  for (const record of records) {
    const type = eventTypeOf(record.headers);
    const callId = record.headers.ce_subject;
    const next = type === null ? null : openChangeOf(type);
    if (type === null || callId === undefined || next === null) continue;
    const known = followed.get(callId);
    if (known === undefined) followed.set(callId, { change: next, byType: new Map([[type, record]]), last: record });
    else {
      known.change = foldOpenChange(known.change, next);
      known.byType.set(type, record);
      known.last = record;
    }
  }
  return followed;
};

/** `null` for what nobody can read: the entry is then made of the headers, and what is not known counts as what may have had an effect. */
const read = (record: ReceivedRecord | undefined): AnyEnvelope | null => {
  if (record === undefined) return null;
  try {
    return decodeEvent(record);
  } catch {
    return null;
  }
};

const entryOf = (callId: string, { byType, last }: Followed, stage: CallEntry['stage']): CallEntry => {
  const { headers } = last;
  const requested = read(byType.get('ToolCallRequested'));
  const parked = read(byType.get('ToolCallParked'));
  const dispatched = read(byType.get('ToolCallDispatched'));
  const doubted = byType.get('ToolCallInDoubt');
  // Whoever declares a call in doubt did not send it.
  const own = stage === 'in-doubt' ? byType.get('ToolCallDispatched') : last;
  const writer = own === undefined ? null : writerOf(own.headers.ce_source ?? '');
  const facts =
    requested?.type === 'ToolCallRequested' ? requested.data : parked?.type === 'ToolCallParked' ? (parked.data.request ?? null) : null;
  const first = requested ?? parked;
  return {
    callId,
    tenantId: headers.ce_tenantid ?? '',
    chainId: headers.ce_chainid ?? last.key,
    edgeId: writer?.edgeId ?? null,
    bootId: writer?.bootId ?? null,
    stage,
    openedAt: first?.occurredAt ?? headers.ce_time ?? null,
    method: facts?.method ?? null,
    riskTier: facts?.tool?.riskTier ?? null,
    target: facts === null ? null : targetOf(facts),
    subject: headers.ce_authid ?? null,
    actor: headers.ce_actorid ?? null,
    traceparent: headers.traceparent ?? headers.ce_traceparent ?? '',
    lastEventId: last.id,
    attempt: dispatched?.type === 'ToolCallDispatched' ? dispatched.data.attempt : null,
    isDryRun: dispatched?.type === 'ToolCallDispatched' ? dispatched.data.dryRun : null,
    tokenId: dispatched?.type === 'ToolCallDispatched' ? dispatched.data.tokenId : null,
    mayComeBack: facts === null ? null : mayComeBack(facts),
    waitsUntil: parked?.type === 'ToolCallParked' ? parked.data.expiresAt : null,
    dispatchedAt: dispatched?.occurredAt ?? null,
    inDoubtAt: doubted?.headers.ce_time ?? null,
  };
};

const targetOf = ({
  target,
  tool,
}: {
  target: { kind: string; server: string | null; name: string | null };
  tool: { id: string } | null;
}) => tool?.id ?? ([target.server, target.name].filter((part) => part !== null).join('/') || target.kind).slice(0, 512);
