import { type AnyEnvelope, decodeEvent, isAppError } from '@sallyport/contracts';
import { evolveCall, initialCallState } from '@sallyport/domain';
import type { Database, Sql } from '@sallyport/platform';
import { acrossTenants } from '../tenant-scope.js';
import { saveStates } from './call-view.store.js';
import { type CallTurn, saveDerivedViews } from './derived-views.store.js';

const PAGE = 2_000;

const READ = `SELECT tenant_id, call_id, topic, partition, position, headers, value FROM audit_event
  WHERE call_id IS NOT NULL AND (tenant_id, call_id) > ($1, $2) ORDER BY tenant_id, call_id LIMIT $3`;
/** Page after page in the order of the index: the planner may prefer to sort the whole table once for each. */
const IN_INDEX_ORDER = 'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off';

interface EventRow {
  readonly tenant_id: string;
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
 * Throws the call records, and what is derived from them, away and derives them again from the events, in one transaction: readers see the old ones until the end, and
 * the projection waits. What was passed on to the tail and the SIEM is not passed on again. Resolves to the number of calls.
 * Throws `store.unavailable`, with nothing changed.
 */
export const rebuildCalls = (database: Database): Promise<number> =>
  acrossTenants(database, async (tx) => {
    // Every batch of the projection locks a head first.
    await tx.query('LOCK TABLE chain_head IN EXCLUSIVE MODE');
    for (const view of ['call_record', 'call_words', 'call_minute', 'chain_label']) await tx.query(`DELETE FROM ${view}`);
    return foldAll(tx);
  });

const foldAll = async (tx: Sql): Promise<number> => {
  await tx.query(IN_INDEX_ORDER);
  let calls = 0;
  let after: readonly [string, string] = ['', ''];
  for (let limit = PAGE; ; ) {
    const { rows } = await tx.query<EventRow>(READ, [...after, limit]);
    const byCall = [...Map.groupBy(rows, ({ tenant_id, call_id }) => JSON.stringify([tenant_id, call_id])).values()];
    const more = rows.length === limit;
    // The page may end in the middle of its last call.
    const whole = more ? byCall.slice(0, -1) : byCall;
    const folded = whole.flatMap((ofCall) => foldCall(ofCall) ?? []);
    await saveStates(
      tx,
      folded.map(({ after }) => ({ version: 1, state: after })),
    );
    await saveDerivedViews(tx, folded);
    calls += folded.length;
    if (!more) return calls;
    const last = whole.at(-1)?.[0];
    if (last === undefined) limit *= 2;
    else after = [last.tenant_id, last.call_id];
  }
};

/** Each topic in its own order, as the projection saw it; `null` when none of the events can be read. */
const foldCall = (rows: readonly EventRow[]): CallTurn | null => {
  const inOrder = rows.toSorted((left, right) =>
    left.topic === right.topic
      ? left.partition - right.partition || Number(BigInt(left.position) - BigInt(right.position))
      : left.topic < right.topic
        ? -1
        : 1,
  );
  const events: AnyEnvelope[] = [];
  for (const row of inOrder) {
    if (DEAD_LETTER.test(row.topic)) continue;
    const event = decodeStored({ headers: JSON.parse(row.headers), value: row.value });
    if (event?.callId === row.call_id) events.push(event);
  }
  const [first] = rows;
  if (first === undefined || events.length === 0) return null;
  return { before: null, after: events.reduce(evolveCall, initialCallState(first.call_id, first.tenant_id)), events };
};
