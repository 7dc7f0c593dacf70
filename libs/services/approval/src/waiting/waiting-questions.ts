import type { Envelope, EventData } from '@sallyport/contracts';
import { type ApprovalQuestion, type ApprovalRule, bindingOf, demandsOf } from '@sallyport/domain';
import { SYSTEM } from '../approval.ports.js';
import type { AskedFacts, WaitingCall } from '../requests/approval.store.js';

/** What a parked call asks of people; or why nobody can be asked, which is a no. */
export type ParkedQuestion =
  | { readonly question: ApprovalQuestion; readonly asked: AskedFacts; readonly sealedParams: string | null }
  | { readonly refused: string };

type Parked = Envelope<'ToolCallParked'>;

/** Reads the question of a parked call. What would be shown must be what would be sent, or it is not asked. */
export const questionOf = (event: Parked, callId: string, rules: readonly ApprovalRule[]): ParkedQuestion => {
  const { request, paramsHash, toolDigest, approvalRuleIds, reasons, sealedParams, policyIds, price } = event.data;
  if (request === undefined || request.tool === null)
    return { refused: 'The question came without the request, so nobody could be shown it.' };
  const { principal, tool } = request;
  if (principal.tenantId !== event.tenantId) return { refused: 'The principal is of another tenant than the call.' };
  if (request.paramsHash !== paramsHash || tool.definitionDigest !== toolDigest)
    return { refused: 'What would be shown is not what would be sent: parameters or tool definition differ.' };
  const demands = demandsOf(approvalRuleIds, rules);
  if (demands === null)
    return { refused: `No approval rule is declared for ${approvalRuleIds.join(', ').slice(0, 512)}, so nobody may agree.` };
  const { paramsMasked, redactions, labels, claimed } = request;
  return {
    question: { binding: bindingOf(principal, { toolId: tool.id, toolDigest, paramsHash }), demands },
    asked: {
      ...{ callId, principal, tool, paramsMasked, paramsHash, redactions, labels, claimed, ruleIds: approvalRuleIds },
      ...{ reasons: reasons ?? [], policyIds: policyIds ?? [], price: price ?? null },
    },
    sealedParams: sealedParams ?? null,
  };
};

/** Where answers to a call go: its own chain, trace and edge. */
export const waitingCallOf = ({ chainId, key, subject, actor, traceparent, edgeId, data }: Parked, callId: string): WaitingCall => ({
  ...{ callId, chainId, key, subject, actor, traceparent },
  edgeId: edgeId ?? data.request?.edgeId ?? null,
});

/** The no of the service itself. */
export const refusalData = (approvalId: string, why: string): EventData<'ApprovalRejected'> => ({
  ...{ approvalId, rejectedBy: SYSTEM, channel: 'none', why },
});
