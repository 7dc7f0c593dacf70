import type { AuthorizationCall, CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type { CompiledPolicySet, PolicyEvaluation, PolicyPrincipal, PolicyQuestion, PolicyResource } from '@sallyport/domain';
import { LRUCache } from 'lru-cache';
import { ArgumentNotRepresentable, type ArgumentType, cedarArguments } from './cedar-arguments.js';
import type { Names, PolicyReads } from './cedar-expressions.js';
import { type CompiledPolicy, type Placed, SliceIndex, slotOf } from './cedar-slices.js';
import { mergeObligations } from './obligations.js';
import type { Grant } from './policy-bundle.js';

const GATEWAY: Placed = { uid: { type: 'Gateway', id: 'sallyport' }, ancestors: [] };
type Asked = Pick<AuthorizationCall, 'principal' | 'action' | 'resource' | 'context' | 'entities'>;
const EVERYTHING: Omit<PolicyReads, 'scopes'> = { principal: 'all', resource: 'all', context: 'all', arguments: 'all' };
/** Answers kept, in characters of their questions. */
const ANSWERS_CHARS_MAX = 8_000_000;
const NOTHING_MATCHES: PolicyEvaluation = { effect: 'deny', policyIds: [], obligations: [], reasons: [], scopesRead: [], fault: null };

/** A policy set compiled for Cedar. Any error of any policy that was looked at is a denial: Cedar itself would skip a `forbid` that errs. */
export class CedarEvaluator implements CompiledPolicySet {
  readonly hash: string;
  readonly engine = `cedar ${cedar.getCedarLangVersion()}`;
  readonly policyIds: readonly string[];
  private readonly byId: ReadonlyMap<string, CompiledPolicy>;
  private readonly slices: SliceIndex;
  private readonly argumentTypes: ReadonlyMap<string, ArgumentType>;
  private readonly answers = new LRUCache<string, PolicyEvaluation>({
    maxSize: ANSWERS_CHARS_MAX,
    sizeCalculation: (_answer, key) => key.length,
  });
  /** By who acts: ids of tools (`server/tool`) and of servers. */
  private readonly grants = new Map<string, Set<string>>();

  constructor(parts: {
    hash: string;
    policies: readonly CompiledPolicy[];
    argumentTypes: ReadonlyMap<string, ArgumentType>;
    grants: readonly Grant[];
  }) {
    this.hash = parts.hash;
    this.policyIds = parts.policies.map((policy) => policy.id);
    this.byId = new Map(parts.policies.map((policy) => [policy.id, policy]));
    this.slices = new SliceIndex(parts.policies, parts.hash);
    this.argumentTypes = parts.argumentTypes;
    for (const { to, tools, servers } of parts.grants) {
      this.grants.set(to, new Set([...(this.grants.get(to) ?? []), ...tools, ...servers]));
    }
  }

  evaluate(question: PolicyQuestion): PolicyEvaluation {
    const principal = principalUid(question.principal);
    const slice = this.slices.sliceFor(principal, question.action, placedResource(question.resource));
    if (slice.policies.length === 0) return NOTHING_MATCHES;
    let args: Record<string, CedarValueJson>;
    try {
      const { arguments: names } = slice.reads;
      args = cedarArguments(question.context.arguments, names === 'all' ? this.argumentTypes.keys() : names, this.argumentTypes);
    } catch (error) {
      if (error instanceof ArgumentNotRepresentable) return { ...NOTHING_MATCHES, fault: error.message };
      throw error;
    }
    const asked = this.authorizationOf(question, args, slice.reads);
    // The answer is a function of what is asked, and most calls of an agent ask the same: only what policies read is in it.
    const key = `${slice.key} ${JSON.stringify(asked)}`;
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = this.askCedar(asked, slotOf(slice));
    if (answer.fault === null) this.answers.set(key, answer);
    return answer;
  }

  /** A question in Cedar's words, with the arguments as policies may see them, and of the rest what they read. */
  authorizationOf(question: PolicyQuestion, args: Record<string, CedarValueJson>, reads: Omit<PolicyReads, 'scopes'> = EVERYTHING): Asked {
    const principal = principalUid(question.principal);
    const resource = placedResource(question.resource);
    const entities: EntityJson[] = [];
    if (reads.principal === 'all' || reads.principal.size > 0) {
      entities.push({
        uid: principal,
        attrs: only({ subject: question.principal.subject, scopes: [...question.principal.scopes] }, reads.principal),
        parents: [],
      });
    }
    const resourceAttributes = attributesOf(question.resource, resource);
    if (resourceAttributes !== null) {
      entities.push({ uid: resource.uid, attrs: only(resourceAttributes, reads.resource), parents: [...resource.ancestors] });
    }
    return {
      principal,
      action: { type: 'Action', id: question.action },
      resource: resource.uid,
      context: only(contextOf(question, args, this.isGranted(question)), reads.context),
      entities,
    };
  }

  /** The policies whose scope fits a question; their conditions are not looked at. */
  policiesAbout(question: PolicyQuestion): readonly CompiledPolicy[] {
    return this.slices.sliceFor(principalUid(question.principal), question.action, placedResource(question.resource)).policies;
  }

  policy(id: string): CompiledPolicy | undefined {
    return this.byId.get(id);
  }

  /** Which of some policies match a question without arguments; where one forbids, the others are left out. */
  matching(
    question: PolicyQuestion,
    policies: readonly CompiledPolicy[],
  ): { readonly matching: readonly CompiledPolicy[]; readonly fault: string | null } {
    if (policies.length === 0) return { matching: [], fault: null };
    const slice = this.slices.sliceOf(policies);
    const { determining, fault } = this.ask(this.authorizationOf(question, {}, slice.reads), slotOf(slice));
    return { matching: determining, fault };
  }

  /** What policies answer that match: one that forbids wins, duties alone grant nothing, a fault is a denial. */
  evaluationOf(matching: readonly CompiledPolicy[], fault: string | null): PolicyEvaluation {
    if (fault !== null) return { ...NOTHING_MATCHES, policyIds: matching.map(({ id }) => id), fault };
    const forbidding = matching.filter(({ json }) => json.effect === 'forbid');
    return forbidding.length > 0 ? this.answerOf('deny', forbidding) : this.answerOf('allow', matching);
  }

  private askCedar(asked: Asked, slot: string): PolicyEvaluation {
    const { determining, fault } = this.ask(asked, slot);
    return this.evaluationOf(determining, fault);
  }

  /** The policies that make Cedar's decision, or those that failed. */
  private ask(asked: Asked, slot: string): { readonly determining: readonly CompiledPolicy[]; readonly fault: string | null } {
    // Without the schema: the policies were checked against it, and what is asked is built to it here; checking again costs a third more.
    const answer = cedar.statefulIsAuthorized({ ...asked, preparsedPolicySetId: slot, validateRequest: false });
    if (answer.type === 'failure') {
      return { determining: [], fault: `Cedar could not evaluate: ${answer.errors.map((error) => error.message).join('; ')}` };
    }
    const { diagnostics } = answer.response;
    const named = (ids: readonly string[]): CompiledPolicy[] => ids.flatMap((id) => this.byId.get(id) ?? []);
    const failed = diagnostics.errors.map(({ policyId }) => policyId);
    if (failed.length > 0) return { determining: named(failed), fault: `policies failed: ${failed.join(', ')}` };
    return { determining: named(diagnostics.reason), fault: null };
  }

  private answerOf(decision: 'allow' | 'deny', determining: readonly CompiledPolicy[]): PolicyEvaluation {
    const due = determining.filter((policy) => policy.obligation !== null);
    const deciding = determining.filter((policy) => policy.obligation === null).sort((left, right) => (left.id < right.id ? -1 : 1));
    const reasons = deciding.flatMap((policy) => policy.reason ?? []);
    // Only duties said yes: a duty grants nothing.
    if (decision === 'allow' && deciding.length === 0) return NOTHING_MATCHES;
    const policyIds = deciding.map((policy) => policy.id);
    if (decision === 'deny') return { ...NOTHING_MATCHES, policyIds, reasons };
    const obligations = mergeObligations(due.flatMap((policy) => policy.obligation ?? []));
    return {
      effect: obligations.some((obligation) => obligation.type === 'require-approval') ? 'require-approval' : 'allow',
      policyIds: [...policyIds, ...due.map((policy) => policy.id).sort()],
      obligations,
      reasons,
      scopesRead: [...new Set(deciding.flatMap((policy) => policy.reads.scopes))].sort(),
      fault: null,
    };
  }

  private isGranted({ principal, resource }: PolicyQuestion): boolean {
    if (resource.kind !== 'tool') return false;
    const grants = this.grants.get(principal.actors[0] ?? principal.subject);
    return grants !== undefined && (grants.has(resource.tool.id) || grants.has(resource.tool.server));
  }
}

/** Of some attributes those that are read. */
const only = (attributes: Record<string, CedarValueJson>, names: Names): Record<string, CedarValueJson> => {
  if (names === 'all') return attributes;
  const read: Record<string, CedarValueJson> = {};
  for (const name of names) {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (value !== undefined) read[name] = value;
  }
  return read;
};

/** Cedar's name for who acts: the agent nearest to the call, else the subject. */
const principalUid = ({ subject, actors }: PolicyPrincipal): TypeAndId => {
  const acting = actors[0];
  if (acting !== undefined) return { type: 'Agent', id: without('agent:', acting) };
  return subject.startsWith('service:') ? { type: 'Service', id: subject.slice(8) } : { type: 'User', id: without('user:', subject) };
};

const without = (prefix: string, name: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name);

const placedResource = (resource: PolicyResource): Placed => {
  if (resource.kind === 'gateway') return GATEWAY;
  if (resource.kind === 'tool') return within('Tool', resource.tool.id, resource.tool.server);
  if (resource.kind === 'server') return { uid: { type: 'Server', id: resource.server }, ancestors: [] };
  return resource.kind === 'prompt'
    ? within('Prompt', `${resource.server}/${resource.name}`, resource.server)
    : within('Resource', `${resource.server}/${resource.uri}`, resource.server);
};

const within = (type: string, id: string, server: string): Placed => ({ uid: { type, id }, ancestors: [{ type: 'Server', id: server }] });

const attributesOf = (resource: PolicyResource, { ancestors }: Placed): Record<string, CedarValueJson> | null => {
  if (resource.kind === 'gateway' || resource.kind === 'server') return null;
  const server: CedarValueJson = { __entity: ancestors[0] ?? { type: 'Server', id: '' } };
  if (resource.kind === 'prompt') return { server, name: resource.name };
  if (resource.kind === 'resource') return { server, uri: resource.uri };
  const { tool } = resource;
  const attrs: Record<string, CedarValueJson> = { server, name: tool.name, tags: [...tool.tags] };
  if (tool.riskTier !== null) attrs.tier = tool.riskTier;
  if (tool.lifecycle !== null) attrs.lifecycle = tool.lifecycle;
  if (tool.owner !== null) attrs.owner = tool.owner;
  if (tool.dataDomain !== null) attrs.dataDomain = tool.dataDomain;
  if (tool.version !== null) attrs.version = tool.version;
  return attrs;
};

const contextOf = (
  { context, principal }: PolicyQuestion,
  args: Record<string, CedarValueJson>,
  granted: boolean,
): Record<string, CedarValueJson> => {
  const shown: Record<string, CedarValueJson> = {
    subject: principal.subject,
    actors: [...principal.actors],
    mode: context.mode,
    environment: context.environment,
    transport: context.transport,
    issuer: context.issuer,
    tokenSource: context.tokenSource,
    labels: [...context.labels],
    plan: context.plan,
    arguments: args,
    granted,
  };
  if (context.clientId !== null) shown.clientId = context.clientId;
  if (context.workflow !== null) shown.workflow = context.workflow;
  return shown;
};
