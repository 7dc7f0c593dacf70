import type { JsonObject, RequestId } from '../json/json-types.js';
import type { Era } from './versions.js';

/** Bounds of one message. */
export interface WireLimits {
  readonly maxBodyBytes: number;
  /** Nesting of arrays and objects; the message itself is 1. */
  readonly maxDepth: number;
  /** Object members and array elements in the whole message. */
  readonly maxMembers: number;
}

interface InboundBase {
  readonly era: Era;
  /** The revision the client says it speaks; the oldest served one when a legacy client does not say. For `initialize`: the one it asks for. */
  readonly protocolVersion: string;
  /** `Mcp-Session-Id` as it came; always `null` in the modern era, which ignores it. */
  readonly sessionId: string | null;
}

export interface InboundRequest extends InboundBase {
  readonly kind: 'request';
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  /** The whole message as it was parsed. */
  readonly message: JsonObject;
  /** What the request is aimed at: tool or prompt name, resource URI, task id; `null` for every other method. */
  readonly name: string | null;
  /** `params._meta`, empty when there is none. */
  readonly meta: JsonObject;
}

export interface InboundNotification extends InboundBase {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: JsonObject;
  readonly message: JsonObject;
  readonly meta: JsonObject;
}

/** The client's answer to a request of the server. */
export interface InboundResponse extends InboundBase {
  readonly kind: 'response';
  readonly era: 'legacy';
  readonly id: RequestId;
  readonly message: JsonObject;
}

export interface InboundStreamOpen extends InboundBase {
  readonly kind: 'stream-open';
  readonly era: 'legacy';
  readonly lastEventId: string | null;
}

export interface InboundSessionDelete extends InboundBase {
  readonly kind: 'session-delete';
  readonly era: 'legacy';
}

export type InboundMessage = InboundRequest | InboundNotification | InboundResponse | InboundStreamOpen | InboundSessionDelete;
