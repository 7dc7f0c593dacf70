import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import { WireError } from './wire-error.js';

/** Names of the fields that a modern request carries in `params._meta` (2026-07-28, basic, per-request metadata). */
export const META_ENVELOPE = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** Whether a message says by its body that it is modern. */
export const claimsModern = (meta: JsonObject): boolean => Object.hasOwn(meta, META_ENVELOPE.protocolVersion);

/**
 * Checks the fields that every modern request must carry. Throws `request.envelope-invalid` naming the first that is missing or malformed.
 * `clientInfo` is optional and claimed by the client: malformed it is refused, present it is never an identity.
 */
export const checkEnvelope = (meta: JsonObject, id: RequestId): string => {
  const version = meta[META_ENVELOPE.protocolVersion];
  if (typeof version !== 'string' || version.length === 0) throw invalid(id, META_ENVELOPE.protocolVersion);
  if (!isJsonObject(meta[META_ENVELOPE.clientCapabilities])) throw invalid(id, META_ENVELOPE.clientCapabilities);
  const info = meta[META_ENVELOPE.clientInfo];
  if (info !== undefined && !(isJsonObject(info) && typeof info.name === 'string' && typeof info.version === 'string'))
    throw invalid(id, META_ENVELOPE.clientInfo);
  return version;
};

const invalid = (id: RequestId, key: string): WireError =>
  new WireError('request.envelope-invalid', `_meta ${key} is missing or malformed`, {
    id,
    reason: `params._meta["${key}"] is missing or malformed`,
    data: { envelope: { key } },
  });
