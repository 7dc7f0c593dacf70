import type { AppError } from '@sallyport/contracts';
import { type Era, type JsonObject, type RequestId, refusal, rpcError } from '@sallyport/mcp';
import type { FastifyReply } from 'fastify';
import { type Door, type Entrance, sendJson } from './door.js';
import type { ReplyStream } from './reply-stream.js';

export interface McpRefusal {
  readonly error: AppError;
  readonly callId: string;
  /** `null` for everything but a request. */
  readonly id: RequestId | null;
  readonly era: Era;
  readonly method: string;
  readonly requiredScopes: readonly string[];
}

/** Refusals of a decided request that are told by their HTTP status as well: what the protocol or OAuth wants so, and nothing else. */
const STATUS_CODES: readonly string[] = [
  'scope.insufficient',
  'request.header-mismatch',
  'request.unknown-method',
  'session.unknown',
  'identity.token-invalid',
];

/** A hidden and an absent tool read the same: the protocol's own error for a name nobody knows (2026-07-28, error codes). */
const messageOf = ({ error, callId, id, era, method }: McpRefusal): JsonObject =>
  id === null || error.code === 'tool.unknown' || STATUS_CODES.includes(error.code)
    ? rpcError({ id, error, callId })
    : refusal({ id, era, method, error, callId });

/** Words a refusal for an MCP client: within the stream where one has begun, else as an answer of its own. */
export const tellRefusal = async (
  refused: McpRefusal,
  to: { readonly reply: FastifyReply; readonly stream: ReplyStream; readonly door: Door; readonly entrance: Entrance },
): Promise<void> => {
  const { error, id, callId, requiredScopes } = refused;
  const { reply, stream, door, entrance } = to;
  const message = messageOf(refused);
  if (stream.hasBegun) {
    if (!stream.isEventStream || id === null) return stream.destroy();
    await stream.event(message);
    return stream.end();
  }
  const status = id === null || STATUS_CODES.includes(error.code) ? error.definition.http : 200;
  const headers: Record<string, string> = {};
  if (error.code === 'scope.insufficient') headers['www-authenticate'] = door.challengeOf(entrance, error, requiredScopes);
  sendJson(reply, status, callId, message, headers);
};
