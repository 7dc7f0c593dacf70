import { subjectOf } from './identity-directory.js';
import type { SallyportConfiguration } from './schema.js';

/** One approval rule as the rules of the domain take it: approvers are `user:<sub>` or `*`. */
export interface ConfiguredApprovalRule {
  readonly id: string;
  readonly approvers: readonly string[];
  readonly quorum: number;
  readonly waitSeconds: number;
  readonly grantSeconds: number;
  readonly detach: boolean;
}

/** The `approvals` section of one tenant: its own rules, and those of no tenant whose names it has not taken. */
export const approvalRulesOf = (
  { approvals }: Pick<SallyportConfiguration, 'approvals'>,
  tenantId: string,
): readonly ConfiguredApprovalRule[] => {
  const own = approvals.rules.filter(({ tenant }) => tenant === tenantId);
  const shared = approvals.rules.filter(({ tenant, id }) => tenant === undefined && !own.some((rule) => rule.id === id));
  return [...own, ...shared].map(({ tenant: _tenant, approvers, ...rule }) => ({ ...rule, approvers: approvers.map(subjectOf) }));
};
