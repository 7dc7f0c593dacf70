import type { Obligation, RequestFacts } from '@sallyport/contracts';
import { ANY } from '../approval/approval-rule.js';

/** A grant as the decision point found it on the log. */
export interface SeenGrant {
  readonly tenantId: string;
  readonly approvalId: string;
  /** The call it was given to: each call that waits is told of it by itself. */
  readonly callId: string;
  readonly paramsHash: string;
  readonly toolDigest: string;
  /** The approval rules that were satisfied. */
  readonly ruleIds: readonly string[];
  readonly expiresAtMs: number;
}

/** A grant with the call that rests on it, and when. */
export interface GrantInContext {
  readonly grant: SeenGrant;
  readonly callId: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** The approval rules that obligations demand; `null` when nobody is to be asked. Naming none demands the rule for everything. */
export const demandedRules = (obligations: readonly Obligation[]): readonly string[] | null => {
  const named = obligations.flatMap((obligation) => (obligation.type === 'require-approval' ? [obligation.ruleIds] : []));
  if (named.length === 0) return null;
  return named.flatMap((ruleIds) => (ruleIds.length === 0 ? [ANY] : ruleIds));
};

/**
 * Whether a grant answers what the policies demand now of exactly this call: same tenant, call, parameters and tool definition, every rule
 * demanded, and its time not over. Rules that are demanded since are not covered by an agreement that was given to others.
 */
export const approvalMeets = (
  { grant, callId, nowMs }: GrantInContext,
  { principal, paramsHash, tool }: Pick<RequestFacts, 'principal' | 'paramsHash' | 'tool'>,
  demanded: readonly string[],
): boolean =>
  grant.tenantId === principal.tenantId &&
  grant.callId === callId &&
  grant.paramsHash === paramsHash &&
  tool !== null &&
  grant.toolDigest === tool.definitionDigest &&
  nowMs < grant.expiresAtMs &&
  demanded.every((ruleId) => grant.ruleIds.includes(ruleId));
