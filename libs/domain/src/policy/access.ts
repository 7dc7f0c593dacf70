import type { ErrorCode, Obligation, Principal } from '@sallyport/contracts';
import { type Decision, type DecisionFacts, decideCall } from './decision.js';
import type { PolicyBounds } from './policy-engine.port.js';

/** Who would call what; the scopes of the principal are those it would have with the best token there is. */
export interface AccessQuestion {
  readonly principal: Principal;
  readonly server: string;
  readonly name: string;
}

/** Whether somebody may call a tool, before there is a call. */
export interface Access {
  /** `depends`: on what only the call will tell. */
  readonly answer: 'allow' | 'ask' | 'depends' | 'deny';
  readonly code: ErrorCode | null;
  readonly policyIds: readonly string[];
  readonly reasons: readonly string[];
  readonly dependsOn: readonly string[];
  readonly obligations: readonly Obligation[];
}

const ANSWERS = { allow: 'allow', 'require-approval': 'ask', deny: 'deny' } as const;

/**
 * Asks the function that decides calls twice: with everything that is not known taken for the worse, and for the better. Where both say the same,
 * so will the call, whatever it is; else it depends. What is not known is therefore never taken for a yes.
 */
export const accessOf = (question: AccessQuestion, facts: DecisionFacts, bounds: PolicyBounds): Access => {
  const least = decideWith(question, facts, bounds.least);
  const most = decideWith(question, facts, bounds.most);
  if (least.effect === most.effect) {
    const { effect, code, policyIds, reasons, obligations } = most;
    return { answer: ANSWERS[effect], code, policyIds, reasons, dependsOn: [], obligations };
  }
  const policyIds = [...new Set([...most.policyIds, ...least.policyIds.filter((id) => bounds.least.policyIds.includes(id))])];
  return {
    answer: 'depends',
    code: null,
    policyIds,
    reasons: [...new Set([...most.reasons, ...least.reasons])],
    dependsOn: bounds.dependsOn(policyIds),
    obligations: most.obligations,
  };
};

const decideWith = ({ principal, server, name }: AccessQuestion, facts: DecisionFacts, policies: PolicyBounds['least']): Decision =>
  decideCall(
    {
      facts: {
        principal,
        ...{ transport: 'internal', protocolVersion: null, method: 'tools/call', target: { kind: 'tool', server, name }, tool: null },
        ...{ paramsMasked: null, paramsHash: '', labels: [], redactions: [], purpose: 'execute', edgeId: '' },
        claimed: { model: null, prompt: null, intent: null, workflow: null, session: null, client: null },
      },
      arguments: undefined,
      chainId: '',
    },
    {
      policies,
      identity: facts.identity,
      controls: facts.controls,
      // Which chain a call will belong to is not known before it is made.
      isPoisoned: () => false,
      tool: (id) => facts.tool(id),
      tools: (of) => facts.tools(of),
      hasServer: (of) => facts.hasServer(of),
    },
  );
