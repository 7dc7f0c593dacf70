import type { AnyEnvelope } from '@sallyport/contracts';
import { type CallState, callMeasures, labelsOfCall, wordsOfEvent } from '@sallyport/domain';
import { bigintArray, type Sql, textArray } from '@sallyport/platform';
import { EVERY_ROW, everyCallsWords, wordsLiteral } from './call-words.js';

/** A call with what events made of it. */
export interface CallTurn {
  /** `null`: nothing was known of it. */
  readonly before: CallState | null;
  readonly after: CallState;
  readonly events: readonly AnyEnvelope[];
}

/** Counts that hold as long as the thing lasts stand here, outside of every minute. */
export const ALWAYS = '-infinity';

const SAVE_WORDS = `INSERT INTO call_words AS w (tenant_id, call_id, started_at, words)
  SELECT tenant_id, call_id, started_at::timestamptz, words::tsvector
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS r(tenant_id, call_id, started_at, words)
  ON CONFLICT (tenant_id, call_id) DO UPDATE SET started_at = coalesce(w.started_at, excluded.started_at), words = w.words || excluded.words`;

const SAVE_LABELS = `INSERT INTO chain_label AS l (tenant_id, chain_id, label, call_id, found_at)
  SELECT tenant_id, chain_id, label, call_id, found_at::timestamptz
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS r(tenant_id, chain_id, label, call_id, found_at)
  ON CONFLICT (tenant_id, chain_id, label) DO UPDATE SET call_id = excluded.call_id, found_at = excluded.found_at
  WHERE (excluded.found_at, excluded.call_id) < (l.found_at, l.call_id)`;

const SAVE_MEASURES = `INSERT INTO call_minute AS m (tenant_id, minute, measure, value)
  SELECT tenant_id, minute::timestamptz, measure, value
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS r(tenant_id, minute, measure, value)
  ON CONFLICT (tenant_id, minute, measure) DO UPDATE SET value = m.value + excluded.value`;

/**
 * Brings what is derived from call records up to them, within the transaction that changed these: words to search by, labels by chain, counts by
 * the minute. Told of every change once, it holds what a rebuild would make.
 */
export const saveDerivedViews = async (tx: Sql, turns: readonly CallTurn[]): Promise<void> => {
  await Promise.all([saveWords(tx, turns), saveLabels(tx, turns), saveMeasures(tx, turns)]);
};

const saveWords = async (tx: Sql, turns: readonly CallTurn[]): Promise<void> => {
  const rows = turns.flatMap(({ after, events }) => {
    const words = new Set<string>();
    for (const event of events) for (const word of wordsOfEvent(event)) words.add(word);
    return words.size === 0 ? [] : [{ after, words: wordsLiteral([...words, ...everyCallsWords(after.tenantId)]) }];
  });
  if (rows.length === 0) return;
  // An upsert reads the row that is there.
  await seeEveryWord(tx, () =>
    tx.query({
      name: 'audit-save-words',
      text: SAVE_WORDS,
      values: [
        textArray(rows.map(({ after }) => after.tenantId)),
        textArray(rows.map(({ after }) => after.callId)),
        textArray(rows.map(({ after }) => after.request?.at ?? null)),
        textArray(rows.map(({ words }) => words)),
      ],
    }),
  );
};

/** Runs a statement that sees the words of every call; there are none but by a search. */
export const seeEveryWord = async <T>(tx: Sql, statement: () => Promise<T>): Promise<T> => {
  const [, result] = await Promise.all([
    tx.query({ name: 'audit-see-words', text: `SELECT set_config('sallyport.words', $1, true)`, values: [EVERY_ROW] }),
    statement(),
  ]);
  return result;
};

const saveLabels = async (tx: Sql, turns: readonly CallTurn[]): Promise<void> => {
  const rows = turns.flatMap(({ before, after }) => {
    const { request, callId, tenantId } = after;
    if (request === null) return [];
    const known = new Set(before === null || before.request === null ? [] : labelsOfCall(before).labelsOut);
    return labelsOfCall(after)
      .labelsOut.filter((label) => !known.has(label))
      .map((label) => ({ tenantId, chainId: request.chainId, label, callId, at: after.end?.at ?? request.at }));
  });
  if (rows.length === 0) return;
  const first = new Map<string, (typeof rows)[number]>();
  for (const row of rows) {
    const key = JSON.stringify([row.tenantId, row.chainId, row.label]);
    const other = first.get(key);
    if (other === undefined || row.at < other.at || (row.at === other.at && row.callId < other.callId)) first.set(key, row);
  }
  // In one order, so that two consumers do not lock each other out.
  const sorted = [...first].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
  await tx.query({
    name: 'audit-save-labels',
    text: SAVE_LABELS,
    values: [
      textArray(sorted.map(({ tenantId }) => tenantId)),
      textArray(sorted.map(({ chainId }) => chainId)),
      textArray(sorted.map(({ label }) => label)),
      textArray(sorted.map(({ callId }) => callId)),
      textArray(sorted.map(({ at }) => at)),
    ],
  });
};

/** What the count of a minute changes by. */
interface MinuteRow {
  readonly tenantId: string;
  readonly minute: string;
  readonly measure: string;
  value: number;
}

const saveMeasures = async (tx: Sql, turns: readonly CallTurn[]): Promise<void> => {
  const changes = new Map<string, MinuteRow>();
  const add = (state: CallState, sign: 1 | -1): void => {
    const measures = callMeasures(state);
    if (measures === null) return;
    const minute = `${measures.startedAt.slice(0, 'yyyy-mm-ddThh:mm'.length)}:00Z`;
    for (const [at, values] of [
      [minute, measures.counts],
      [ALWAYS, measures.gauges],
    ] as const) {
      for (const [measure, value] of values) {
        const key = `${state.tenantId} ${at} ${measure}`;
        const row = changes.get(key);
        if (row === undefined) changes.set(key, { tenantId: state.tenantId, minute: at, measure, value: sign * value });
        else row.value += sign * value;
      }
    }
  };
  for (const { before, after } of turns) {
    if (before !== null) add(before, -1);
    add(after, 1);
  }
  // In one order, so that two consumers do not lock each other out.
  const rows = [...changes]
    .filter(([, { value }]) => value !== 0)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, row]) => row);
  if (rows.length === 0) return;
  await tx.query({
    name: 'audit-save-measures',
    text: SAVE_MEASURES,
    values: [
      textArray(rows.map(({ tenantId }) => tenantId)),
      textArray(rows.map(({ minute }) => minute)),
      textArray(rows.map(({ measure }) => measure)),
      bigintArray(rows.map(({ value }) => BigInt(value))),
    ],
  });
};
