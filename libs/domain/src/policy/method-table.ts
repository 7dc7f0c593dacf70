import type { PolicyAction } from './policy-engine.port.js';

/** How a method is decided: which action it is, and on what. */
export interface MethodRule {
  readonly action: PolicyAction;
  /**
   * `tool`: the tool of the target. `visible-tools`: which tools may be shown. `content`: the prompt or resource of the target.
   * `server`: the server of the target, or the gateway itself.
   */
  readonly on: 'tool' | 'visible-tools' | 'content' | 'server';
}

const session: MethodRule = { action: 'session', on: 'server' };
const listing: MethodRule = { action: 'list', on: 'server' };
const content: MethodRule = { action: 'read', on: 'content' };
const subscription: MethodRule = { action: 'subscribe', on: 'content' };

/**
 * Every method that is decided: MCP 2025-06-18, 2025-11-25 and 2026-07-28, the acts of the transport that have no method of their own
 * (`stream/open`, `session/delete`, `response`: an answer to something the server asked), and REST, which borrows the tool methods.
 * What is not in it is denied: a method that nobody has thought about moves no byte.
 */
const METHOD_RULES: ReadonlyMap<string, MethodRule> = new Map<string, MethodRule>([
  ['tools/call', { action: 'call', on: 'tool' }],
  ['tools/list', { action: 'list', on: 'visible-tools' }],
  ['prompts/list', listing],
  ['resources/list', listing],
  ['resources/templates/list', listing],
  ['prompts/get', content],
  ['resources/read', content],
  ['completion/complete', content],
  ['resources/subscribe', subscription],
  ['resources/unsubscribe', subscription],
  ['subscriptions/listen', { action: 'subscribe', on: 'server' }],
  ['initialize', session],
  ['server/discover', session],
  ['ping', session],
  ['logging/setLevel', session],
  ['notifications/initialized', session],
  ['notifications/cancelled', session],
  ['notifications/progress', session],
  ['notifications/roots/list_changed', session],
  ['stream/open', session],
  ['session/delete', session],
  ['response', session],
]);

/** The tool of the gateway's own that tells what became of a question to people. */
export const APPROVAL_STATUS_TOOL = 'approval_status';

/** The rule of a tool of the gateway's own, which touches no server: as free as a session. `null` for a name that is none. */
export const gatewayToolRuleOf = (name: string | null): MethodRule | null => (name === APPROVAL_STATUS_TOOL ? session : null);

/** The rule of a method; `null` for one that is not known, which is denied. */
export const methodRuleOf = (method: string): MethodRule | null => METHOD_RULES.get(method) ?? null;

/** Every method that has a rule. */
export const DECIDED_METHODS: readonly string[] = [...METHOD_RULES.keys()];
