import { AppError, type Json } from '@sallyport/contracts';
import { META_ENVELOPE } from '../inbound/envelope.js';
import { standardHeaders } from '../inbound/standard-headers.js';
import { type Era, LATEST_LEGACY_VERSION, LATEST_MODERN_VERSION, LEGACY_VERSIONS } from '../inbound/versions.js';
import { isJsonObject, type JsonObject } from '../json/json-types.js';
import type { AnswerLimits } from '../rewrite/rewrite-options.js';
import { postMessage, quietly, refusedBy } from './post-message.js';
import type { ServerInfo } from './tool-definition.js';
import type { UpstreamHttp } from './upstream-http.js';

/** Older session revisions that an upstream may still insist on: the part of them that we use did not change. */
const TOLERATED_VERSIONS: readonly string[] = ['2025-03-26', '2024-11-05'];

/** How an upstream wants to be spoken to. */
export interface Verdict {
  readonly era: Era;
  readonly protocolVersion: string;
  readonly serverInfo: ServerInfo;
}

/** A session with a legacy upstream; `id` is null where the upstream keeps none. */
export interface LegacySession extends Verdict {
  readonly id: string | null;
}

export interface Handshake {
  readonly http: UpstreamHttp;
  readonly clientInfo: ServerInfo;
  readonly limits: AnswerLimits;
  readonly token: string | null;
  readonly signal: AbortSignal;
}

const serverInfoOf = (value: Json | undefined): ServerInfo => ({
  name: isJsonObject(value) && typeof value.name === 'string' ? value.name : 'unknown',
  version: isJsonObject(value) && typeof value.version === 'string' ? value.version : 'unknown',
});

/** The `_meta` of a modern request: the envelope fields over what the caller gave. */
export const modernMeta = (meta: JsonObject, clientInfo: ServerInfo, clientCapabilities: JsonObject): JsonObject => ({
  ...meta,
  [META_ENVELOPE.protocolVersion]: LATEST_MODERN_VERSION,
  [META_ENVELOPE.clientCapabilities]: clientCapabilities,
  [META_ENVELOPE.clientInfo]: { name: clientInfo.name, version: clientInfo.version },
});

const modernVerdictOf = (result: JsonObject): Verdict | null => {
  if (!Array.isArray(result.supportedVersions) || !result.supportedVersions.includes(LATEST_MODERN_VERSION)) return null;
  const meta = isJsonObject(result._meta) ? result._meta : {};
  return { era: 'modern', protocolVersion: LATEST_MODERN_VERSION, serverInfo: serverInfoOf(meta[META_ENVELOPE.serverInfo]) };
};

/**
 * Asks an upstream whether it speaks the stateless revision (`server/discover`); `null` means that it wants `initialize`. Asking changes
 * nothing there. Throws `upstream.*` when the upstream is away, refuses the token or fails, which says nothing about its era.
 */
export const discover = async (handshake: Handshake): Promise<Verdict | null> => {
  const { http, token, signal, limits, clientInfo } = handshake;
  const message = { jsonrpc: '2.0', id: 'discover', method: 'server/discover', params: { _meta: modernMeta({}, clientInfo, {}) } };
  const { status, response } = await postMessage(http, { message, headers: standardHeaders({ message }), token, signal, limits });
  if (status === 401 || status === 403 || status >= 500) throw refusedBy(http.route.server, status);
  return response !== null && isJsonObject(response.result) ? modernVerdictOf(response.result) : null;
};

/** Opens a session (2025-11-25, lifecycle). Throws `upstream.answer-invalid` when the upstream answers with a revision nobody here speaks. */
export const initialize = async (handshake: Handshake): Promise<LegacySession> => {
  const { http, token, signal, limits, clientInfo } = handshake;
  const message = {
    jsonrpc: '2.0',
    id: 'initialize',
    method: 'initialize',
    params: {
      protocolVersion: LATEST_LEGACY_VERSION,
      capabilities: {},
      clientInfo: { name: clientInfo.name, version: clientInfo.version },
    },
  };
  const { status, headers, response } = await postMessage(http, { message, headers: {}, token, signal, limits });
  if (response === null || !isJsonObject(response.result)) {
    if (status >= 400) throw refusedBy(http.route.server, status);
    throw new AppError('upstream.answer-invalid', `${http.route.server} refused to initialize`, { detail: { reached: 'yes' } });
  }
  const version = response.result.protocolVersion;
  if (typeof version !== 'string' || !(LEGACY_VERSIONS.includes(version) || TOLERATED_VERSIONS.includes(version)))
    throw new AppError('upstream.answer-invalid', `${http.route.server} speaks an unknown revision`, { detail: { reached: 'yes' } });
  const id = headers['mcp-session-id'] ?? null;
  const session: LegacySession = { era: 'legacy', protocolVersion: version, serverInfo: serverInfoOf(response.result.serverInfo), id };
  await quietly(
    postMessage(http, {
      message: { jsonrpc: '2.0', method: 'notifications/initialized' },
      headers: sessionHeaders(session),
      token,
      signal,
      limits,
    }),
  );
  return session;
};

/** The headers of every later message in a session. */
export const sessionHeaders = (session: LegacySession): Record<string, string> => ({
  'mcp-protocol-version': session.protocolVersion,
  ...(session.id === null ? {} : { 'mcp-session-id': session.id }),
});
