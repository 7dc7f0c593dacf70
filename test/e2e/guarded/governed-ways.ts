import { DECIDED_METHODS } from '@sallyport/domain';
import type { Cluster } from '@sallyport/testing';
import { type Asker, ask, type Request } from './asking.ts';

/** One way to a decision: a method behind a route. */
export interface GovernedWay {
  /** As the program tells it. */
  readonly route: string;
  /** As the record has it. */
  readonly method: string;
  /** Where it differs from others with the same route and method. */
  readonly door: string;
  /** What is asked, by whom. */
  request(asker: Asker): Promise<Request>;
  /** What a call costs is held and settled; nothing else moves money. */
  readonly isCharged: boolean;
  /** The code it is turned away with before it is a call, where it never becomes one; else `null`. */
  readonly turnedAwayWith: string | null;
}

/** Not methods of the protocol but acts of its transport. */
const ACTS = { 'stream/open': 'GET', 'session/delete': 'DELETE', response: 'POST' } as const;
const UNKNOWN = 'tools/steal';
const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';
/** Only the protocol of before has them: sessions, and what is sent within one. */
const OF_BEFORE = new Set([
  ...Object.keys(ACTS),
  ...['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'],
  ...['notifications/initialized', 'notifications/roots/list_changed'],
]);
const MODERN_META = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': {} };

const paramsOf = (method: string, tool: string): Record<string, unknown> => {
  if (method === 'tools/call') return { name: tool, arguments: { text: 'x' } };
  if (method === 'initialize') return { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'guarded', version: '1' } };
  if (method === 'prompts/get') return { name: 'greet' };
  if (method === 'resources/read' || method.endsWith('subscribe')) return { uri: 'note://latest' };
  if (method === 'completion/complete') return { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'a', value: 'b' } };
  if (method === 'logging/setLevel') return { level: 'info' };
  if (method === 'notifications/cancelled') return { requestId: 1 };
  if (method === 'notifications/progress') return { progressToken: 1, progress: 1 };
  return {};
};

/** The request of a method at an address, in the protocol that has it. */
const mcpRequest = (path: string, method: string, tool: string, session: string | null): Request => {
  const isModern = !OF_BEFORE.has(method) && session === null;
  const version = isModern ? MODERN : LEGACY;
  const shared = { 'mcp-protocol-version': version, ...(session === null ? {} : { 'mcp-session-id': session }) };
  if (method === 'stream/open') return { verb: 'GET', path, headers: { ...shared, accept: 'text/event-stream' }, isStream: true };
  if (method === 'session/delete') return { verb: 'DELETE', path, headers: shared };
  const headers = { ...shared, accept: 'application/json, text/event-stream' };
  if (method === 'response') return { verb: 'POST', path, headers, body: { jsonrpc: '2.0', id: 'of-the-server', result: {} } };
  const params = paramsOf(method, tool);
  const named = typeof params.name === 'string' ? params.name : typeof params.uri === 'string' ? params.uri : null;
  return {
    verb: 'POST',
    path,
    headers: { ...headers, ...(isModern ? { 'mcp-method': method, ...(named === null ? {} : { 'mcp-name': named }) } : {}) },
    body: {
      jsonrpc: '2.0',
      ...(method.startsWith('notifications/') ? {} : { id: 7 }),
      method,
      params: { ...params, ...(isModern ? { _meta: MODERN_META } : {}) },
    },
    isStream: method === 'subscriptions/listen',
  };
};

/** Begins a session as somebody at the server that has sessions. */
export const beginSession = async (cluster: Cluster, asker: Asker): Promise<string> => {
  const { headers, status, text } = await ask(cluster, asker, mcpRequest('/mcp/sessions', 'initialize', '', null));
  const session = headers.get('mcp-session-id');
  if (session === null) throw new Error(`no session: ${status} ${text.slice(0, 300)}`);
  return session;
};

/** Every method there is a rule for, the acts of the transport among them, and one that nobody knows. */
export const METHODS: readonly string[] = [...DECIDED_METHODS, UNKNOWN];

/** Sessions that were begun before the agent without a right to anything was stopped. */
export interface OldSessions {
  readonly stopped: string;
}

/**
 * Every way to a decision. `sessions` is known once the cluster is there. Strangers come with the session of somebody else: a session opens
 * nothing to who did not begin it.
 */
export const governedWays = (cluster: () => Cluster, sessions: () => OldSessions): readonly GovernedWay[] => {
  let shared: Promise<string> | undefined;
  const sessionFor = (asker: Asker, method: string): Promise<string> => {
    if (asker === 'stopped') return Promise.resolve(sessions().stopped);
    if (method === 'session/delete') return beginSession(cluster(), 'agent');
    shared ??= beginSession(cluster(), 'agent');
    return shared;
  };
  const mcp = (door: string, route: string, tool: string, hasSessions: boolean): GovernedWay[] =>
    METHODS.map((method) => ({
      route,
      method,
      door,
      request: async (asker) =>
        mcpRequest(door, method, tool, hasSessions && method !== 'initialize' ? await sessionFor(asker, method) : null),
      isCharged: method === 'tools/call',
      turnedAwayWith: turnedAway(door, method),
    }));
  return [
    ...mcp('/mcp/story', 'ALL /mcp/:server', 'echo', false),
    ...mcp('/mcp/sessions', 'ALL /mcp/:server', 'echo', true),
    ...mcp('/mcp', 'ALL /mcp', 'story__echo', false),
    {
      ...{ route: 'GET /v1/tools', method: 'tools/list', door: '/v1/tools', isCharged: false, turnedAwayWith: null },
      request: async () => ({ verb: 'GET', path: '/v1/tools' }),
    },
    {
      ...{ route: 'POST /v1/invoke', method: 'tools/call', door: '/v1/invoke', isCharged: true, turnedAwayWith: null },
      request: async () => ({ verb: 'POST', path: '/v1/invoke', body: { tool: 'story/echo', arguments: { text: 'x' } } }),
    },
  ];
};

/** What has no form where it is asked for: it is turned away at the door and never becomes a call. */
const TURNED_AWAY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/mcp': { 'session/delete': 'request.method-not-allowed' },
};

const turnedAway = (door: string, method: string): string | null => TURNED_AWAY[door]?.[method] ?? null;
