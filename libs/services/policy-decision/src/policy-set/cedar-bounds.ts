import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type { CompiledPolicySet, PolicyBounds, PolicyEvaluation, PolicyQuestion } from '@sallyport/domain';
import { LRUCache } from 'lru-cache';
import type { CedarEvaluator } from './cedar-evaluator.js';
import type { CompiledPolicy } from './cedar-slices.js';

/** What is not known of a call before it is made and is always there when it is. */
const UNKNOWN_ALWAYS_THERE = ['arguments', 'environment', 'issuer', 'labels', 'mode', 'tokenSource', 'transport'];
/** What may be absent as well: Cedar's partial evaluation takes an unknown for something that is there. */
const UNKNOWN_OR_ABSENT = ['clientId', 'workflow'];
const UNKNOWN = [...UNKNOWN_ALWAYS_THERE, ...UNKNOWN_OR_ABSENT];
const WEIGHED_CHARS_MAX = 8_000_000;

/** The policies about a question: those that match it, and those of which only the call will tell. */
interface Weighed {
  readonly matching: readonly CompiledPolicy[];
  readonly open: readonly CompiledPolicy[];
  readonly fault: string | null;
}

const unknown = (name: string): CedarValueJson => ({ __extn: { fn: 'unknown', arg: name } });

const reads = ({ reads: { context } }: CompiledPolicy, names: readonly string[]): boolean =>
  context === 'all' || names.some((name) => context.has(name));

/**
 * A compiled set asked before everything is known. Policies that read nothing unknown are evaluated as in a call; of the others, Cedar's partial
 * evaluation tells which are settled all the same, and the rest is open.
 */
export class CedarBounds implements PolicyBounds {
  readonly least: CompiledPolicySet;
  readonly most: CompiledPolicySet;
  private readonly weighed = new LRUCache<string, Weighed>({ maxSize: WEIGHED_CHARS_MAX, sizeCalculation: (_weighed, key) => key.length });

  constructor(private readonly evaluator: CedarEvaluator) {
    const bound = (evaluate: (weighed: Weighed) => PolicyEvaluation): CompiledPolicySet => ({
      ...{ hash: evaluator.hash, engine: evaluator.engine, policyIds: evaluator.policyIds },
      evaluate: (question) => evaluate(this.weigh(question)),
    });
    this.least = bound((weighed) => this.leastOf(weighed));
    this.most = bound((weighed) => this.mostOf(weighed));
  }

  dependsOn(policyIds: readonly string[]): readonly string[] {
    const policies = policyIds.flatMap((id) => this.evaluator.policy(id) ?? []);
    return UNKNOWN.filter((name) => policies.some((policy) => reads(policy, [name]))).sort();
  }

  /** Every open `forbid` forbids, every open duty is due, no open `permit` permits. */
  private leastOf({ matching, open, fault }: Weighed): PolicyEvaluation {
    const against = open.filter(({ json, obligation }) => json.effect === 'forbid' || obligation !== null);
    return this.evaluator.evaluationOf([...matching, ...against], fault);
  }

  /** No open `forbid` forbids and no open duty is due; open `permit`s permit where nothing else does. */
  private mostOf({ matching, open, fault }: Weighed): PolicyEvaluation {
    const grants = ({ json, obligation }: CompiledPolicy): boolean => json.effect === 'permit' && obligation === null;
    return this.evaluator.evaluationOf(matching.some(grants) ? matching : [...matching, ...open.filter(grants)], fault);
  }

  private weigh(question: PolicyQuestion): Weighed {
    const policies = this.evaluator.policiesAbout(question);
    const asked = this.evaluator.authorizationOf(question, {});
    const key = `${policies.map(({ id }) => id).join(' ')} ${JSON.stringify(asked)}`;
    const known = this.weighed.get(key);
    if (known !== undefined) return known;
    const told = policies.filter((policy) => !reads(policy, UNKNOWN));
    const { matching, fault } = this.evaluator.matching(question, told);
    const open = policies.filter((policy) => reads(policy, UNKNOWN));
    const weighed = this.settle(asked, { matching, open, fault });
    this.weighed.set(key, weighed);
    return weighed;
  }

  /** Finds among the open ones those that match, or cannot match, whatever is not known. */
  private settle(asked: ReturnType<CedarEvaluator['authorizationOf']>, weighed: Weighed): Weighed {
    const partial = weighed.open.filter((policy) => !reads(policy, UNKNOWN_OR_ABSENT));
    if (partial.length === 0) return weighed;
    const unknowns = Object.fromEntries(UNKNOWN_ALWAYS_THERE.map((name) => [name, unknown(name)]));
    const answer = cedar.isAuthorizedPartial({
      ...asked,
      context: { ...asked.context, ...unknowns },
      policies: { staticPolicies: Object.fromEntries(partial.map(({ id, text }) => [id, text])) },
    });
    if (answer.type === 'failure') return weighed;
    const { satisfied, errored, nontrivialResiduals } = answer.response;
    const settled = new Set(partial.map(({ id }) => id).filter((id) => !nontrivialResiduals.includes(id)));
    return {
      matching: [...weighed.matching, ...partial.filter(({ id }) => satisfied.includes(id))],
      open: weighed.open.filter(({ id }) => !settled.has(id)),
      fault: weighed.fault ?? (errored.length === 0 ? null : `policies failed: ${errored.join(', ')}`),
    };
  }
}
