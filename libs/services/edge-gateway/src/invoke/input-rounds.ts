import type { Principal } from '@sallyport/contracts';
import { isJsonObject, type JsonObject } from '@sallyport/mcp';
import { LRUCache } from 'lru-cache';
import type { AuthenticatedCall } from './authenticated-call.js';
import type { KeyedDigests } from './call-identity.js';

const OPEN_ROUNDS_MAX = 10_000;
const OPEN_MS = 3_600_000;

/**
 * Which `ToolCallInputRequired` a retry answers, by the upstream's `requestState` and the principal, so that its events name their cause. Known to
 * this instance alone and for an hour; a retry elsewhere is a call like any other.
 */
export class InputRounds {
  private readonly open = new LRUCache<string, string>({ max: OPEN_ROUNDS_MAX, ttl: OPEN_MS });

  constructor(private readonly digests: KeyedDigests) {}

  /** The upstream asked back, and this event says so. */
  asked(call: AuthenticatedCall, answer: JsonObject, eventId: string): void {
    const state = isJsonObject(answer.result) ? answer.result.requestState : undefined;
    if (typeof state === 'string') this.open.set(this.keyOf(call.principal, state), eventId);
  }

  /** The event that asked for what a call brings; `null` when it answers none that is known here. */
  askedBy({ principal, params }: AuthenticatedCall): string | null {
    return typeof params.requestState === 'string' ? (this.open.get(this.keyOf(principal, params.requestState)) ?? null) : null;
  }

  private keyOf({ tenantId, issuer, subject, actors }: Principal, state: string): string {
    return this.digests.keyedDigest(tenantId, 'request-state', JSON.stringify([issuer, subject, actors, state]));
  }
}
