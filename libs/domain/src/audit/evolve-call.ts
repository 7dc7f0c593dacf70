import type { AnyEnvelope, EventData, RequestFacts } from '@sallyport/contracts';
import type { CallState, DecisionPart, EndPart, PricePart, RequestPart } from './call-state.js';
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

const END: Omit<EndPart, 'eventId' | 'at' | 'outcome'> = {
  stage: null,
  code: null,
  reasons: [],
  labels: [],
  redactions: [],
  outputBytes: null,
  decisionId: null,
  upstreamMicros: null,
  totalMicros: null,
};

/** A closed call stays closed; only what was in doubt may still be settled. */
const withEnd = (state: CallState, { id, occurredAt }: AnyEnvelope, end: Partial<EndPart> & Pick<EndPart, 'outcome'>): CallState => {
  if (state.end !== null && (state.end.outcome !== 'in-doubt' || end.outcome === 'in-doubt')) return state;
  return { ...state, end: { ...END, ...end, eventId: id, at: occurredAt } };
};

/** Decisions by evaluation; of two for the same one the first counts, as it does at the edge. */
const withDecision = (state: CallState, decision: DecisionPart): CallState =>
  state.decisions.some(({ evaluation }) => evaluation === decision.evaluation)
    ? state
    : { ...state, decisions: [...state.decisions, decision].sort((left, right) => left.evaluation - right.evaluation) };

const isHold = (kind: PricePart['kind']): boolean => kind === 'reserved' || kind === 'released';

/** The same money is charged to every account above the call, so the price is the largest amount and not their sum. */
const withPrice = (
  state: CallState,
  kind: PricePart['kind'],
  { amounts, currency }: Pick<EventData<'BudgetSettled'>, 'amounts' | 'currency'>,
): CallState => ({
  ...state,
  prices: [
    // What was given back is held no more, until it is held anew.
    ...state.prices.filter((price) => price.kind !== kind && !(isHold(kind) && isHold(price.kind))),
    { kind, currency, amountMicros: amounts.reduce((largest, { amountMicros }) => Math.max(largest, amountMicros), 0) },
  ].sort((left, right) => (left.kind < right.kind ? -1 : 1)),
});

const COMPLETED_AS = { ok: 'completed', 'tool-error': 'tool-error', 'protocol-error': 'failed' } as const;

/**
 * Folds one more event into what is known of its call. Events of one topic come in their order; between topics any order gives the same
 * state, and an event folded twice changes nothing. Events that are about no single call leave the state as it is.
 */
export const evolveCall = (state: CallState, event: AnyEnvelope): CallState => {
  switch (event.type) {
    case 'ToolCallRequested':
      return { ...state, request: state.request ?? requestOf(event, event.data, event.data.requires.includes('budget')) };
    case 'ToolCallReevaluationRequested': {
      const { labels, request } = event.data;
      return {
        ...state,
        request: state.request ?? (request === undefined ? null : requestOf(event, request)),
        reevaluationLabels: [...new Set([...state.reevaluationLabels, ...labels])].sort(),
      };
    }
    case 'ToolCallParked':
      return { ...state, parked: true };
    case 'ToolCallResumed':
      return { ...state, parked: false, approvalId: event.data.approvalId };
    case 'ToolCallRefused': {
      const { request, stage, code, reasons, totalMicros } = event.data;
      const told = state.request === null && request !== null ? { ...state, request: requestOf(event, request) } : state;
      return withEnd(told, event, { outcome: 'refused', stage, code, reasons, totalMicros });
    }
    case 'ToolCallDispatched': {
      const { server, attempt, tokenId, decisionId, dryRun, redactions } = event.data;
      if (state.dispatch !== null && state.dispatch.attempt >= attempt) return state;
      return { ...state, dispatch: { at: event.occurredAt, server, attempt, tokenId, decisionId, dryRun, redactions } };
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
      const { decisionId, redactions, totalMicros } = event.data;
      return withEnd(state, event, { outcome: 'planned', decisionId, redactions, totalMicros });
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
      const { evaluation, effect, code, policyIds, policySetHash, engine, reasons, obligations } = event.data;
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
      });
    }
    case 'BudgetQuoted':
      return withPrice(state, 'quoted', event.data);
    case 'BudgetReserved':
      return withPrice(state, 'reserved', event.data);
    case 'BudgetSettled':
      return withPrice(state, 'settled', event.data);
    case 'BudgetReleased':
      return withPrice(state, 'released', { amounts: [], currency: event.data.currency });
    case 'BudgetReservationRefused':
    case 'BudgetOverran':
    case 'ApprovalRequested':
    case 'ApprovalGranted':
    case 'ApprovalRejected':
    case 'ApprovalExpired':
    case 'ApprovalWithdrawn':
    case 'ApprovalParamsUnmasked':
    // About no single call: on record in the chain, and in no call record.
    case 'RequestRejected':
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
      return state;
    default:
      return unreachable(event);
  }
};
