import type { ErrorCode, Json, Obligation, RequestFacts, ToolRecord } from '@sallyport/contracts';
import { type IdentityDirectory, type ScopesInForce, scopesInForce } from '../identity/effective-scopes.js';
import { approvalMeets, demandedRules, type GrantInContext } from './approval-grant.js';
import { type ControlsInForce, stoppedBy } from './controls.js';
import { gatewayToolRuleOf, type MethodRule, methodRuleOf } from './method-table.js';
import type { CompiledPolicySet, PolicyContext, PolicyEvaluation, PolicyQuestion, PolicyResource } from './policy-engine.port.js';

/** One question put to the decision point: the request as recorded, and its true arguments. */
export interface DecisionRequest {
  readonly facts: RequestFacts;
  /** The arguments as sent, opened; `undefined` where there are none. */
  readonly arguments: Json | undefined;
  readonly chainId: string;
  /** The grant that the call was resumed with, where the decision point found it on the log itself. */
  readonly approval?: GrantInContext | undefined;
}

/** What the decision point knows of one tenant, at one epoch. */
export interface DecisionFacts {
  readonly policies: CompiledPolicySet;
  readonly identity: IdentityDirectory;
  readonly controls: ControlsInForce;
  isPoisoned(chainId: string): boolean;
  /** By `server/tool`. */
  tool(id: string): ToolRecord | undefined;
  /** All tools of a server in the order of their names; of all servers for `null`. */
  tools(server: string | null): readonly ToolRecord[];
  hasServer(server: string): boolean;
  /** Keeps what a principal may see for the life of these facts. A pure shortcut: leaving it out changes no answer. */
  remembered?(key: string, work: () => VisibleTools): VisibleTools;
}

export interface VisibleTools {
  readonly ids: readonly string[];
  readonly policyIds: readonly string[];
}

/** What `PolicyDecided` says, but for its number, epoch and duration. */
export interface Decision {
  readonly effect: 'allow' | 'deny' | 'require-approval';
  readonly code: ErrorCode | null;
  /**
   * Ids of policies and of built-in rules (`control.*`, `chain.*`, `catalog.*`, `scope.*`, `method.*`, `tenant.*`, `engine.*`).
   * They are for the record: with the code `tool.unknown` they tell whether the tool exists, and must not reach the agent.
   */
  readonly policyIds: readonly string[];
  readonly policySetHash: string;
  readonly engine: string;
  readonly obligations: readonly Obligation[];
  readonly reasons: readonly string[];
  readonly requiredScopes: readonly string[];
  readonly visible: readonly string[] | null;
  /** The grant that met what the policies demand of people; absent when they demand nothing or it was not met. */
  readonly approvalId?: string;
}

/** Stands in for the policy set of a tenant that has none: SHA-256 of nothing. */
export const NO_POLICY_SET = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const VISIBLE_MAX = 5000;

/**
 * Decides one request. Pure, and closed in every corner: what is unknown, stopped, poisoned, incomplete, not allowed or not answerable is
 * denied, in that order, and only a policy that says yes makes an `allow`. `facts` is `null` for a tenant nobody declared.
 * A principal that may not even know of a tool is told the same as for a tool that does not exist.
 * A grant in the context meets the demand for a person and nothing else: everything is decided anew with it as without it.
 */
export const decideCall = (request: DecisionRequest, facts: DecisionFacts | null): Decision => {
  if (facts === null) return refusal(null, 'policy.denied', 'tenant.unknown', 'The tenant is not known.');
  const { principal, target, method } = request.facts;
  const toolId = target.kind === 'tool' && target.server !== null && target.name !== null ? `${target.server}/${target.name}` : null;
  const stop = stoppedBy(facts.controls, principal, { server: target.server, tool: toolId });
  if (stop !== null) return refusal(facts, 'control.killed', stop, 'An operator has stopped this.');
  if (facts.isPoisoned(request.chainId)) {
    return refusal(facts, 'chain.poisoned', 'chain.poisoned', 'An earlier event of this chain could not be handled.');
  }
  const rule = methodRuleOf(method);
  if (rule === null) return refusal(facts, 'request.unknown-method', 'method.unknown', 'The method is not known.');
  const scopes = scopesInForce(principal, facts.identity);
  if (rule.on === 'tool' && target.kind === 'gateway') {
    const own = gatewayToolRuleOf(target.name);
    return own === null ? noSuchTool(facts, 'tool.unknown') : decideOther(request, facts, scopes, own);
  }
  if (rule.on === 'tool') return toolId === null ? noSuchTool(facts, 'tool.unknown') : decideTool(request, facts, scopes, toolId);
  if (target.server !== null && !facts.hasServer(target.server)) {
    return refusal(facts, 'policy.denied', 'server.unknown', 'The server is not in the catalog.');
  }
  if (rule.on === 'visible-tools') return decideVisible(request, facts, scopes);
  return decideOther(request, facts, scopes, rule);
};

const decideTool = (request: DecisionRequest, facts: DecisionFacts, scopes: ScopesInForce, toolId: string): Decision => {
  const tool = facts.tool(toolId);
  if (tool === undefined) return noSuchTool(facts, 'tool.unknown');
  const resource: PolicyResource = { kind: 'tool', tool };
  const may = (action: 'call' | 'list', withScopes: readonly string[]): PolicyEvaluation =>
    facts.policies.evaluate(questionOf(request, action, resource, withScopes, action === 'call' ? request.arguments : undefined));
  const unfit = notCallable(tool, request.facts.tool);
  if (unfit !== null) {
    if (may('list', scopes.effective).effect === 'deny') return noSuchTool(facts, 'tool.hidden');
    return refusal(facts, 'catalog.not-callable', unfit.ruleId, unfit.reason);
  }
  const answer = may('call', scopes.effective);
  const lacking = tool.scopes.filter((scope) => !scopes.effective.includes(scope));
  if (answer.effect !== 'deny' && lacking.length === 0) return withApproval(permitted(facts, answer, null), request);
  if (answer.fault !== null) return unanswerable(facts, answer);
  if (tool.scopes.every((scope) => scopes.ceiling.includes(scope))) {
    const step = stepUp(request, facts, scopes, may('call', scopes.ceiling), tool.scopes);
    if (step !== null) return step;
  }
  if (may('list', scopes.effective).effect === 'deny') return noSuchTool(facts, 'tool.hidden');
  if (answer.effect !== 'deny') {
    return refusal(facts, 'policy.denied', 'scope.ceiling', 'The tool asks for scopes that the user or the agent does not have.');
  }
  return denied(facts, answer);
};

/** What keeps a tool from being called; `null` when nothing does. A call that was checked against another definition is one to another tool. */
const notCallable = (tool: ToolRecord, referred: RequestFacts['tool']): { readonly ruleId: string; readonly reason: string } | null => {
  if (tool.missing.length > 0)
    return { ruleId: 'catalog.not-callable', reason: `The catalog record is not complete: ${tool.missing.join(', ')}.` };
  if (referred !== null && (referred.id !== tool.id || referred.definitionDigest !== tool.pinnedDigest))
    return { ruleId: 'catalog.pin-changed', reason: 'The call was prepared for another definition of the tool than the pinned one.' };
  return null;
};

/** Lets a grant that answers what is demanded now take the place of asking. */
const withApproval = (decision: Decision, { approval, facts }: DecisionRequest): Decision => {
  const demanded = demandedRules(decision.obligations);
  if (approval === undefined || demanded === null || !approvalMeets(approval, facts, demanded)) return decision;
  return {
    ...decision,
    effect: 'allow',
    obligations: decision.obligations.filter(({ type }) => type !== 'require-approval'),
    approvalId: approval.grant.approvalId,
  };
};

const decideOther = (request: DecisionRequest, facts: DecisionFacts, scopes: ScopesInForce, rule: MethodRule): Decision => {
  const resource = resourceOf(request.facts, rule);
  if (resource === null) return refusal(facts, 'policy.denied', 'target.mismatch', 'The method does not fit its target.');
  const may = (withScopes: readonly string[]): PolicyEvaluation =>
    facts.policies.evaluate(questionOf(request, rule.action, resource, withScopes, undefined));
  const answer = may(scopes.effective);
  if (answer.effect !== 'deny') return permitted(facts, answer, null);
  if (answer.fault !== null) return unanswerable(facts, answer);
  return stepUp(request, facts, scopes, may(scopes.ceiling), []) ?? denied(facts, answer);
};

/** A list is always answered, with what may be both known and called: nothing else is shown. */
const decideVisible = (request: DecisionRequest, facts: DecisionFacts, scopes: ScopesInForce): Decision => {
  const { principal, target } = request.facts;
  const work = (): VisibleTools => visibleTools(request, facts, scopes);
  const { mode, environment, issuer, tokenSource, clientId, workflow, subject, actors, tokenId } = principal;
  const key = JSON.stringify([
    [target.server, request.facts.transport, request.facts.purpose],
    [subject, actors, scopes.effective, tokenId ?? null],
    [mode, environment, issuer, tokenSource, clientId, workflow, request.facts.labels],
  ]);
  const seen = facts.remembered === undefined ? work() : facts.remembered(key, work);
  return {
    ...verdict(facts, 'allow', null),
    policyIds: seen.policyIds.slice(0, 64),
    visible: seen.ids.slice(0, VISIBLE_MAX),
  };
};

const visibleTools = (request: DecisionRequest, facts: DecisionFacts, scopes: ScopesInForce): VisibleTools => {
  const ids: string[] = [];
  const policyIds = new Set<string>();
  for (const tool of facts.tools(request.facts.target.server)) {
    if (tool.missing.length > 0 || tool.scopes.some((scope) => !scopes.effective.includes(scope))) continue;
    if (stoppedBy(facts.controls, request.facts.principal, { server: tool.server, tool: tool.id }) !== null) continue;
    const resource: PolicyResource = { kind: 'tool', tool };
    const listed = facts.policies.evaluate(questionOf(request, 'list', resource, scopes.effective, undefined));
    if (listed.effect === 'deny') continue;
    const called = facts.policies.evaluate(questionOf(request, 'call', resource, scopes.effective, undefined));
    if (called.effect === 'deny') continue;
    ids.push(tool.id);
    for (const id of called.policyIds) policyIds.add(id);
  }
  return { ids, policyIds: [...policyIds].sort() };
};

const resourceOf = ({ target }: RequestFacts, rule: MethodRule): PolicyResource | null => {
  if (rule.on === 'content' && target.server !== null && target.name !== null) {
    if (target.kind === 'prompt') return { kind: 'prompt', server: target.server, name: target.name };
    if (target.kind === 'resource') return { kind: 'resource', server: target.server, uri: target.name };
  }
  if (target.server !== null) return { kind: 'server', server: target.server };
  return target.kind === 'gateway' ? { kind: 'gateway' } : null;
};

const questionOf = (
  { facts }: DecisionRequest,
  action: PolicyQuestion['action'],
  resource: PolicyResource,
  scopes: readonly string[],
  args: Json | undefined,
): PolicyQuestion => {
  const { principal } = facts;
  const context: PolicyContext = {
    mode: principal.mode,
    environment: principal.environment,
    transport: facts.transport,
    issuer: principal.issuer,
    tokenSource: principal.tokenSource,
    clientId: principal.clientId,
    workflow: principal.workflow,
    labels: facts.labels,
    plan: facts.purpose === 'plan',
    arguments: args,
  };
  return { principal: { subject: principal.subject, actors: principal.actors, scopes }, action, resource, context };
};

/** A new token may help: everything the user and the agents may do would allow it, this token does not carry it. All scopes are named at once. */
const stepUp = (
  request: DecisionRequest,
  facts: DecisionFacts,
  scopes: ScopesInForce,
  withCeiling: PolicyEvaluation,
  toolScopes: readonly string[],
): Decision | null => {
  if (withCeiling.effect === 'deny' || scopes.ceiling.length === scopes.effective.length) return null;
  const asked = [...new Set([...toolScopes, ...withCeiling.scopesRead.filter((scope) => scopes.ceiling.includes(scope))])].sort();
  const carried = request.facts.principal.scopes;
  const required = asked.some((scope) => !carried.includes(scope)) ? asked : scopes.ceiling;
  return {
    ...refusal(facts, 'scope.insufficient', 'scope.token', 'The token does not carry a scope that this needs.'),
    requiredScopes: required.slice(0, 32),
  };
};

const verdict = (facts: DecisionFacts | null, effect: Decision['effect'], code: ErrorCode | null): Decision => ({
  effect,
  code,
  policyIds: [],
  policySetHash: facts?.policies.hash ?? NO_POLICY_SET,
  engine: facts?.policies.engine ?? 'none',
  obligations: [],
  reasons: [],
  requiredScopes: [],
  visible: null,
});

const refusal = (facts: DecisionFacts | null, code: ErrorCode, ruleId: string, reason: string): Decision => ({
  ...verdict(facts, 'deny', code),
  policyIds: [ruleId],
  reasons: [reason.slice(0, 256)],
});

/** The same words for a tool that does not exist and for one that this principal may not know of. */
const noSuchTool = (facts: DecisionFacts, ruleId: string): Decision =>
  refusal(facts, 'tool.unknown', ruleId, 'There is no such tool for you.');

const unanswerable = (facts: DecisionFacts, answer: PolicyEvaluation): Decision => ({
  ...refusal(facts, 'policy.denied', 'engine.failed', 'The policies could not be evaluated, so the answer is no.'),
  policyIds: ['engine.failed', ...answer.policyIds].slice(0, 64),
});

const denied = (facts: DecisionFacts, answer: PolicyEvaluation): Decision => {
  if (answer.policyIds.length === 0) return refusal(facts, 'policy.denied', 'default.deny', 'No policy allows this.');
  return { ...verdict(facts, 'deny', 'policy.denied'), policyIds: answer.policyIds.slice(0, 64), reasons: answer.reasons.slice(0, 64) };
};

const permitted = (facts: DecisionFacts, answer: PolicyEvaluation, visible: readonly string[] | null): Decision => ({
  ...verdict(facts, answer.effect, null),
  policyIds: answer.policyIds.slice(0, 64),
  obligations: answer.obligations,
  reasons: answer.reasons.slice(0, 64),
  visible,
});
