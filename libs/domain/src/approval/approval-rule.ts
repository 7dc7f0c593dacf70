/** Stands for everybody in a list of approvers, and for every id that is not declared as the id of a rule. */
export const ANY = '*';

/** Who is asked, as the configuration declares it. */
export interface ApprovalRule {
  /** The id that policies name; `*` answers for every id that no other rule has. */
  readonly id: string;
  /** `user:<sub>`, or `*` for everybody of the tenant with the scope. */
  readonly approvers: readonly string[];
  /** How many different people must agree. */
  readonly quorum: number;
  /** How long people have; then silence is a no. */
  readonly waitSeconds: number;
  /** How long a grant may wait to be used. */
  readonly grantSeconds: number;
  /** Whether the question outlives the client that asked. */
  readonly detach: boolean;
}

/** What one rule demands of one request. Kept with the request: a later change of the rule does not change what was asked. */
export interface RuleDemand {
  readonly ruleId: string;
  readonly approvers: readonly string[];
  readonly quorum: number;
}

/** What all rules of a request demand together: each its own quorum, the shortest times, and to outlive the client only if all say so. */
export interface Demands {
  readonly rules: readonly RuleDemand[];
  readonly waitMs: number;
  readonly grantMs: number;
  readonly detach: boolean;
}

const SECOND_MS = 1_000;

/** What the named rules demand. `null` when one of them is not declared and no rule answers for it: then nobody may be asked, which is a no. */
export const demandsOf = (ruleIds: readonly string[], rules: readonly ApprovalRule[]): Demands | null => {
  const wanted = ruleIds.length === 0 ? [ANY] : [...new Set(ruleIds)].sort();
  const found: { readonly named: string; readonly rule: ApprovalRule }[] = [];
  for (const named of wanted) {
    const rule = rules.find(({ id }) => id === named) ?? rules.find(({ id }) => id === ANY);
    if (rule === undefined) return null;
    found.push({ named, rule });
  }
  return {
    rules: found.map(({ named, rule }) => ({ ruleId: named, approvers: [...rule.approvers].sort(), quorum: rule.quorum })),
    waitMs: Math.min(...found.map(({ rule }) => rule.waitSeconds)) * SECOND_MS,
    grantMs: Math.min(...found.map(({ rule }) => rule.grantSeconds)) * SECOND_MS,
    detach: found.every(({ rule }) => rule.detach),
  };
};

/** Whether two requests ask the same people in the same way. A grant under other rules answers nothing. */
export const sameDemands = (one: Demands, other: Demands): boolean => demandsText(one) === demandsText(other);

const demandsText = ({ rules, waitMs, grantMs, detach }: Demands): string =>
  JSON.stringify([rules.map(({ ruleId, approvers, quorum }) => [ruleId, approvers, quorum]), waitMs, grantMs, detach]);

/** Whether a rule lets this person answer. */
export const mayAnswerRule = ({ approvers }: Pick<RuleDemand, 'approvers'>, subject: string): boolean =>
  approvers.includes(subject) || approvers.includes(ANY);
