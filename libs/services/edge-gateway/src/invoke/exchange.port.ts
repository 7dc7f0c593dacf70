import type { ErrorCode, EventData, PublicDetail, ToolRecord } from '@sallyport/contracts';
import type { JsonObject, PendingApproval } from '@sallyport/mcp';

/** What the exchange with the upstream is given, once the call is cleared and on record. */
export interface Dispatch {
  readonly callId: string;
  readonly decision: EventData<'PolicyDecided'>;
  /** The parameters, masked as the decision demands. */
  readonly params: JsonObject;
  readonly meta: JsonObject;
  /** Whether `params` and `meta` are not what the client sent: then headers of its own that say the same may not go on. */
  readonly isMasked: boolean;
  /** Minted for this attempt and this upstream; `null` where it takes none. */
  readonly token: string | null;
  /** Of the span of this leg: goes into the upstream's `_meta` and headers. */
  readonly traceparent: string;
  readonly tool: ToolRecord | null;
  /** Aborted when the client hangs up. */
  readonly signal: AbortSignal;
  /** Whether the decision is still fresh enough for bytes to go out; to be asked at the last moment. */
  readonly isCleared: () => boolean;
  /** Inspects a message that is sent on at once, and counts it into the rolling digest. */
  interim(message: JsonObject): JsonObject;
  /**
   * Inspects the final message and puts it on record. Resolves with what may be released, and only when the record is durable.
   * Throws `log.unavailable`: then nothing may be released.
   */
  settle(message: JsonObject): Promise<JsonObject>;
  /** The same for an answer without a message (202 of a notification, the end of a stream, 204 of a deleted session). */
  settleEmpty(upstreamCode: string | null): Promise<void>;
}

/** How a call reaches its upstream and how its answer reaches the client. */
export interface UpstreamExchange {
  readonly kind: 'upstream';
  readonly server: string;
  readonly routeVersion: string;
  /** Audience of the minted token; `null` where the upstream takes none. */
  readonly audience: string | null;
  /** What keeps a cleared call from being sent: the circuit is open, a header disagrees with an argument. `null`: nothing. */
  fault(tool: ToolRecord | null, params: JsonObject): ErrorCode | null;
  /**
   * Sends, reads, calls `interim` and `settle`, and releases. Resolves when everything was released; rejects with an `upstream.*` error whose
   * `detail.reached` says whether bytes arrived, and `detail.refused` that its server let them in no further.
   */
  send(dispatch: Dispatch): Promise<void>;
  /** Hands over a recorded answer that did not come from the upstream now: of an earlier call with the same key, or a plan. A message without an id. */
  replay(answer: JsonObject, callId: string): Promise<void>;
}

/** An answer the gateway gives by itself, from what it holds. */
export interface LocalExchange {
  readonly kind: 'local';
  answer(decision: EventData<'PolicyDecided'>, callId: string): Promise<JsonObject>;
  /** Hands the recorded answer over. For a stream: keeps it open until it ends, then resolves. */
  release(answer: JsonObject, callId: string): Promise<void>;
}

export type Exchange = UpstreamExchange | LocalExchange;

/** How a call ended for the transport. What was `answered` is already with the client; a refusal is still to be told. */
export type CallOutcome =
  | { readonly kind: 'answered'; readonly callId: string /** Values masked in the answer. */; readonly redactions: number }
  | { readonly kind: 'cancelled'; readonly callId: string }
  /** People have been asked and did not answer while the client was held. `requestState`: what it comes back with; `null`: it has to send the call anew. */
  | { readonly kind: 'waiting'; readonly callId: string; readonly approval: PendingApproval; readonly requestState: string | null }
  | {
      readonly kind: 'refused';
      readonly callId: string;
      readonly code: ErrorCode;
      readonly requiredScopes: readonly string[];
      /** What else the client is told: what is left of a budget. */
      readonly detail?: PublicDetail;
    };
