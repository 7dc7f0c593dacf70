import type { AnyEnvelope, CallDecision, CallDetail, CallDispatch, CallMoney } from '@sallyport/contracts';
import { callSpans } from './call-spans.js';

const decisionOf = (event: AnyEnvelope): CallDecision[] => {
  if (event.type !== 'PolicyDecided') return [];
  const { evaluation, effect, code, policyIds, policySetHash, engine, reasons, obligations, durationMicros } = event.data;
  const rest = { evaluation, effect, code, policyIds, policySetHash, engine, reasons, obligations, durationMicros };
  return [{ eventId: event.id, at: event.occurredAt, ...rest }];
};

const dispatchOf = (event: AnyEnvelope): CallDispatch[] => {
  if (event.type !== 'ToolCallDispatched') return [];
  const { server, routeVersion, attempt, tokenId, toolDigest, decisionId, approvalId = null, dryRun } = event.data;
  return [{ eventId: event.id, at: event.occurredAt, server, routeVersion, attempt, tokenId, toolDigest, decisionId, approvalId, dryRun }];
};

const moneyOf = (event: AnyEnvelope): CallMoney[] => {
  const told = { eventId: event.id, at: event.occurredAt, reason: null, priceListVersion: null };
  switch (event.type) {
    case 'BudgetQuoted':
    case 'BudgetReserved': {
      const { amounts, currency, priceListVersion } = event.data;
      return [{ ...told, kind: event.type === 'BudgetQuoted' ? 'quoted' : 'reserved', amounts, currency, priceListVersion }];
    }
    case 'BudgetSettled':
      return [{ ...told, kind: 'settled', amounts: event.data.amounts, currency: event.data.currency }];
    case 'BudgetReleased':
      return [{ ...told, kind: 'released', amounts: event.data.amounts, currency: event.data.currency, reason: event.data.reason }];
    case 'BudgetReservationRefused': {
      const { account, reason, remainingMicros, remainingCalls = null, currency } = event.data;
      const amounts = account === null ? [] : [{ account, amountMicros: remainingMicros, calls: remainingCalls }];
      return [{ ...told, kind: 'refused', amounts, currency, reason }];
    }
    case 'BudgetOverran': {
      const { account, actualMicros, currency } = event.data;
      return [{ ...told, kind: 'overran', amounts: [{ account, amountMicros: actualMicros, calls: null }], currency }];
    }
    default:
      return [];
  }
};

/** What the events of one call say of its decisions, its time, its money, its tries and its content, in their order. */
export const callAccount = (
  events: readonly AnyEnvelope[],
): Pick<CallDetail, 'spans' | 'decisions' | 'money' | 'dispatches' | 'argumentsMasked' | 'outputMasked' | 'paramsHash' | 'outputHash'> => {
  const facts = events.flatMap((event) => {
    if (event.type === 'ToolCallRequested') return [event.data];
    if (event.type === 'ToolCallRefused' || event.type === 'ToolCallParked' || event.type === 'ToolCallResumed')
      return event.data.request ?? [];
    return [];
  })[0];
  const completed = events.findLast((event) => event.type === 'ToolCallCompleted');
  const output = completed?.type === 'ToolCallCompleted' ? completed.data : null;
  return {
    spans: callSpans(events),
    decisions: events.flatMap(decisionOf),
    money: events.flatMap(moneyOf),
    dispatches: events.flatMap(dispatchOf),
    argumentsMasked: facts?.paramsMasked ?? null,
    outputMasked: output?.outputMasked ?? null,
    paramsHash: facts?.paramsHash ?? null,
    outputHash: output?.outputHash ?? null,
  };
};
