import { isErrorCode } from '@sallyport/contracts';
import { type CallState, decisionOf, type EndedOutcome } from './call-state.js';

/** Steps of a latency bucket to the next: four to each doubling, 19 % wide. */
const STEPS = 4;
const BUCKET_MAX = 160;

/** The bucket of a duration. */
export const latencyBucket = (micros: number): number => Math.min(BUCKET_MAX, Math.floor(Math.log2(Math.max(1, micros)) * STEPS));

/** The duration a bucket stands for: its middle, in the sense of ratios. */
export const latencyOfBucket = (bucket: number): number => Math.round(2 ** ((bucket + 0.5) / STEPS));

/** A share of what buckets hold, e.g. 0.95: the duration below which that share lies; `null` when they hold nothing. */
export const percentile = (counts: ReadonlyMap<number, number>, share: number): number | null => {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (total <= 0) return null;
  let seen = 0;
  const sorted = [...counts].sort(([left], [right]) => left - right);
  for (const [bucket, count] of sorted) {
    seen += count;
    if (seen >= share * total) return latencyOfBucket(bucket);
  }
  return latencyOfBucket(sorted.at(-1)?.[0] ?? 0);
};

/** Ends at the tool, whatever it said. */
const REACHED: ReadonlySet<EndedOutcome> = new Set(['completed', 'tool-error']);

/** What a call counts for in the minute it began; `gauges` count for as long as they last, whenever it began. */
export interface CallMeasures {
  readonly startedAt: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly gauges: ReadonlyMap<string, number>;
}

/**
 * What a call counts for as it is now; `null` as long as its request is not known, and for everything that is not a call of a tool to take effect.
 * Names come from closed lists (outcomes, codes of the registry, currencies, buckets), so that no stranger makes rows.
 */
export const callMeasures = (state: CallState): CallMeasures | null => {
  const { request, end, approvals, dispatch } = state;
  if (request === null || request.method !== 'tools/call' || request.purpose !== 'execute') return null;
  const counts = new Map<string, number>([['calls', 1]]);
  const gauges = new Map<string, number>();
  const decision = decisionOf(state);
  if (decision !== null) counts.set('decided', 1);
  if (decision !== null && decision.policyIds.length > 0) counts.set('by-rule', 1);
  if ((dispatch?.approvalId ?? null) !== null) counts.set('approved', 1);
  const settled = state.prices.find(({ kind }) => kind === 'settled');
  if (settled !== undefined && settled.amountMicros > 0) counts.set(`spend:${settled.currency}`, settled.amountMicros);
  if (end === null) {
    if (state.parked) gauges.set('waiting', 1);
  } else if (REACHED.has(end.outcome)) {
    counts.set('completed', 1);
    if (end.totalMicros !== null && approvals.length === 0) counts.set(`latency:${latencyBucket(end.totalMicros)}`, 1);
  } else if (end.outcome === 'refused') {
    counts.set('refused', 1);
    counts.set(`code:${end.code !== null && isErrorCode(end.code) ? end.code : 'other'}`, 1);
  } else if (end.outcome === 'failed') counts.set('failed', 1);
  else if (end.outcome === 'in-doubt') gauges.set('in-doubt', 1);
  return { startedAt: request.at, counts, gauges };
};
