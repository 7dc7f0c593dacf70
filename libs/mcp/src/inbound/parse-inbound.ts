import type { IncomingHttpHeaders } from 'node:http';
import type { Json } from '@sallyport/contracts';
import { JsonFault, parseBounded } from '../json/bounded-parse.js';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import { checkEnvelope, claimsModern, META_ENVELOPE } from './envelope.js';
import type { InboundMessage, WireLimits } from './inbound-message.js';
import { checkStandardHeaders, singleHeader, targetNameOf } from './standard-headers.js';
import { ASSUMED_LEGACY_VERSION, LEGACY_VERSIONS, MODERN_VERSIONS, SUPPORTED_VERSIONS } from './versions.js';
import { WireError } from './wire-error.js';

/** Methods of the session revisions that 2026-07-28 took away; they are answered as unknown there. */
const REMOVED_IN_MODERN: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
]);
/** A method is a short word; anything longer is no method of any revision. */
const MAX_METHOD_LENGTH = 128;
const MAX_ID_LENGTH = 256;
const MAX_SESSION_ID_LENGTH = 8192;
/** Revisions are dates (versioning); those after 2026-07-01 are stateless. */
const REVISION = /^\d{4}-\d{2}-\d{2}$/;
const FIRST_MODERN_REVISION = '2026-07-28';

const isModernRevision = (version: string): boolean => REVISION.test(version) && version >= FIRST_MODERN_REVISION;

const unsupported = (requested: string, id: RequestId | null, supported: readonly string[] = SUPPORTED_VERSIONS): WireError =>
  new WireError('request.unsupported-version', 'a protocol version that is not served', {
    id,
    data: { supported, requested: requested.slice(0, 64) },
  });

/** `q=0` means never (RFC 9110, 12.5.1). */
const accepts = (header: string, type: string): boolean =>
  header.split(',').some((part) => {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const matches = range === type || range === '*/*' || range === `${type.split('/')[0]}/*`;
    return matches && !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
  });

/** What clients send, word for word, who go by the specification's example. */
const USUAL_ACCEPT = 'application/json, text/event-stream';

const checkAccept = (headers: IncomingHttpHeaders, types: readonly string[]): void => {
  const accept = headers.accept;
  if (accept === USUAL_ACCEPT) return;
  if (accept === undefined || !types.every((type) => accepts(accept, type)))
    throw new WireError('request.not-acceptable', 'the Accept header leaves out a type that answers may have');
};

const checkContentType = (headers: IncomingHttpHeaders): void => {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').split(';').map((text) => text.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (type !== 'application/json' || (charset !== undefined && !/^charset="?utf-8"?$/.test(charset)))
    throw new WireError('request.unsupported-media-type', 'the body is not application/json in UTF-8');
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw new WireError('request.unsupported-media-type', 'the body is encoded');
};

const readableId = (value: Json | undefined): RequestId | null =>
  (typeof value === 'string' && value.length <= MAX_ID_LENGTH) || (typeof value === 'number' && Number.isSafeInteger(value)) ? value : null;

const parseBody = (body: Buffer, limits: WireLimits): JsonObject => {
  let value: Json;
  try {
    value = parseBounded(body, { ...limits, exactNumbers: true });
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    const id = isJsonObject(fault.value) ? readableId(fault.value.id) : null;
    if (fault.kind === 'syntax' || fault.kind === 'encoding') throw new WireError('request.parse-error', fault.message);
    if (fault.kind === 'too-deep' || fault.kind === 'too-many-members') throw new WireError('content.arguments-too-deep', fault.message);
    throw new WireError('request.invalid', fault.message, { id, reason: fault.message });
  }
  if (Array.isArray(value)) throw new WireError('request.invalid', 'a batch', { reason: 'batches are not served' });
  if (!isJsonObject(value)) throw new WireError('request.invalid', 'the body is no object');
  if (value.jsonrpc !== '2.0') throw new WireError('request.invalid', 'not JSON-RPC 2.0', { id: readableId(value.id) });
  return value;
};

const sessionIdOf = (headers: IncomingHttpHeaders): string | null => {
  const value = singleHeader(headers, 'mcp-session-id');
  if (value !== null && (value.length === 0 || value.length > MAX_SESSION_ID_LENGTH))
    throw new WireError('session.unknown', 'a session id of impossible length');
  return value;
};

const legacyVersionOf = (headers: IncomingHttpHeaders, id: RequestId | null): string => {
  const version = singleHeader(headers, 'mcp-protocol-version');
  if (version === null) return ASSUMED_LEGACY_VERSION;
  if (!LEGACY_VERSIONS.includes(version)) throw unsupported(version, id);
  return version;
};

const parseWithoutBody = (httpMethod: 'GET' | 'DELETE', headers: IncomingHttpHeaders): InboundMessage => {
  const version = singleHeader(headers, 'mcp-protocol-version');
  if (version !== null && isModernRevision(version))
    throw new WireError('request.method-not-allowed', `${httpMethod} does not exist in ${version.slice(0, 10)}`);
  const base = { era: 'legacy', protocolVersion: legacyVersionOf(headers, null), sessionId: sessionIdOf(headers) } as const;
  if (httpMethod === 'DELETE') return { kind: 'session-delete', ...base };
  checkAccept(headers, ['text/event-stream']);
  return { kind: 'stream-open', ...base, lastEventId: singleHeader(headers, 'last-event-id') };
};

interface Call {
  readonly message: JsonObject;
  readonly method: string;
  readonly params: JsonObject;
  readonly meta: JsonObject;
}

const parseModernRequest = (call: Call, id: RequestId, headers: IncomingHttpHeaders): InboundMessage => {
  const version = checkEnvelope(call.meta, id);
  checkStandardHeaders(headers, { id, method: call.method, params: call.params, version });
  // What is named here is what `server/discover` names: revisions that take an envelope (2026-07-28, versioning).
  if (!MODERN_VERSIONS.includes(version)) throw unsupported(version, id, MODERN_VERSIONS);
  if (REMOVED_IN_MODERN.has(call.method))
    throw new WireError('request.unknown-method', `${call.method} is no method of ${version}`, { id });
  const name = targetNameOf(call.method, call.params);
  return { kind: 'request', era: 'modern', protocolVersion: version, sessionId: null, id, name, ...call };
};

const parseRequest = (call: Call, id: RequestId, headers: IncomingHttpHeaders): InboundMessage => {
  const header = singleHeader(headers, 'mcp-protocol-version');
  if (claimsModern(call.meta) || (header !== null && isModernRevision(header) && call.method !== 'initialize'))
    return parseModernRequest(call, id, headers);
  const base = {
    kind: 'request',
    era: 'legacy',
    id,
    sessionId: sessionIdOf(headers),
    name: targetNameOf(call.method, call.params),
  } as const;
  if (call.method !== 'initialize') return { ...base, protocolVersion: legacyVersionOf(headers, id), ...call };
  if (header !== null && isModernRevision(header))
    throw new WireError('request.header-mismatch', 'initialize under a modern version header', {
      id,
      reason: 'initialize belongs to the session revisions, the MCP-Protocol-Version header names a later one',
      data: { mismatch: { header: 'MCP-Protocol-Version' } },
    });
  const requested = call.params.protocolVersion;
  if (typeof requested !== 'string' || requested.length > 64)
    throw new WireError('request.invalid', 'initialize without a protocolVersion', { id, reason: 'params.protocolVersion is required' });
  return { ...base, protocolVersion: requested, ...call };
};

const parseNotification = (call: Call, headers: IncomingHttpHeaders): InboundMessage => {
  const header = singleHeader(headers, 'mcp-protocol-version');
  const claimed = call.meta[META_ENVELOPE.protocolVersion];
  const version = typeof claimed === 'string' ? claimed : header;
  if (version === null || !(isModernRevision(version) || claimed !== undefined))
    return {
      kind: 'notification',
      era: 'legacy',
      protocolVersion: legacyVersionOf(headers, null),
      sessionId: sessionIdOf(headers),
      ...call,
    };
  const method = singleHeader(headers, 'mcp-method');
  if ((header !== null && header !== version) || (method !== null && method !== call.method))
    throw new WireError('request.header-mismatch', 'the headers of a notification disagree with its body');
  if (!MODERN_VERSIONS.includes(version)) throw unsupported(version, null, MODERN_VERSIONS);
  return { kind: 'notification', era: 'modern', protocolVersion: version, sessionId: null, ...call };
};

const parseResponse = (message: JsonObject, headers: IncomingHttpHeaders): InboundMessage => {
  const id = readableId(message.id);
  if (id === null || (message.result === undefined) === (message.error === undefined))
    throw new WireError('request.invalid', 'neither a request, a notification nor a response');
  const header = singleHeader(headers, 'mcp-protocol-version');
  if (header !== null && isModernRevision(header)) throw new WireError('request.invalid', 'a response was posted in a stateless revision');
  return {
    kind: 'response',
    era: 'legacy',
    protocolVersion: legacyVersionOf(headers, null),
    sessionId: sessionIdOf(headers),
    id,
    message,
  };
};

const parseMessage = (message: JsonObject, headers: IncomingHttpHeaders): InboundMessage => {
  const { method, params: given = {} } = message;
  if (method === undefined) return parseResponse(message, headers);
  const id = message.id === undefined ? null : readableId(message.id);
  if (typeof method !== 'string' || method.length === 0 || method.length > MAX_METHOD_LENGTH)
    throw new WireError('request.invalid', 'the method is no short text', { id });
  if (!isJsonObject(given) || !(given._meta === undefined || isJsonObject(given._meta)))
    throw new WireError('request.invalid', 'params or params._meta is no object', {
      id,
      reason: 'params and params._meta must be objects',
    });
  const call = { message, method, params: given, meta: isJsonObject(given._meta) ? given._meta : {} };
  if (message.id === undefined) return parseNotification(call, headers);
  // Null and fractional ids are not MCP ids (basic, requests); an answer could not be told from another's.
  if (id === null) throw new WireError('request.invalid', 'the id is neither a text nor a whole number');
  return parseRequest(call, id, headers);
};

/**
 * Reads one HTTP request of either era, once. What comes back agrees with its headers, is within bounds, names a revision served here and
 * can be read in one way only. Throws `WireError`: `request.*` or `content.arguments-too-deep`; nothing of the request was used.
 * An `initialize` keeps the revision it asks for: negotiation answers it (2025-11-25, lifecycle).
 */
export const parseInbound = (input: {
  readonly httpMethod: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | null;
  readonly limits: WireLimits;
}): InboundMessage => {
  const { httpMethod, headers, body, limits } = input;
  if (httpMethod === 'GET' || httpMethod === 'DELETE') return parseWithoutBody(httpMethod, headers);
  if (httpMethod !== 'POST') throw new WireError('request.method-not-allowed', 'neither POST, GET nor DELETE');
  if (body !== null && body.length > limits.maxBodyBytes)
    throw new WireError('request.body-too-large', `more than ${limits.maxBodyBytes} bytes`);
  checkContentType(headers);
  checkAccept(headers, ['application/json', 'text/event-stream']);
  if (body === null || body.length === 0) throw new WireError('request.parse-error', 'no body');
  return parseMessage(parseBody(body, limits), headers);
};
