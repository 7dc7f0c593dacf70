import type { AnyEnvelope, EventData, RequestFacts } from '@sallyport/contracts';
import type { ApprovalPart, CallState, DecisionPart, EndPart, PricePart, RequestPart } from './call-state.js';
import { unreachable } from './unreachable.js';

/** Places of the ids in `00-<trace id>-<span id>-<flags>` (W3C Trace Context). */
const TRACE_ID = [3, 35] as const;
const SPAN_ID = [36, 52] as const;

const targetOf = ({ target, tool }: RequestFacts): string | null => {
  if (tool !== null) return tool.id;
  if (target.server === null) return target.name;
  if (target.name === null) return target.server;
  return target.kind === 'resource' ? target.name : `${target.server}/${target.name}`;
};

const requestOf = ({ occurredAt, chainId, traceparent }: AnyEnvelope, facts: RequestFacts, isCharged = false): RequestPart => ({
  at: occurredAt,
  chainId: chainId ?? '',
  traceId: traceparent.slice(...TRACE_ID),
  spanId: traceparent.slice(...SPAN_ID),
  transport: facts.transport,
  protocolVersion: facts.protocolVersion,
  method: facts.method,
  targetKind: facts.target.kind,
  server: facts.target.server,
  target: targetOf(facts),
  tool: facts.tool,
  principal: facts.principal,
  claimed: facts.claimed,
  purpose: facts.purpose,
  isCharged,
  labels: facts.labels,
  redactions: facts.redactions,
  edgeId: facts.edgeId,
});

/** A question that stands alone tells of a request that nobody else did. Whether it is charged is not in it: only calls of tools are, to take effect. */
const withRequest = (state: CallState, event: AnyEnvelope, facts: RequestFacts | undefined): CallState => ({
  ...state,
  request:
    state.request ?? (facts === undefined ? null : requestOf(event, facts, facts.method === 'tools/call' && facts.purpose === 'execute')),
});

const END: Omit<EndPart, 'eventId' | 'at' | 'outcome'> = {
  stage: null,
  code: null,
  reasons: [],
  labels: [],
  redactions: [],
  outputBytes: null,
  decisionId: null,
  quoteMicros: null,
  dryRunHash: null,
  upstreamMicros: null,
  totalMicros: null,
};

/** Ends that only those know of who sent the call. */
const SENT_OUTCOMES: ReadonlySet<EndPart['outcome']> = new Set(['completed', 'tool-error', 'failed', 'in-doubt']);

/**
 * A closed call stays closed. But what was in doubt may be settled, and where one replica gave up a call that another one had sent, what
 * became of it at its tool is what happened.
 */
const mayEndAs = ({ end, dispatch }: CallState, outcome: EndPart['outcome']): boolean => {
  if (end === null) return true;
  if (end.outcome === 'in-doubt') return outcome !== 'in-doubt';
  const isGivenUp = end.outcome === 'refused' || end.outcome === 'abandoned' || end.reasons.includes('stage:parked');
  return isGivenUp && dispatch !== null && SENT_OUTCOMES.has(outcome);
};

const withEnd = (state: CallState, { id, occurredAt }: AnyEnvelope, end: Partial<EndPart> & Pick<EndPart, 'outcome'>): CallState =>
  mayEndAs(state, end.outcome) ? { ...state, parked: false, end: { ...END, ...end, eventId: id, at: occurredAt } } : state;

/** The call comes to rest or goes on. A client that was told to come again may do so under the same id, so that is no end any more. */
const withTurn = (state: CallState, { id }: AnyEnvelope, turn: Partial<CallState>): CallState => {
  if (state.turns.includes(id)) return state;
  const turned = { ...state, turns: [...state.turns, id] };
  if (state.end !== null && state.end.outcome !== 'abandoned') return turned;
  return { ...turned, ...turn, end: null };
};

/** Noes are final; an agreement may still be taken back or lapse. What is told again changes nothing. */
const APPROVAL_RANK = { waiting: 0, granted: 1, rejected: 2, expired: 2, withdrawn: 2 } as const;

const withApproval = (state: CallState, told: Partial<ApprovalPart> & Pick<ApprovalPart, 'approvalId' | 'status'>): CallState => {
  const known = state.approvals.find(({ approvalId }) => approvalId === told.approvalId);
  if (known === undefined) return { ...state, approvals: [...state.approvals, { ...APPROVAL, ...told }] };
  if (APPROVAL_RANK[told.status] <= APPROVAL_RANK[known.status]) return state;
  const after = { ...known, ...told };
  return { ...state, approvals: state.approvals.map((one) => (one === known ? after : one)) };
};
const APPROVAL: Omit<ApprovalPart, 'approvalId' | 'status'> = {
  ruleIds: [],
  askedAt: null,
  expiresAt: null,
  answeredAt: null,
  answeredBy: [],
  channel: null,
  why: null,
  votes: [],
};

/** Decisions by evaluation; of two for the same one the first counts, as it does at the edge. */
const withDecision = (state: CallState, decision: DecisionPart): CallState =>
  state.decisions.some(({ evaluation }) => evaluation === decision.evaluation)
    ? state
    : { ...state, decisions: [...state.decisions, decision].sort((left, right) => left.evaluation - right.evaluation) };

const isHold = (kind: PricePart['kind']): boolean => kind === 'reserved' || kind === 'released';

/** What is held and given back undoes one another. */
const withHold = (state: CallState, { id }: AnyEnvelope, fold: (state: CallState) => CallState): CallState =>
  state.holds.includes(id) ? state : { ...fold(state), holds: [...state.holds, id] };

/** The same money is charged to every account above the call, so the price is the largest amount and not their sum. */
const withPrice = (
  state: CallState,
  kind: PricePart['kind'],
  { amounts, currency }: Pick<EventData<'BudgetSettled'>, 'amounts' | 'currency'>,
  reason: string | null = null,
): CallState => ({
  ...state,
  prices: [
    // What was given back is held no more, until it is held anew.
    ...state.prices.filter((price) => price.kind !== kind && !(isHold(kind) && isHold(price.kind))),
    { kind, currency, reason, amountMicros: amounts.reduce((largest, { amountMicros }) => Math.max(largest, amountMicros), 0) },
  ].sort((left, right) => (left.kind < right.kind ? -1 : 1)),
});

/** The outcome of a call whose tool answered. */
export const COMPLETED_AS = { ok: 'completed', 'tool-error': 'tool-error', 'protocol-error': 'failed' } as const;

/**
 * Folds one more event into what is known of its call. Events of one topic come in their order; between topics any order gives the same
 * state, and an event folded twice changes nothing. Events that are about no single call leave the state as it is.
 */
export const evolveCall = (state: CallState, event: AnyEnvelope): CallState => {
  switch (event.type) {
    case 'ToolCallRequested':
      return { ...state, request: state.request ?? requestOf(event, event.data, event.data.requires.includes('budget')) };
    case 'ToolCallReevaluationRequested': {
      const { labels, request, evaluation } = event.data;
      return {
        ...state,
        evaluation: Math.max(state.evaluation, evaluation),
        request: state.request ?? (request === undefined ? null : requestOf(event, request)),
        reevaluationLabels: [...new Set([...state.reevaluationLabels, ...labels])].sort(),
      };
    }
    case 'ToolCallParked':
      return withTurn(withRequest(state, event, event.data.request), event, { parked: true });
    case 'ToolCallResumed': {
      const { approvalId, evaluation, request } = event.data;
      const evaluated = { ...withRequest(state, event, request), evaluation: Math.max(state.evaluation, evaluation) };
      return withTurn(evaluated, event, { parked: false, approvalId });
    }
    case 'ToolCallRefused': {
      const { request, stage, code, reasons, totalMicros } = event.data;
      const told = state.request === null && request !== null ? { ...state, request: requestOf(event, request) } : state;
      return withEnd(told, event, { outcome: 'refused', stage, code, reasons, totalMicros });
    }
    case 'ToolCallDispatched': {
      const { server, attempt, tokenId, decisionId, approvalId = null, dryRun, redactions } = event.data;
      if (state.turns.includes(event.id) || (state.dispatch !== null && state.dispatch.attempt > attempt)) return state;
      // The last one counts: of an attempt that is dispatched anew nothing had been sent.
      const turns = [...state.turns, event.id];
      return { ...state, turns, dispatch: { at: event.occurredAt, server, attempt, tokenId, decisionId, approvalId, dryRun, redactions } };
    }
    case 'ToolCallCompleted': {
      const { outcome, upstreamCode, labels, redactions, outputBytes, upstreamMicros, totalMicros } = event.data;
      return withEnd(state, event, {
        outcome: COMPLETED_AS[outcome],
        code: upstreamCode,
        labels,
        redactions,
        outputBytes,
        upstreamMicros,
        totalMicros,
      });
    }
    case 'ToolCallFailed': {
      const { code, reasons, reached, upstreamMicros, totalMicros } = event.data;
      return withEnd(state, event, { outcome: 'failed', code, reasons: [...reasons, `reached:${reached}`], upstreamMicros, totalMicros });
    }
    case 'ToolCallPlanned': {
      const { decisionId, quoteMicros, dryRunHash, redactions, totalMicros } = event.data;
      return withEnd(state, event, { outcome: 'planned', decisionId, quoteMicros, dryRunHash, redactions, totalMicros });
    }
    case 'ToolCallInputRequired': {
      const { round, labels, redactions } = event.data;
      if (state.rounds.some((known) => known.round === round)) return state;
      return { ...state, rounds: [...state.rounds, { round, labels, redactions }].sort((left, right) => left.round - right.round) };
    }
    case 'ToolCallInDoubt':
      return withEnd(state, event, { outcome: 'in-doubt', code: 'call.in-doubt', reasons: [event.data.reason] });
    case 'ToolCallResolved': {
      const { resolution, resolvedBy } = event.data;
      return withEnd(state, event, {
        outcome: resolution === 'executed' ? 'completed' : 'failed',
        code: resolution === 'executed' ? null : 'call.in-doubt',
        reasons: [`resolved:${resolution}`, `by:${resolvedBy}`],
      });
    }
    case 'ToolCallAbandoned':
      return withEnd(state, event, { outcome: 'abandoned', reasons: [event.data.reason, `stage:${event.data.stage}`] });
    case 'ToolCallCancelled': {
      const { stage, reached, totalMicros } = event.data;
      return withEnd(state, event, {
        outcome: 'cancelled',
        code: 'call.cancelled',
        reasons: [`stage:${stage}`, `reached:${reached}`],
        totalMicros,
      });
    }
    case 'PolicyDecided': {
      const { evaluation, effect, code, policyIds, policySetHash, engine, reasons, obligations, approvalId = null } = event.data;
      const dryRun = obligations.some(({ type }) => type === 'dry-run');
      return withDecision(state, {
        eventId: event.id,
        at: event.occurredAt,
        evaluation,
        effect,
        code,
        policyIds,
        policySetHash,
        engine,
        reasons,
        dryRun,
        approvalId,
      });
    }
    case 'BudgetQuoted':
      return withPrice(state, 'quoted', event.data);
    case 'BudgetReserved':
      // Nothing more was held than is held already.
      return event.data.amounts.length === 0 ? state : withHold(state, event, (before) => withPrice(before, 'reserved', event.data));
    case 'BudgetSettled':
      return withPrice(state, 'settled', event.data);
    case 'BudgetReleased':
      return withHold(state, event, (before) =>
        withPrice(before, 'released', { amounts: [], currency: event.data.currency }, event.data.reason),
      );
    case 'ApprovalRequested': {
      const { approvalId, ruleIds, expiresAt } = event.data;
      return withApproval(state, { approvalId, status: 'waiting', ruleIds, expiresAt, askedAt: event.occurredAt });
    }
    case 'ApprovalGranted': {
      const { approvalId, grantedBy, channel, expiresAt, ruleIds, votes = [] } = event.data;
      return withApproval(state, {
        ...{ approvalId, status: 'granted', answeredAt: event.occurredAt, answeredBy: grantedBy, channel, expiresAt, votes },
        ...(ruleIds === undefined ? {} : { ruleIds }),
      });
    }
    case 'ApprovalRejected': {
      const { approvalId, rejectedBy, channel, why, votes = [] } = event.data;
      const answer = { answeredAt: event.occurredAt, answeredBy: [rejectedBy], channel, why, votes, expiresAt: null };
      return withApproval(state, { approvalId, status: 'rejected', ...answer });
    }
    case 'ApprovalExpired': {
      const { approvalId, votes = [] } = event.data;
      return withApproval(state, { approvalId, status: 'expired', answeredAt: event.occurredAt, votes, expiresAt: null });
    }
    case 'ApprovalWithdrawn': {
      const { approvalId, reason, votes } = event.data;
      return withApproval(state, {
        ...{ approvalId, status: 'withdrawn', answeredAt: event.occurredAt, why: reason, expiresAt: null },
        ...(votes === undefined ? {} : { votes }),
      });
    }
    case 'BudgetReservationRefused':
    case 'BudgetOverran':
    case 'ApprovalParamsUnmasked':
    // About no single call: on record in the chain, and in no call record.
    case 'RequestRejected':
    case 'ConsoleSessionOpened':
    case 'ConsoleSessionEnded':
    case 'ToolDefinitionsObserved':
    case 'PolicyChanged':
    case 'PolicySetInForce':
    case 'CatalogChanged':
    case 'DefinitionPinned':
    case 'DefinitionDrifted':
    case 'ToolInCatalog':
    case 'ControlChanged':
    case 'ControlInForce':
    case 'ChainPoisoned':
    case 'ChainCleared':
    case 'BudgetLimitChanged':
    case 'PriceListChanged':
    case 'BudgetAccountInForce':
    case 'ApprovalRuleChanged':
    case 'AuditCheckpoint':
    case 'OcsfApiActivity':
    case 'OcsfAuthentication':
      return state;
    default:
      return unreachable(event);
  }
};
