import type { Claimed, Principal, RequestFacts } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import type { Span } from '@sallyport/platform';
import type { ReturnedCall } from './request-state.js';

/** One request of a verified principal, parsed once. Everything the gateway does about it takes this and nothing else. */
export interface AuthenticatedCall {
  readonly callId: string;
  readonly principal: Principal;
  readonly transport: RequestFacts['transport'];
  readonly protocolVersion: string | null;
  /** The JSON-RPC method, or the name of a transport act (`stream/open`, `session/delete`, `response`). */
  readonly method: string;
  readonly target: RequestFacts['target'];
  /** The parameters without `_meta`: what is hashed, sealed, inspected and decided upon. */
  readonly params: JsonObject;
  /** `params._meta` without what the protocol and we put there: travels on, inspected like the parameters. */
  readonly meta: JsonObject;
  readonly claimed: Claimed;
  readonly idempotencyKey: string | null;
  /** A stream that stays open: counted and bounded apart from calls. */
  readonly isStream: boolean;
  /** Whether the client wants to know what would happen, and nothing to happen. */
  readonly isPlan: boolean;
  /** Whether a plan may ask the tool what it would do, where the catalog declares a dry run. */
  readonly mayTryOut: boolean;
  /** Whether the client comes back by itself for a call that waits for people (MCP 2026-07-28, `requestState`). */
  readonly comesBack: boolean;
  /** The waiting call that this request goes on with; `callId` is its id then. `null` for a call of its own. */
  readonly returned: ReturnedCall | null;
  /** Monotonic, at the first byte. */
  readonly receivedAtMs: number;
  readonly span: Span;
  /** Aborted when the client hangs up. */
  readonly signal: AbortSignal;
}
