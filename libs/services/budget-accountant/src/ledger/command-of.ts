import { type AnyEnvelope, eventTypeOf, type RequestFacts } from '@sallyport/contracts';
import { accountsOf, type LedgerCommand, type Payer } from '@sallyport/domain';

/** What a call event means to the ledger: its command, but for the price, which is looked up when the batch is decided. */
export type CallWish =
  | { readonly type: 'reserve' | 'quote'; readonly payer: Payer; readonly priced: boolean; readonly edgeId: string }
  | { readonly type: 'reserve-again'; readonly edgeId: string }
  | { readonly type: 'end'; readonly command: LedgerCommand };

const RESERVING = new Set(['ToolCallRequested', 'ToolCallResumed']);
const ENDING = new Set([
  'ToolCallParked',
  'ToolCallRefused',
  'ToolCallDispatched',
  'ToolCallCompleted',
  'ToolCallFailed',
  'ToolCallPlanned',
  'ToolCallInDoubt',
  'ToolCallResolved',
  'ToolCallAbandoned',
  'ToolCallCancelled',
]);

/** Which records of the call topic the accountant handles; the rest costs no parsing. */
export const isAccountable = (headers: Readonly<Record<string, string>>): boolean => {
  const type = eventTypeOf(headers) ?? '';
  return RESERVING.has(type) || ENDING.has(type);
};

/** Records that an edge waits for. Everything else may be gathered. */
export const isReservation = (headers: Readonly<Record<string, string>>): boolean => RESERVING.has(eventTypeOf(headers) ?? '');

/** `null`: it is nothing to the ledger. */
export const wishOf = (event: AnyEnvelope): CallWish | null => {
  switch (event.type) {
    case 'ToolCallRequested': {
      const { requires, purpose, method, edgeId } = event.data;
      if (!requires.includes('budget')) return null;
      const isCall = method === 'tools/call';
      if (purpose === 'plan')
        return { type: 'quote', payer: isCall ? payerOf(event.data, event.data.ttlMs) : freeOf(event.data.ttlMs), priced: isCall, edgeId };
      return isCall ? { type: 'reserve', payer: payerOf(event.data, event.data.ttlMs), priced: true, edgeId } : null;
    }
    case 'ToolCallResumed':
      return { type: 'reserve-again', edgeId: event.data.edgeId };
    case 'ToolCallParked':
      return end({ type: 'ParkCall' });
    case 'ToolCallRefused':
      return end({ type: 'ReleaseBudget', reason: event.data.code });
    case 'ToolCallDispatched':
      return end({ type: 'NoteDispatch' });
    case 'ToolCallCompleted':
      return end({ type: 'SettleBudget', actualMicros: event.data.reportedCostMicros });
    case 'ToolCallFailed':
      // Who reached the tool has used it, or may have: the books take the dearer view.
      return end(event.data.reached === 'no' ? { type: 'ReleaseBudget', reason: event.data.code } : CHARGE);
    case 'ToolCallCancelled':
      // Hanging up on a tool that works already does not make its work free.
      return end(event.data.reached === 'no' ? { type: 'ReleaseBudget', reason: 'call.cancelled' } : CHARGE);
    case 'ToolCallPlanned':
      return end({ type: 'ReleaseBudget', reason: 'planned' });
    case 'ToolCallAbandoned':
      return end({ type: 'ReleaseBudget', reason: 'abandoned' });
    case 'ToolCallInDoubt':
      return end({ type: 'KeepInDoubt' });
    case 'ToolCallResolved':
      return end(event.data.resolution === 'executed' ? CHARGE : { type: 'ReleaseBudget', reason: 'not-executed' });
    default:
      return null;
  }
};

const CHARGE: LedgerCommand = { type: 'SettleBudget', actualMicros: null };
const end = (command: LedgerCommand): CallWish => ({ type: 'end', command });

const payerOf = ({ principal, target }: RequestFacts, ttlMs: number): Payer => {
  const tool = target.server === null || target.name === null ? '' : `${target.server}/${target.name}`;
  return { accounts: accountsOf(principal, tool), tool, ttlMs };
};

/** Only calls of tools have a price; the plan of anything else is quoted at nothing. */
const freeOf = (ttlMs: number): Payer => ({ accounts: [], tool: '', ttlMs });
