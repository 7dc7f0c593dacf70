import {
  AppError,
  ChainClearedV1,
  type ChainPage,
  ChainPoisonedV1,
  type ChainQuery,
  type ChainTurn,
  type LabelFlow,
} from '@sallyport/contracts';
import { type CallState, labelsOfCall, storedCallState, toCallRecord } from '@sallyport/domain';
import type { Database, Sql } from '@sallyport/platform';
import { asTenant } from '../tenant-scope.js';
import { isoOf } from './call-queries.js';
import { decodeCursor, encodeCursor } from './cursor.js';

const TURNS_MAX = 100;

const CALLS = `SELECT c.state, c.call_id, ${isoOf('c.started_at')} AS at FROM call_record c
  WHERE c.tenant_id = $1 AND c.chain_id = $2 AND c.started_at IS NOT NULL AND (c.started_at, c.call_id) > ($3::timestamptz, $4)
  ORDER BY c.started_at, c.call_id LIMIT $5`;
const LABELS = 'SELECT label, call_id, found_at FROM chain_label WHERE tenant_id = $1 AND chain_id = $2';
const TURNS = `SELECT event_type, ${isoOf('occurred_at')} AS at, value FROM audit_event
  WHERE tenant_id = $1 AND key = $2 AND event_type IN ('ChainPoisoned', 'ChainCleared')
  ORDER BY occurred_at DESC, position DESC LIMIT ${TURNS_MAX}`;

interface LabelRow {
  readonly label: string;
  readonly call_id: string;
  readonly found_at: Date;
}

const turnsOf = async (tx: Sql, tenantId: string, chainId: string): Promise<ChainTurn[]> => {
  const { rows } = await tx.query<{ event_type: string; at: string; value: string }>(TURNS, [tenantId, chainId]);
  return rows.toReversed().flatMap(({ event_type, at, value }): ChainTurn[] => {
    const instant = new Date(at).toISOString();
    if (event_type === 'ChainPoisoned') {
      const told = ChainPoisonedV1.data.safeParse(JSON.parse(value));
      return told.success ? [{ at: instant, kind: 'poisoned', by: told.data.service, why: told.data.reason }] : [];
    }
    const told = ChainClearedV1.data.safeParse(JSON.parse(value));
    return told.success ? [{ at: instant, kind: 'cleared', by: told.data.clearedBy, why: told.data.why }] : [];
  });
};

/** The calls of a chain, the oldest first, with the labels that flowed from one to the next. Throws `request.not-found`, `request.invalid`, `store.unavailable`. */
export const showChain = (database: Database, tenantId: string, chainId: string, query: ChainQuery): Promise<ChainPage> => {
  const place = decodeCursor(query.cursor) ?? { at: '-infinity', id: '' };
  return asTenant(database, tenantId, async (tx) => {
    const { rows } = await tx.query<{ state: CallState; call_id: string; at: string }>(CALLS, [
      tenantId,
      chainId,
      place.at,
      place.id,
      query.limit + 1,
    ]);
    const turns = await turnsOf(tx, tenantId, chainId);
    if (rows.length === 0 && turns.length === 0 && query.cursor === undefined) {
      throw new AppError('request.not-found', 'no such chain on record for this tenant');
    }
    const labels = await tx.query<LabelRow>(LABELS, [tenantId, chainId]);
    const sources = new Map(labels.rows.map((row) => [row.label, row]));
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      chainId,
      poisoned: turns.at(-1)?.kind === 'poisoned',
      turns,
      calls: shown.flatMap(({ state }) => {
        const stored = storedCallState(state);
        const record = toCallRecord(stored);
        if (record === null) return [];
        const { labelsIn, labelsOut } = labelsOfCall(stored);
        const flow = (label: string): LabelFlow => {
          const source = sources.get(label);
          const isBefore = source !== undefined && source.call_id !== record.callId && source.found_at.toISOString() <= record.startedAt;
          return { label, fromCallId: isBefore ? source.call_id : null, fromAt: isBefore ? source.found_at.toISOString() : null };
        };
        return [{ record, labelsIn: labelsIn.map(flow), labelsOut: [...labelsOut] }];
      }),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor({ at: last.at, id: last.call_id }) : null,
    };
  });
};
