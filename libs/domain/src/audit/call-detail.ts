import type { CallApproval, CallRecord, Json, Redaction, StoredEvent } from '@sallyport/contracts';
import { epochMsOf } from './instant.js';
import { formatMicros, formatRecordLine } from './record-line.js';
import { visibleField, visibleText } from './visible-text.js';

const LABEL_WIDTH = 12;

const row = (label: string, text: string): string => `  ${label.padEnd(LABEL_WIDTH)}${text}`;

const list = (values: readonly string[]): string => (values.length === 0 ? '-' : values.map(visibleField).join(', '));

const masks = (redactions: readonly Redaction[]): string =>
  redactions.length === 0
    ? '-'
    : redactions.map(({ label, path, count }) => `${visibleField(label)} ×${count} at ${visibleField(path)}`).join(', ');

const approvalRows = (approval: CallApproval): readonly string[] => {
  const { approvalId, status, ruleIds, askedAt, expiresAt, answeredAt, answeredBy, channel, why, votes } = approval;
  const answer = [
    ...(answeredBy.length === 0 ? [] : [`by ${list(answeredBy)}`]),
    ...(answeredAt === null ? [] : [`at ${visibleField(answeredAt)}`]),
    ...(channel === null ? [] : [`over ${visibleField(channel)}`]),
    ...(why === null ? [] : [`because ${visibleField(why)}`]),
  ].join(' ');
  return [
    row(
      'approval',
      `${status} ${visibleField(approvalId)}, asked by ${list(ruleIds)}${askedAt === null ? '' : ` at ${visibleField(askedAt)}`}`,
    ),
    ...(answer === '' ? [] : [row('answered', answer)]),
    ...votes.map(({ by, at, channel: over }) => row('agreed', `${visibleField(by)} at ${visibleField(at)} over ${visibleField(over)}`)),
    ...(expiresAt === null || status === 'used' ? [] : [row('until', visibleField(expiresAt))]),
  ];
};

const factsOf = (record: CallRecord): readonly string[] => {
  const { principal, claimed } = record;
  const saidOfItself = [
    ['model', claimed.model],
    ['intent', claimed.intent],
    ['prompt', claimed.prompt],
  ].flatMap(([name, value]) => (value === null || value === undefined ? [] : [`${name} ${visibleField(value)}`]));
  return [
    row('call', visibleField(record.callId)),
    row('trace', visibleField(record.traceId)),
    row('chain', visibleField(record.chainId)),
    row('subject', visibleField(principal.subject)),
    row('agents', list(principal.actors)),
    row('tenant', visibleField(record.tenantId)),
    row(
      'asked',
      `${visibleField(record.method)}${record.target === null ? '' : ` ${visibleField(record.target)}`} over ${visibleField(record.transport)}`,
    ),
    row('risk', record.riskTier ?? 'not in the catalog'),
    row(
      'decision',
      `${record.decision} by ${list(record.policyIds)}${record.policySetHash === null ? '' : ` of ${visibleField(record.policySetHash)}`}`,
    ),
    ...(record.approval === null ? [] : approvalRows(record.approval)),
    ...(record.purpose === 'plan' ? [row('purpose', 'plan: nothing was to take effect')] : []),
    ...(record.dryRunHash === null ? [] : [row('dry run', visibleField(record.dryRunHash))]),
    row('outcome', `${visibleField(record.outcome)}${record.code === null ? '' : ` ${visibleField(record.code)}`}`),
    row('reasons', list(record.reasons)),
    row('labels', list(record.labels)),
    row('masked out', masks(record.argumentRedactions)),
    row('masked back', masks(record.resultRedactions)),
    ...(saidOfItself.length === 0 ? [] : [row('claimed', saidOfItself.join(', '))]),
    row(
      'took',
      `${record.totalMicros === null ? '-' : formatMicros(record.totalMicros)}, upstream ${record.upstreamMicros === null ? '-' : formatMicros(record.upstreamMicros)}`,
    ),
  ];
};

/** The fields of an event that say most in one line; the rest is in the event itself. */
const TOLD = [
  'effect',
  'policyIds',
  'evaluation',
  'stage',
  'code',
  'server',
  'attempt',
  'outcome',
  'reached',
  'reason',
  'resolution',
  'resolvedBy',
  'note',
  'approvalId',
  'grantedBy',
  'rejectedBy',
  'unmaskedBy',
  'channel',
  'why',
  'quoteMicros',
] as const;

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: Json | undefined): string | null => {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value))
    return value.every((item) => typeof item === 'string') && value.length > 0 ? value.map(visibleField).join(',') : null;
  return typeof value === 'object' ? null : visibleField(String(value));
};

const summaryOf = ({ data }: StoredEvent): string => {
  if (data === null || !isObject(data)) return '';
  return TOLD.flatMap((name) => {
    const text = textOf(data[name]);
    return text === null ? [] : [`${name} ${text}`];
  }).join(', ');
};

const timelineOf = (events: readonly StoredEvent[]): readonly string[] => {
  const first = events.map((event) => epochMsOf(event.occurredAt)).find((ms) => ms !== null) ?? 0;
  const sinceFirst = (event: StoredEvent): string => `+${(epochMsOf(event.occurredAt) ?? first) - first} ms`;
  const timeWidth = Math.max(...events.map((event) => sinceFirst(event).length), 0);
  const typeWidth = Math.max(...events.map((event) => event.type.length), 0);
  return events.map((event) => {
    const place = `${event.topic}/${event.partition}@${event.position}`;
    return `  ${sinceFirst(event).padStart(timeWidth)}  ${visibleText(event.type).padEnd(typeWidth)}  ${visibleText(place)}  ${summaryOf(event)}`.trimEnd();
  });
};

/**
 * One call for a terminal: its line of record, what is known of it, and its events in the order they happened, with the time since the
 * first one and where each lies in the record. A call whose request is not on record yet shows its events alone. Never ends with a newline.
 */
export const formatCallDetail = (record: CallRecord | null, events: readonly StoredEvent[]): string =>
  [
    ...(record === null ? ['the request of this call is not on record'] : [formatRecordLine(record), '', ...factsOf(record)]),
    '',
    'events',
    ...timelineOf(events),
  ].join('\n');
