import type { Json, Obligation, ToolRecord } from '@sallyport/contracts';

/** What a policy can be asked about. `list` is knowing that a thing exists, `call` is using a tool, `read` is fetching content. */
export const POLICY_ACTIONS = ['list', 'call', 'read', 'session', 'subscribe'] as const;
export type PolicyAction = (typeof POLICY_ACTIONS)[number];

/** The thing asked about, as policies see it. */
export type PolicyResource =
  | { readonly kind: 'tool'; readonly tool: ToolRecord }
  | { readonly kind: 'server'; readonly server: string }
  | { readonly kind: 'prompt'; readonly server: string; readonly name: string }
  | { readonly kind: 'resource'; readonly server: string; readonly uri: string }
  | { readonly kind: 'gateway' };

/** Who asks, as policies see it: the agent that acts, or the subject itself when nobody acts for it. */
export interface PolicyPrincipal {
  /** `user:<sub>` or `service:<sub>`. */
  readonly subject: string;
  readonly actors: readonly string[];
  /** Scopes after every ceiling was applied. */
  readonly scopes: readonly string[];
}

/** Everything else a policy may read. All of it was verified or computed here; what an agent claims of itself is not among it. */
export interface PolicyContext {
  readonly mode: string;
  readonly environment: string;
  readonly transport: string;
  readonly issuer: string;
  readonly tokenSource: string;
  readonly clientId: string | null;
  /** The workflow claim verified in the token. */
  readonly workflow: string | null;
  /** What the content detectors found in the arguments. */
  readonly labels: readonly string[];
  readonly plan: boolean;
  /** The true arguments; `undefined` where there are none (yet). */
  readonly arguments: Json | undefined;
}

export interface PolicyQuestion {
  readonly principal: PolicyPrincipal;
  readonly action: PolicyAction;
  readonly resource: PolicyResource;
  readonly context: PolicyContext;
}

/** One answer. `deny` with a `fault` means that the question could not be answered, which is a denial like any other. */
export interface PolicyEvaluation {
  readonly effect: 'allow' | 'deny' | 'require-approval';
  /** The policies that made the effect; empty where nothing allowed it. */
  readonly policyIds: readonly string[];
  readonly obligations: readonly Obligation[];
  /** What the authors of those policies say about them. */
  readonly reasons: readonly string[];
  /** Scopes that the policies behind an `allow` ask for. */
  readonly scopesRead: readonly string[];
  /** Why the engine could not answer, without content; for the log and the record. */
  readonly fault: string | null;
}

/** A policy set ready to be asked. Pure: the same question has the same answer for the life of the set. */
export interface CompiledPolicySet {
  /** `sha256:` digest of everything that decides: policies, schema, grants, identities. */
  readonly hash: string;
  readonly engine: string;
  readonly policyIds: readonly string[];
  evaluate(question: PolicyQuestion): PolicyEvaluation;
}

/** A policy set asked before everything about a call is known: arguments, labels of their content, and what only the token of the call says. */
export interface PolicyBounds {
  /** Takes everything that is not known for the worse. What it allows is allowed whatever the call turns out to be. */
  readonly least: CompiledPolicySet;
  /** Takes everything that is not known for the better. What it denies is denied whatever the call turns out to be. */
  readonly most: CompiledPolicySet;
  /** What the policies read of the things that are not known: `arguments`, `labels`, `mode` and the like, sorted. */
  dependsOn(policyIds: readonly string[]): readonly string[];
}

/** One thing wrong with a policy set. */
export interface PolicyFault {
  readonly file: string;
  /** The policy at fault; `null` where the file itself is. */
  readonly policyId: string | null;
  readonly message: string;
}

const refusing = (fault: string): PolicyEvaluation => ({
  effect: 'deny',
  policyIds: [],
  obligations: [],
  reasons: [],
  scopesRead: [],
  fault,
});

/** Wraps a set so that it answers `deny` where it would throw. `onFault` learns the cause; the answer names none. */
export const failClosed = (inner: CompiledPolicySet, onFault: (error: unknown) => void): CompiledPolicySet => ({
  hash: inner.hash,
  engine: inner.engine,
  policyIds: inner.policyIds,
  evaluate: (question) => {
    try {
      return inner.evaluate(question);
    } catch (error) {
      onFault(error);
      return refusing('the policy engine failed');
    }
  },
});
