import type { CallRecord, Claimed, Principal, Redaction, RiskTier } from '@sallyport/contracts';

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
}

export interface DispatchPart {
  readonly at: string;
  readonly server: string;
  readonly attempt: number;
  readonly tokenId: string | null;
  readonly decisionId: string;
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
  readonly parked: boolean;
  readonly approvalId: string | null;
  readonly prices: readonly PricePart[];
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
  prices: [],
  end: null,
});

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
const openOutcome = ({ rounds, dispatch }: CallState): 'input-required' | 'pending' =>
  rounds.length > 0 && rounds.length >= (dispatch?.attempt ?? 0) ? 'input-required' : 'pending';

/**
 * The record people read; `null` as long as nobody said who asked for what (a decision can be on record before its request).
 * The code is that of the end; of a refusal still awaited, that of the decision.
 */
export const toCallRecord = (state: CallState): CallRecord | null => {
  const { request, end } = state;
  if (request === null) return null;
  const decision = decisionOf(state);
  const price = priceOf(state);
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
    decision: decision?.effect ?? 'none',
    policyIds: [...(decision?.policyIds ?? [])],
    policySetHash: decision?.policySetHash ?? null,
    outcome: end?.outcome ?? openOutcome(state),
    code: end === null ? (decision?.code ?? null) : end.code,
    reasons: [...(end?.reasons ?? decision?.reasons ?? [])],
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

/**
 * Whether the end is on record and everything it refers to is too. Topics are read side by side, so a call's end may be seen before
 * the decision it rests on; who passes the record on waits for this, for a while.
 */
export const isWhole = (state: CallState): boolean => {
  const { request, end, dispatch, decisions, prices } = state;
  if (request === null || end === null) return false;
  const known = (decisionId: string | null): boolean => decisionId === null || decisions.some(({ eventId }) => eventId === decisionId);
  // The decision of an earlier evaluation may have been to allow.
  const refusal = (decisionOf(state)?.effect ?? 'allow') !== 'allow';
  if (end.outcome === 'refused') return end.stage !== 'policy' || refusal || UNDECIDED_CODES.has(end.code ?? '');
  const isBooked = prices.some(({ kind }) => kind === 'settled' || kind === 'released');
  if (request.isCharged && dispatch !== null && end.outcome !== 'in-doubt' && !isBooked) return false;
  return known(end.decisionId) && known(dispatch?.decisionId ?? null);
};
