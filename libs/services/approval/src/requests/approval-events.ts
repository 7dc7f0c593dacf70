import { type AnyEnvelope, type EventData, type EventType, encodeEvent } from '@sallyport/contracts';
import { type ApprovalFact, type ApprovalState, quorumOf } from '@sallyport/domain';
import type { LogRecord } from '@sallyport/log';
import type { Clock, IdSource, Telemetry } from '@sallyport/platform';
import type { AskedFacts, StoredApproval, WaitingCall } from './approval.store.js';

export interface EventSource {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  /** `/approval/<instance>`. */
  readonly source: string;
}

type Told = { [T in EventType]: { readonly type: T; readonly data: EventData<T> } }[EventType];

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** Everybody who agreed before a request ended, however it ended. */
const votesOf = (state: ApprovalState): EventData<'ApprovalGranted'>['votes'] =>
  'votes' in state ? state.votes.slice(0, 64).map(({ by, atMs, channel }) => ({ by, at: isoOf(atMs), channel })) : [];

const requested = (approvalId: string, asked: AskedFacts, state: ApprovalState): Told | null => {
  if (state.status === 'none' || !('expiresAtMs' in state)) return null;
  const { binding, demands } = state.question;
  return {
    type: 'ApprovalRequested',
    data: {
      approvalId,
      paramsHash: binding.paramsHash,
      toolDigest: binding.toolDigest,
      principal: asked.principal,
      tool: asked.tool.id,
      paramsMasked: asked.paramsMasked,
      ruleIds: demands.rules.map(({ ruleId }) => ruleId),
      approvers: [...new Set(demands.rules.flatMap(({ approvers }) => approvers))].sort().slice(0, 64),
      quorum: quorumOf(demands),
      expiresAt: isoOf(state.expiresAtMs),
    },
  };
};

const granted = (approvalId: string, state: ApprovalState): Told | null => {
  if (state.status !== 'granted') return null;
  const { votes, question, expiresAtMs } = state;
  return {
    type: 'ApprovalGranted',
    data: {
      approvalId,
      paramsHash: question.binding.paramsHash,
      toolDigest: question.binding.toolDigest,
      grantedBy: votes.map(({ by }) => by).slice(0, 16),
      channel: votes.at(-1)?.channel ?? 'http',
      expiresAt: isoOf(expiresAtMs),
      ruleIds: question.demands.rules.map(({ ruleId }) => ruleId),
      votes: votesOf(state),
    },
  };
};

/** What a fact says on the log, and to which calls; `null` for what only the state needs. `after`: the state with the fact in it. */
const told = (
  fact: ApprovalFact,
  { approvalId, asked }: StoredApproval,
  after: ApprovalState,
): { readonly event: Told | null; readonly to: 'all' | string } | null => {
  switch (fact.type) {
    case 'Asked':
    case 'CallJoined':
      return { event: requested(approvalId, asked, after), to: fact.callId };
    case 'GrantHandedOut':
      return { event: granted(approvalId, after), to: fact.callId };
    case 'Granted':
      return { event: granted(approvalId, after), to: 'all' };
    case 'Rejected':
    case 'Expired':
    case 'Withdrawn':
      return { event: endTold(approvalId, after), to: 'all' };
    case 'CallLeft':
    case 'VoteCast':
    case 'GrantUsed':
      return null;
  }
};

/** Puts an event about one call on the log, in its trace, for its edge. */
export const recordFor = (
  { clock, ids, telemetry, source }: EventSource,
  { tenantId, call, causationId, event }: { tenantId: string; call: WaitingCall; causationId: string | null; event: Told },
): LogRecord => {
  const span = telemetry.startSpan(event.type, { kind: 'producer', parentTraceparent: call.traceparent });
  span.end();
  return encodeEvent({
    ...{ id: ids.uuidv7(), type: event.type, version: 1, source, occurredAt: clock.nowIso(), tenantId, key: call.key },
    ...{ callId: call.callId, chainId: call.chainId, subject: call.subject, actor: call.actor, edgeId: call.edgeId },
    ...{ causationId, traceparent: span.traceparent, data: event.data },
  } as AnyEnvelope);
};

/** The calls that hear of a request's end: all that wait, and the one that asked first when none waits any more. */
export const recipientsOf = ({ state, asked }: Pick<StoredApproval, 'state' | 'asked'>): readonly string[] =>
  'waiting' in state && state.waiting.length > 0 ? state.waiting : [asked.callId];

/** The end of a request as it was told; `null` while it has none, and for a grant, whose use is told by the call. */
export const endTold = (approvalId: string, state: ApprovalState): Told | null => {
  const votes = votesOf(state);
  switch (state.status) {
    case 'rejected':
      return { type: 'ApprovalRejected', data: { approvalId, rejectedBy: state.by, channel: state.channel, why: state.why, votes } };
    case 'expired':
      return { type: 'ApprovalExpired', data: { approvalId, votes } };
    case 'withdrawn':
      return { type: 'ApprovalWithdrawn', data: { approvalId, reason: state.reason, votes } };
    case 'none':
    case 'pending':
    case 'granted':
    case 'used':
      return null;
  }
};

/**
 * The records that facts of one request lead to: an answer for each call that waited, and for the call that asked first when none waits any
 * more, so that every end is on the log. `callOf` finds where a call's answers go.
 */
export const recordsOf = (
  source: EventSource,
  options: {
    readonly approval: StoredApproval;
    readonly facts: readonly ApprovalFact[];
    /** The state before the facts and after each of them. */
    readonly states: readonly ApprovalState[];
    readonly causationId: string | null;
    readonly callOf: (callId: string) => WaitingCall | undefined;
  },
): LogRecord[] => {
  const { approval, facts, states, causationId, callOf } = options;
  const [before] = states;
  const waiting = recipientsOf({ ...approval, state: before ?? approval.state });
  return facts.flatMap((fact, index) => {
    const say = told(fact, approval, states[index + 1] ?? approval.state);
    const event = say?.event ?? null;
    if (say === null || event === null) return [];
    return (say.to === 'all' ? waiting : [say.to]).flatMap((callId) => {
      const call = callOf(callId);
      return call === undefined ? [] : [recordFor(source, { tenantId: approval.tenantId, call, causationId, event })];
    });
  });
};
