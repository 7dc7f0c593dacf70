import type { CallRecord } from '@sallyport/contracts';
import { visibleField } from './visible-text.js';

/** Policies named on one line; the rest is counted. */
const POLICIES_SHOWN_MAX = 3;
const TRACE_DIGITS_SHOWN = 4;

/** A duration for people: `0.4 ms`, `7 ms`, `1,250 ms`. */
export const formatMicros = (micros: number): string => {
  const ms = micros / 1_000;
  const digits = ms < 1 ? ms.toFixed(1) : String(Math.round(ms));
  return `${digits.replace(/\B(?=(\d{3})+$)/g, ',')} ms`;
};

/** An amount for people, with four decimals and up to six: `$0.0000`, `$0.001234`, `0.5000 EUR`. */
export const formatPrice = (micros: number, currency: string): string => {
  const digits = String(micros).padStart(7, '0');
  const cents = digits.slice(-6).replace(/0{1,2}$/, '');
  const amount = `${digits.slice(0, -6).replace(/\B(?=(\d{3})+$)/g, ',')}.${cents}`;
  return currency === 'USD' ? `$${amount}` : `${amount} ${visibleField(currency)}`;
};

/** `policy:a,b` with at most three names; `policy:none` where nothing matched, which denies. */
const policiesOf = (ids: readonly string[]): string => {
  const shown = ids.slice(0, POLICIES_SHOWN_MAX).map(visibleField).join(',');
  const more = ids.length - POLICIES_SHOWN_MAX;
  return `policy:${shown === '' ? 'none' : shown}${more > 0 ? `,+${more}` : ''}`;
};

/** Who acted, from the person to the agent that made the call: `user:ada via agent:planner via agent:triage`. */
const whoOf = ({ principal }: CallRecord): string => [principal.subject, ...principal.actors.toReversed()].map(visibleField).join(' via ');

const whatOf = ({ method, target }: CallRecord): string =>
  method === 'tools/call' && target !== null
    ? visibleField(target)
    : [method, ...(target === null ? [] : [target])].map(visibleField).join(' ');

/** What became of it, in as few words as say it: `allow`, `deny policy.denied`, `allow failed upstream.timeout`, `pending`. */
const verdictOf = ({ decision, outcome, code }: CallRecord): string => {
  const words: string[] = [];
  if (decision !== 'none') words.push(decision);
  const told = outcome === 'completed' || (outcome === 'refused' && decision === 'deny');
  const isSaid = told || outcome === 'planned';
  if (!isSaid || words.length === 0) words.push(outcome);
  if (code !== null) words.push(code);
  return words.map(visibleField).join(' ');
};

/** Which question a call waits for, and who answered the one it was sent or refused by: `approved by user:grace`. */
const peopleOf = ({ approval, outcome }: CallRecord): readonly string[] => {
  if (approval === null) return [];
  const { status, approvalId, answeredBy } = approval;
  const by = `by ${answeredBy.map(visibleField).join(' and ')}`;
  if (status === 'used' && answeredBy.length > 0) return [`approved ${by}`];
  if (status === 'rejected' && outcome === 'refused') return [by];
  return status === 'waiting' && (outcome === 'waiting' || outcome === 'abandoned') ? [`approval ${visibleField(approvalId)}`] : [];
};

/**
 * One call on one line: `user:ada via agent:triage called fs/write_file policy:writers-low allow 7 ms $0.0015 trace 4bf9…`.
 * Names that strangers choose are made visible and quoted, so that no name can end the line, hide a part of it or add a field.
 */
export const formatRecordLine = (record: CallRecord): string =>
  [
    whoOf(record),
    record.purpose === 'plan' ? 'planned' : 'called',
    whatOf(record),
    policiesOf(record.policyIds),
    verdictOf(record),
    ...peopleOf(record),
    ...(record.totalMicros === null ? [] : [formatMicros(record.totalMicros)]),
    ...(record.priceMicros === null || record.currency === null ? [] : [formatPrice(record.priceMicros, record.currency)]),
    'trace',
    `${visibleField(record.traceId.slice(0, TRACE_DIGITS_SHOWN))}…`,
  ].join(' ');
