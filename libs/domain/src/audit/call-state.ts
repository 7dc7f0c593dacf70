import {
  AWAITING_RESEND,
  type CallApproval,
  type CallRecord,
  type Claimed,
  type Principal,
  type Redaction,
  type RiskTier,
} from '@sallyport/contracts';

/** What is known of the request: from `ToolCallRequested`, or from the `ToolCallRefused` that tells the whole story. */
export interface RequestPart {
  readonly at: string;
  readonly chainId: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly transport: string;
  readonly protocolVersion: string | null;
  readonly method: string;
  readonly targetKind: string;
  readonly server: string | null;
  /** `server/tool`, or the name of the prompt, the address of the resource, the server. */
  readonly target: string | null;
  readonly tool: { readonly id: string; readonly definitionDigest: string; readonly version: string; readonly riskTier: RiskTier } | null;
  readonly principal: Principal;
  readonly claimed: Claimed;
  readonly purpose: 'execute' | 'plan';
  /** Whether the accountant was asked to hold its price. */
  readonly isCharged: boolean;
  readonly labels: readonly string[];
  readonly redactions: readonly Redaction[];
  readonly edgeId: string;
}

/** The answer of the decision point to one evaluation. */
export interface DecisionPart {
  readonly eventId: string;
  readonly at: string;
  readonly evaluation: number;
  readonly effect: 'allow' | 'deny' | 'require-approval';
  readonly code: string | null;
  readonly policyIds: readonly string[];
  readonly policySetHash: string;
  readonly engine: string;
  readonly reasons: readonly string[];
  readonly dryRun: boolean;
  /** The grant that met what the policies demand of people. */
  readonly approvalId: string | null;
}

/** A question to people and what came of it, as the approval service said it. */
export type ApprovalPart = Omit<CallApproval, 'status'> & { readonly status: Exclude<CallApproval['status'], 'used'> };

export interface DispatchPart {
  readonly at: string;
  readonly server: string;
  readonly attempt: number;
  readonly tokenId: string | null;
  readonly decisionId: string;
  readonly approvalId: string | null;
  readonly dryRun: boolean;
  readonly redactions: readonly Redaction[];
}

export type EndedOutcome = 'completed' | 'tool-error' | 'failed' | 'refused' | 'cancelled' | 'planned' | 'abandoned' | 'in-doubt';

/** How the call ended. */
export interface EndPart {
  readonly eventId: string;
  readonly at: string;
  readonly outcome: EndedOutcome;
  /** The stage a refusal was made at; `null` for every other end. */
  readonly stage: string | null;
  readonly code: string | null;
  readonly reasons: readonly string[];
  readonly labels: readonly string[];
  readonly redactions: readonly Redaction[];
  readonly outputBytes: number | null;
  /** The decision a plan names. */
  readonly decisionId: string | null;
  /** What a plan was told it would cost, and what its dry run said. */
  readonly quoteMicros: number | null;
  readonly dryRunHash: string | null;
  readonly upstreamMicros: number | null;
  readonly totalMicros: number | null;
}

/** An answer of the upstream that asked back, before the end. */
export interface RoundPart {
  readonly round: number;
  readonly labels: readonly string[];
  readonly redactions: readonly Redaction[];
}

export interface PricePart {
  readonly kind: 'quoted' | 'reserved' | 'released' | 'settled';
  readonly amountMicros: number;
  readonly currency: string;
  /** Why it was given back; `null` for every other kind. */
  readonly reason: string | null;
}

/**
 * Everything the events of one call say, by the topic that said it: no part depends on another topic's events, so topics may be folded in
 * any order as long as each keeps its own. Plain JSON, so that it can be stored and folded on.
 */
export interface CallState {
  readonly callId: string;
  readonly tenantId: string;
  readonly request: RequestPart | null;
  readonly reevaluationLabels: readonly string[];
  readonly decisions: readonly DecisionPart[];
  readonly dispatch: DispatchPart | null;
  readonly rounds: readonly RoundPart[];
  /** Waits for people. */
  readonly parked: boolean;
  /** The grant it was resumed by. */
  readonly approvalId: string | null;
  /** The evaluation asked for last. */
  readonly evaluation: number;
  /** Ids of the events by which the call came to rest, went on and went out: told again they mean nothing. */
  readonly turns: readonly string[];
  readonly approvals: readonly ApprovalPart[];
  readonly prices: readonly PricePart[];
  /** Ids of the events by which money was held and given back, as `turns`. */
  readonly holds: readonly string[];
  readonly end: EndPart | null;
}

/** A call of which nothing is known. */
export const initialCallState = (callId: string, tenantId: string): CallState => ({
  callId,
  tenantId,
  request: null,
  reevaluationLabels: [],
  decisions: [],
  dispatch: null,
  rounds: [],
  parked: false,
  approvalId: null,
  evaluation: 1,
  turns: [],
  approvals: [],
  prices: [],
  holds: [],
  end: null,
});

/** A call as an earlier version may have stored it, with what that did not know yet. */
export const storedCallState = (stored: CallState): CallState => ({ ...initialCallState(stored.callId, stored.tenantId), ...stored });

const PRICE_ORDER = ['settled', 'released', 'reserved', 'quoted'] as const;

/** The price as far as it is known: what was booked, else nothing where it was given back, else what is held, else what was quoted. A refusal costs nothing. */
const priceOf = ({ prices, end }: CallState): PricePart | null => {
  if (end?.outcome === 'refused') return null;
  for (const kind of PRICE_ORDER) {
    const price = prices.find((part) => part.kind === kind);
    if (price !== undefined) return price;
  }
  return null;
};

const union = (...lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())].sort();

/** The decision that counts: of the last evaluation, the first one made. */
export const decisionOf = ({ decisions }: CallState): DecisionPart | null => decisions.at(-1) ?? null;

/** A call whose server asked back rests until somebody answers, under the same id or as a call of its own (2026-07-28, multi round-trip). */
const openOutcome = ({ rounds, dispatch, parked }: CallState): 'waiting' | 'input-required' | 'pending' => {
  if (parked) return 'waiting';
  return rounds.length > 0 && rounds.length >= (dispatch?.attempt ?? 0) ? 'input-required' : 'pending';
};

/** Of several questions to people the one that counts: that the call was sent with, else went on by, else the last one asked. */
const approvalOf = ({ approvals, approvalId, dispatch, parked }: CallState): CallApproval | null => {
  const counting = dispatch?.approvalId ?? (parked ? null : approvalId);
  const part = approvals.find((approval) => approval.approvalId === counting) ?? approvals.at(-1);
  if (part === undefined) return null;
  const { ruleIds, answeredBy, votes } = part;
  const copied = { ...part, ruleIds: [...ruleIds], answeredBy: [...answeredBy], votes: [...votes] };
  if (dispatch?.approvalId !== part.approvalId || answeredBy.length === 0) return copied;
  if (part.status === 'granted') return { ...copied, status: 'used' };
  // Whoever withdrew it had not heard yet that the call went out with it, and that is what happened.
  return part.status === 'withdrawn' ? { ...copied, status: 'used', answeredAt: votes.at(-1)?.at ?? part.answeredAt, why: null } : copied;
};

/** A plan ends with what was decided, and is refused by nothing. */
const verdictOf = (end: EndPart | null, decision: DecisionPart | null): Pick<EndPart, 'code' | 'reasons'> => {
  if (end !== null && end.outcome !== 'planned') return end;
  return { code: decision?.code ?? null, reasons: decision?.reasons ?? [] };
};

/**
 * The record people read; `null` as long as nobody said who asked for what (a decision can be on record before its request).
 * The code is that of the end; of a refusal still awaited, and of a plan, that of the decision.
 */
export const toCallRecord = (state: CallState): CallRecord | null => {
  const { request, end } = state;
  if (request === null) return null;
  const decision = decisionOf(state);
  const price = priceOf(state);
  const { code, reasons } = verdictOf(end, decision);
  return {
    callId: state.callId,
    tenantId: state.tenantId,
    chainId: request.chainId,
    traceId: request.traceId,
    startedAt: request.at,
    endedAt: end?.at ?? null,
    transport: request.transport,
    method: request.method,
    target: request.target,
    riskTier: request.tool?.riskTier ?? null,
    principal: request.principal,
    claimed: request.claimed,
    purpose: request.purpose,
    decision: decision?.effect ?? 'none',
    policyIds: [...(decision?.policyIds ?? [])],
    policySetHash: decision?.policySetHash ?? null,
    approval: approvalOf(state),
    dryRunHash: end?.dryRunHash ?? null,
    outcome: end?.outcome ?? openOutcome(state),
    code,
    reasons: [...reasons],
    labels: union(request.labels, state.reevaluationLabels, ...state.rounds.map((round) => round.labels), end?.labels ?? []),
    argumentRedactions: [...(state.dispatch?.redactions ?? request.redactions)],
    resultRedactions: [...state.rounds.flatMap((round) => round.redactions), ...(end?.redactions ?? [])],
    upstreamMicros: end?.upstreamMicros ?? null,
    totalMicros: end?.totalMicros ?? null,
    priceMicros: price?.amountMicros ?? null,
    currency: price?.currency ?? null,
  };
};

/** Codes of a refusal at the policy stage that no decision stands behind: none came in time. */
const UNDECIDED_CODES = new Set(['policy.unavailable', 'call.deadline-passed', 'log.unavailable']);

/** What is given back when a call comes to rest says nothing of its end. */
const RESTING = new Set(['parked', 'input-required']);

/** Whether a refusal at the policy stage has the decision behind it on record. */
const hasItsDecision = ({ decisions, evaluation }: CallState, { code, reasons }: EndPart): boolean => {
  if (UNDECIDED_CODES.has(code ?? '')) return true;
  const decision = decisions.find((one) => one.evaluation === evaluation);
  if (decision === undefined) return false;
  // What the edge could not do that it was obliged to is a denial too; else an allowance was for an earlier question than the one denied.
  return decision.effect !== 'allow' || reasons.some((reason) => reason.startsWith('obligation.unfulfilled.'));
};

/** Whether a refusal by people has their answer on record. Of others (nobody could be asked, another call was meant) there is none. */
const hasItsAnswer = ({ approvals, decisions }: CallState, { code }: EndPart): boolean => {
  const said = code?.slice(code.indexOf('.') + 1);
  if (said !== 'rejected' && said !== 'expired' && said !== 'withdrawn') return true;
  // A grant may have been too old when the call came to use it.
  const isSaid = approvals.some(({ status }) => status === said || (said === 'expired' && status === 'granted'));
  return isSaid && decisions.length > 0;
};

/** Whether the accountant has said what the call cost. What was never sent costs nothing, and a plan only has a quote. */
const isPriced = ({ request, end, dispatch, prices }: CallState): boolean => {
  if (request === null || end === null || !request.isCharged || end.outcome === 'in-doubt') return true;
  if (request.purpose === 'plan') return end.quoteMicros === null || prices.some(({ kind }) => kind === 'quoted');
  const isAnswered = dispatch !== null || end.outcome === 'completed' || end.outcome === 'tool-error';
  return !isAnswered || prices.some(({ kind, reason }) => kind === 'settled' || (kind === 'released' && !RESTING.has(reason ?? '')));
};

/**
 * Whether the end is on record and everything it refers to is too. Topics are read side by side, so a call's end may be seen before
 * the decision, the approval or the price it rests on; who passes the record on waits for this, for a while.
 */
export const isWhole = (state: CallState): boolean => {
  const { request, end, dispatch, decisions, approvals } = state;
  if (request === null || end === null) return false;
  if (end.outcome === 'refused') {
    if (end.stage === 'policy') return hasItsDecision(state, end);
    return end.stage !== 'approval' || hasItsAnswer(state, end);
  }
  const known = (decisionId: string | null): boolean => decisionId === null || decisions.some(({ eventId }) => eventId === decisionId);
  // The client was given the id of the question, so it is on the log.
  if (end.outcome === 'abandoned' && end.reasons.includes(AWAITING_RESEND) && approvals.length === 0) return false;
  const grantId = dispatch?.approvalId ?? null;
  const isGranted = grantId === null || approvals.some(({ approvalId, status }) => approvalId === grantId && status !== 'waiting');
  return isPriced(state) && isGranted && known(end.decisionId) && known(dispatch?.decisionId ?? null);
};
