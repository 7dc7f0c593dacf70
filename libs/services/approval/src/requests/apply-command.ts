import { type ApprovalCommand, type ApprovalFact, type ApprovalState, decideApproval, evolveApproval } from '@sallyport/domain';
import type { LogRecord } from '@sallyport/log';
import type { StoredApproval, WaitingCall } from './approval.store.js';
import { type EventSource, recordsOf } from './approval-events.js';

/** What a command made of a request. */
export interface Applied {
  readonly approval: StoredApproval;
  readonly facts: readonly ApprovalFact[];
  /** The state before the first fact and after each. */
  readonly states: readonly ApprovalState[];
}

/** Decides a command on a request and folds what it leads to. Changes nothing that is stored. */
export const applyCommand = (approval: StoredApproval, command: ApprovalCommand): Applied => {
  const facts = decideApproval(command, approval.state);
  const states: ApprovalState[] = [approval.state];
  for (const fact of facts) states.push(evolveApproval(states.at(-1) ?? approval.state, fact));
  return { approval: { ...approval, state: states.at(-1) ?? approval.state }, facts, states };
};

/** The calls that an end of this request is told to. */
export const callsToTell = ({ state, asked }: StoredApproval): string[] => [
  ...new Set([asked.callId, ...('waiting' in state ? state.waiting : [])]),
];

/** The records of what a command led to. */
export const recordsOfApplied = (
  source: EventSource,
  { approval, facts, states }: Applied,
  calls: Iterable<WaitingCall>,
  causationId: string | null = null,
): LogRecord[] => {
  const byId = new Map([...calls].map((call) => [call.callId, call]));
  return recordsOf(source, { approval, facts, states, causationId, callOf: (callId) => byId.get(callId) });
};
