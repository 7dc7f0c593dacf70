import type { EventData, RequestFacts } from '@sallyport/contracts';
import { CLIENT_GONE, mayHaveEffect } from './effect.js';
import type { ToolCallEvent } from './tool-call.decider.js';

/** Where a call stands that has not ended, as far as events tell by their type alone. */
export type OpenStage = 'requested' | 'parked' | 'dispatched' | 'in-doubt';

/**
 * What one event or several in order did to the list of open calls. `open` makes an entry where there is none; `move` changes one that is
 * there and makes none: an event that comes behind the end of its call opens nothing.
 */
export type OpenChange =
  | { readonly kind: 'open'; readonly stage: OpenStage }
  | { readonly kind: 'move'; readonly stage: OpenStage }
  | { readonly kind: 'close' };

const CHANGES: ReadonlyMap<string, OpenChange> = new Map<ToolCallEvent['type'], OpenChange>([
  ['ToolCallRequested', { kind: 'open', stage: 'requested' }],
  // A client comes back for a call that waits for people: it is parked again.
  ['ToolCallParked', { kind: 'open', stage: 'parked' }],
  ['ToolCallReevaluationRequested', { kind: 'move', stage: 'requested' }],
  ['ToolCallResumed', { kind: 'move', stage: 'requested' }],
  ['ToolCallDispatched', { kind: 'move', stage: 'dispatched' }],
  ['ToolCallInDoubt', { kind: 'move', stage: 'in-doubt' }],
  // It rests: what the client answers is a call of its own.
  ['ToolCallInputRequired', { kind: 'close' }],
  ['ToolCallRefused', { kind: 'close' }],
  ['ToolCallCompleted', { kind: 'close' }],
  ['ToolCallFailed', { kind: 'close' }],
  ['ToolCallPlanned', { kind: 'close' }],
  ['ToolCallResolved', { kind: 'close' }],
  ['ToolCallAbandoned', { kind: 'close' }],
  ['ToolCallCancelled', { kind: 'close' }],
]);

/** What an event does to the list of open calls; `null` for one that is no event of a call. */
export const openChangeOf = (eventType: string): OpenChange | null => CHANGES.get(eventType) ?? null;

/** One change and then another, as one. */
export const foldOpenChange = (before: OpenChange | null, next: OpenChange): OpenChange => {
  if (before === null || next.kind !== 'move') return next;
  return before.kind === 'close' ? before : { kind: before.kind, stage: next.stage };
};

/** The protocol revision from which on a client is told to come again for a call that waits for people, to whichever replica. */
const COMES_BACK_SINCE = '2026-07-28';

/**
 * Whether the client of a parked call may come back by itself, so that the end of the gateway that parked it says nothing about the call. Any
 * other client waits on a connection, which ended with the gateway. Revisions are dates and compare as text.
 */
export const mayComeBack = ({ transport, protocolVersion }: Pick<RequestFacts, 'transport' | 'protocolVersion'>): boolean =>
  transport === 'mcp' && protocolVersion !== null && protocolVersion >= COMES_BACK_SINCE;

/** An open call of which its gateway will tell nothing any more; every event it wrote is known. */
export type LostCall =
  | { readonly stage: 'requested' | 'parked' }
  | {
      readonly stage: 'dispatched';
      readonly attempt: number;
      readonly method: string | null;
      readonly riskTier: string | null;
      readonly isDryRun: boolean;
      readonly totalMicros: number;
    };

export const GATEWAY_LOST = 'gateway-lost';

type RecoveryEvent = {
  [T in 'ToolCallAbandoned' | 'ToolCallInDoubt' | 'ToolCallFailed']: { readonly type: T; readonly data: EventData<T> };
}['ToolCallAbandoned' | 'ToolCallInDoubt' | 'ToolCallFailed'];

/**
 * What becomes of a lost call. Not dispatched: abandoned. Dispatched and able to change something: in doubt, for a person to settle. Dispatched
 * and only reading, or a dry run, which by declaration commits nothing: failed, and may be asked again.
 */
export const recoverCall = (call: LostCall): RecoveryEvent => {
  switch (call.stage) {
    case 'requested':
      return { type: 'ToolCallAbandoned', data: { stage: 'requested', reason: GATEWAY_LOST } };
    case 'parked':
      return { type: 'ToolCallAbandoned', data: { stage: 'parked', reason: CLIENT_GONE } };
    case 'dispatched':
      return mayHaveEffect(call) && !call.isDryRun
        ? { type: 'ToolCallInDoubt', data: { attempt: call.attempt, reason: GATEWAY_LOST } }
        : {
            type: 'ToolCallFailed',
            data: { code: 'call.lost', reasons: [GATEWAY_LOST], reached: 'unknown', upstreamMicros: 0, totalMicros: call.totalMicros },
          };
    default:
      return unreachable(call);
  }
};

const unreachable = (value: never): never => {
  throw new TypeError(`not a lost call: ${JSON.stringify(value)}`);
};
