import type {
  AlikeApproval,
  ApprovalDemand,
  ApprovalDetail,
  ApprovalHistory,
  ApprovalProgress,
  ApprovalStatus,
  ApprovalSummary,
  Principal,
} from '@sallyport/contracts';
import { type ApprovalState, answeredBy, quorumOf, refusalOf } from '@sallyport/domain';
import { SYSTEM } from '../approval.ports.js';
import type { StoredApproval } from '../requests/approval.store.js';

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** How a request stands now: time passes whether or not somebody wrote it down. */
export const statusAt = (state: ApprovalState, nowMs: number): ApprovalStatus => {
  switch (state.status) {
    case 'none':
      return 'withdrawn';
    case 'pending':
      return nowMs < state.expiresAtMs ? 'pending' : 'expired';
    case 'granted':
      return nowMs < state.expiresAtMs ? 'granted' : 'lapsed';
    default:
      return state.status;
  }
};

const demandsOf = (state: ApprovalState): ApprovalDemand[] =>
  state.status === 'none'
    ? []
    : state.question.demands.rules.map((rule) => ({
        ...{ ruleId: rule.ruleId, approvers: [...rule.approvers], quorum: rule.quorum },
        answeredBy: answeredBy(rule, state.votes),
      }));

const endsAtMs = ({ state, askedAtMs }: StoredApproval): number => {
  if (state.status === 'none') return askedAtMs;
  return 'expiresAtMs' in state ? state.expiresAtMs : state.atMs;
};

export const summaryOf = (approval: StoredApproval, viewer: Principal, nowMs: number): ApprovalSummary => {
  const { approvalId, asked, askedAtMs, state } = approval;
  const { subject, actors, environment } = asked.principal;
  const refusal = refusalOf({ type: 'Grant', answerer: viewer, channel: 'http', nowMs }, state);
  return {
    ...{ approvalId, subject, environment, tool: asked.tool },
    actors: [...actors],
    status: statusAt(state, nowMs),
    askedAt: isoOf(askedAtMs),
    expiresAt: isoOf(endsAtMs(approval)),
    demands: demandsOf(state),
    ...{ mayAnswer: refusal === null, refusal },
    waitingCalls: 'waiting' in state ? state.waiting.length : 0,
  };
};

const outcomeOf = (state: ApprovalState): ApprovalDetail['outcome'] => {
  switch (state.status) {
    case 'none':
    case 'pending':
      return null;
    case 'granted':
    case 'used': {
      const at = state.status === 'granted' ? state.grantedAtMs : state.atMs;
      const channel = state.votes.at(-1)?.channel ?? null;
      const callId = state.status === 'used' ? state.callId : null;
      return { by: state.votes.map(({ by }) => by), at: isoOf(at), why: null, channel, callId };
    }
    case 'rejected':
      return { by: [state.by], at: isoOf(state.atMs), why: state.why, channel: state.channel, callId: null };
    case 'expired':
      return { by: [], at: isoOf(state.atMs), why: null, channel: null, callId: null };
    case 'withdrawn':
      return { by: [SYSTEM], at: isoOf(state.atMs), why: state.reason, channel: null, callId: null };
  }
};

/** What is known of requests like one: how they ended, how those for exactly this ended, and the newest. */
export interface Alike {
  readonly history: ApprovalHistory;
  readonly historyOfSame: ApprovalHistory;
  readonly newest: readonly { readonly approval: StoredApproval; readonly isSameCall: boolean }[];
}

const alikeOf = ({ newest }: Alike, nowMs: number): AlikeApproval[] =>
  newest.map(({ approval: { approvalId, state, askedAtMs }, isSameCall }) => ({
    ...{ approvalId, isSameCall, askedAt: isoOf(askedAtMs) },
    status: statusAt(state, nowMs),
  }));

export const detailOf = (approval: StoredApproval, alike: Alike, viewer: Principal, nowMs: number): ApprovalDetail => {
  const { asked, state } = approval;
  const { history, historyOfSame } = alike;
  return {
    ...summaryOf(approval, viewer, nowMs),
    ...{ callId: asked.callId, paramsMasked: asked.paramsMasked, paramsHash: asked.paramsHash, claimed: asked.claimed },
    ...{ issuer: asked.principal.issuer, clientId: asked.principal.clientId, mode: asked.principal.mode },
    redactions: [...asked.redactions],
    labels: [...asked.labels],
    reasons: [...asked.reasons],
    policyIds: [...(asked.policyIds ?? [])],
    price: asked.price ?? null,
    votes: 'votes' in state ? state.votes.map(({ by, atMs, channel }) => ({ by, at: isoOf(atMs), channel })) : [],
    outcome: outcomeOf(state),
    ...{ history, historyOfSame, alike: alikeOf(alike, nowMs) },
  };
};

/** What the principal that asked may know: how far it is. Not who is asked, and not who is slow. */
export const progressOf = (approval: StoredApproval, nowMs: number): ApprovalProgress => {
  const { approvalId, asked, askedAtMs, state } = approval;
  const why = state.status === 'rejected' ? state.why : state.status === 'withdrawn' ? state.reason : null;
  return {
    ...{ approvalId, why, tool: asked.tool.id },
    status: statusAt(state, nowMs),
    askedAt: isoOf(askedAtMs),
    expiresAt: isoOf(endsAtMs(approval)),
    answers: state.status === 'none' ? 0 : state.votes.length,
    quorum: state.status === 'none' ? 0 : quorumOf(state.question.demands),
  };
};
