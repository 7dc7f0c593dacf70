import { type AnyEnvelope, type EncodedEvent, type EventData, encodeEvent } from '@sallyport/contracts';
import { type Clock, derivedId } from '@sallyport/platform';
import type { OpenCall } from './open-calls.store.js';

type Settling = 'ToolCallAbandoned' | 'ToolCallInDoubt' | 'ToolCallFailed' | 'ToolCallResolved';
/** A fact of a call that its own gateway does not tell. */
export type SettlingEvent = { [T in Settling]: { readonly type: T; readonly data: EventData<T> } }[Settling];

/** The record of such a fact, under the call's chain and of its principal. Its id is the same whoever writes it, however often. */
export const settlingRecord = (
  call: Pick<OpenCall, 'callId' | 'tenantId' | 'chainId' | 'subject' | 'actor' | 'traceparent' | 'lastEventId' | 'edgeId' | 'attempt'>,
  event: SettlingEvent,
  { source, clock }: { readonly source: string; readonly clock: Clock },
): EncodedEvent =>
  encodeEvent({
    id: derivedId(event.type, call.callId, call.attempt),
    type: event.type,
    version: 1,
    source,
    occurredAt: clock.nowIso(),
    tenantId: call.tenantId,
    key: call.chainId,
    callId: call.callId,
    chainId: call.chainId,
    subject: call.subject,
    actor: call.actor,
    causationId: call.lastEventId,
    traceparent: call.traceparent,
    edgeId: call.edgeId,
    data: event.data,
  } as AnyEnvelope);
