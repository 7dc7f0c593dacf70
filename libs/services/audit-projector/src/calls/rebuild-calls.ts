import { type AnyEnvelope, decodeEvent, isAppError } from '@sallyport/contracts';
import { type CallState, evolveCall, initialCallState } from '@sallyport/domain';
import type { Database, Sql } from '@sallyport/platform';
import { acrossTenants } from '../tenant-scope.js';
import { saveStates } from './call-view.store.js';

const PAGE = 1_000;

const READ = `SELECT tenant_id, call_id, topic, partition, position, headers, value FROM audit_event
  WHERE call_id IS NOT NULL AND (tenant_id, call_id, topic, partition, position) > ($1, $2, $3, $4, $5)
  ORDER BY tenant_id, call_id, topic, partition, position LIMIT ${PAGE}`;

interface EventRow {
  readonly tenant_id: string;
  readonly call_id: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly headers: string;
  readonly value: string;
}

/** A stored event as it is read by rules; `null` for one that this version does not know, which stays on record for one that does. */
export const decodeStored = (headers: Readonly<Record<string, string>>, value: string): AnyEnvelope | null => {
  try {
    return decodeEvent({ headers, value });
  } catch (error) {
    if (isAppError(error, 'contract.unknown-event', 'contract.invalid-event')) return null;
    throw error;
  }
};

/**
 * Throws the call records away and derives them again from the events, in one transaction: readers see the old ones until the end, and
 * the projection waits. What was passed on to the tail and the SIEM is not passed on again. Resolves to the number of calls.
 * Throws `store.unavailable`, with nothing changed.
 */
export const rebuildCalls = (database: Database): Promise<number> =>
  acrossTenants(database, async (tx) => {
    // Every batch of the projection locks a head first.
    await tx.query('LOCK TABLE chain_head IN EXCLUSIVE MODE');
    await tx.query('DELETE FROM call_record');
    return foldAll(tx);
  });

const foldAll = async (tx: Sql): Promise<number> => {
  let calls = 0;
  let current: CallState | null = null;
  let finished: CallState[] = [];
  let after: readonly [string, string, string, number, string] = ['', '', '', -1, '-1'];
  const finish = async (): Promise<void> => {
    await saveStates(
      tx,
      finished.map((state) => ({ version: 1, state })),
    );
    calls += finished.length;
    finished = [];
  };
  for (;;) {
    const { rows } = await tx.query<EventRow>(READ, after);
    for (const row of rows) {
      const event = decodeStored(JSON.parse(row.headers), row.value);
      if (event?.callId !== row.call_id) continue;
      if (current?.callId !== row.call_id || current.tenantId !== row.tenant_id) {
        if (current !== null) finished.push(current);
        current = initialCallState(row.call_id, row.tenant_id);
      }
      current = evolveCall(current, event);
    }
    const last = rows.at(-1);
    if (rows.length < PAGE || last === undefined) break;
    after = [last.tenant_id, last.call_id, last.topic, last.partition, last.position];
    await finish();
  }
  if (current !== null) finished.push(current);
  await finish();
  return calls;
};
