import type { Json } from '@sallyport/contracts';
import { type InboundMessage, isJsonObject, type JsonObject } from '@sallyport/mcp';
import type { AuthenticatedCall } from '../invoke/authenticated-call.js';

type Target = AuthenticatedCall['target'];

/** What a message asks for: its method and target for the decision, its parameters for inspection. */
export interface MessageAct {
  readonly method: string;
  readonly target: Target;
  /** With `_meta`. */
  readonly params: JsonObject;
}

/** Methods whose answer stays open for as long as both sides want. */
export const STREAM_METHODS: readonly string[] = ['subscriptions/listen', 'stream/open'];

const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);

const completionTarget = (server: string, params: JsonObject): Target => {
  const ref = isJsonObject(params.ref) ? params.ref : {};
  if (ref.type === 'ref/prompt') return { kind: 'prompt', server, name: text(ref.name) };
  return { kind: 'resource', server, name: text(ref.uri) };
};

const targetOf = (server: string, method: string, params: JsonObject): Target => {
  switch (method) {
    case 'tools/call':
      return { kind: 'tool', server, name: text(params.name) };
    case 'prompts/get':
      return { kind: 'prompt', server, name: text(params.name) };
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return { kind: 'resource', server, name: text(params.uri) };
    case 'completion/complete':
      return completionTarget(server, params);
    default:
      return { kind: 'server', server, name: null };
  }
};

/** Reads a message as an act on a server. Acts of the transport that have no method get the names the decision point knows. */
export const actOf = (server: string, inbound: InboundMessage): MessageAct => {
  const onServer: Target = { kind: 'server', server, name: null };
  switch (inbound.kind) {
    case 'request':
    case 'notification':
      return { method: inbound.method, target: targetOf(server, inbound.method, inbound.params), params: inbound.params };
    case 'response': {
      const { result, error } = inbound.message;
      return { method: 'response', target: onServer, params: result === undefined ? { error: error ?? null } : { result } };
    }
    case 'stream-open':
      return { method: 'stream/open', target: onServer, params: {} };
    case 'session-delete':
      return { method: 'session/delete', target: onServer, params: {} };
  }
};
