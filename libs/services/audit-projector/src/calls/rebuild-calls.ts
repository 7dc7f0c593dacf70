import { type AnyEnvelope, decodeEvent, isAppError, type RebuiltCalls } from '@sallyport/contracts';
import { evolveCall, initialCallState } from '@sallyport/domain';
import type { Database, Sql } from '@sallyport/platform';
import { asTenant } from '../tenant-scope.js';
import { type FoldedCall, keyOf, lockStates, saveStates } from './call-view.store.js';
import { type CallTurn, saveDerivedViews, seeEveryWord } from './derived-views.store.js';

/** In one transaction: what waits for one of them waits shortly. */
const CALLS = 200;
const ATTEMPTS_MAX = 3;

const NEXT = `SELECT DISTINCT call_id FROM audit_event WHERE tenant_id = $1 AND call_id > $2 ORDER BY call_id LIMIT ${CALLS}`;
const EVENTS = `SELECT call_id, topic, partition, position, headers, value FROM audit_event WHERE tenant_id = $1 AND call_id = ANY($2)`;
const COUNTED = 'SELECT call_id FROM call_words WHERE tenant_id = $1 AND call_id = ANY($2)';

interface EventRow {
  readonly call_id: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly headers: string;
  readonly value: string;
}

/** A dead letter repeats a record that its own topic brought already: on record, but no second fact about the call. */
export const DEAD_LETTER = /\.dead-letter\.v\d+$/;

/** A stored event as it is read by rules; `null` for one that this version does not know, which stays on record for one that does. */
export const decodeStored = (record: Parameters<typeof decodeEvent>[0]): AnyEnvelope | null => {
  try {
    return decodeEvent(record);
  } catch (error) {
    if (isAppError(error, 'contract.unknown-event', 'contract.invalid-event')) return null;
    throw error;
  }
};

/**
 * Derives some calls of a tenant anew from their events, and with them what is derived from calls: those that come after `after`, by id, or the
 * first ones. The projection and readers go on meanwhile, and what was passed on to the tail and the SIEM is not passed on again; asked for all of
 * them, it brings back whatever was thrown away. Asked twice it changes nothing. Throws `store.unavailable` and, where the projection came in between
 * three times, `stream.conflict`; nothing of these calls is changed then.
 */
export const rebuildCalls = async (database: Database, tenantId: string, after: string | null): Promise<RebuiltCalls> => {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await asTenant(database, tenantId, (tx) => rebuildSome(tx, tenantId, after ?? ''));
    } catch (error) {
      if (!isAppError(error, 'stream.conflict') || attempt === ATTEMPTS_MAX) throw error;
    }
};

const rebuildSome = async (tx: Sql, tenantId: string, after: string): Promise<RebuiltCalls> => {
  const callIds = (await tx.query<{ call_id: string }>(NEXT, [tenantId, after])).rows.map(({ call_id }) => call_id);
  const known = await lockStates(
    tx,
    callIds.map((callId) => ({ tenantId, callId })),
  );
  // Whoever has words was counted. What an earlier version recorded has none, and is in no count.
  const counted = new Set(
    (await seeEveryWord(tx, () => tx.query<{ call_id: string }>(COUNTED, [tenantId, callIds]))).rows.map(({ call_id }) => call_id),
  );
  // Read after the lock: what the projection adds to these calls from now on waits for it.
  const { rows } = await tx.query<EventRow>(EVENTS, [tenantId, callIds]);
  const folded = [...Map.groupBy(rows, ({ call_id }) => call_id)].flatMap(([callId, ofCall]): (FoldedCall & CallTurn)[] => {
    const events = eventsOf(callId, ofCall);
    if (events.length === 0) return [];
    const stands = known.get(keyOf(tenantId, callId));
    const state = events.reduce(evolveCall, initialCallState(callId, tenantId));
    return [
      {
        ...{ version: (stands?.version ?? 0) + 1, state, events, after: state },
        before: stands !== undefined && counted.has(callId) ? stands.state : null,
      },
    ];
  });
  await saveStates(tx, folded);
  await saveDerivedViews(tx, folded);
  return { calls: folded.length, next: callIds.length === CALLS ? (callIds.at(-1) ?? null) : null };
};

/** What can be read of a call's events, each topic in its own order, as the projection saw it. */
const eventsOf = (callId: string, rows: readonly EventRow[]): AnyEnvelope[] => {
  const inOrder = rows.toSorted((left, right) =>
    left.topic === right.topic
      ? left.partition - right.partition || Number(BigInt(left.position) - BigInt(right.position))
      : left.topic < right.topic
        ? -1
        : 1,
  );
  return inOrder.flatMap(({ topic, headers, value }) => {
    if (DEAD_LETTER.test(topic)) return [];
    const event = decodeStored({ headers: JSON.parse(headers), value });
    return event?.callId === callId ? [event] : [];
  });
};
