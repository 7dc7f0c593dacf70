import { type AnyEnvelope, eventTypeOf, type RequestFacts } from '@sallyport/contracts';
import { accountsOf, type LedgerCommand, type Payer } from '@sallyport/domain';

/** What a call event means to the ledger: its command, but for the price, which is looked up when the batch is decided. */
export type CallWish =
  | { readonly type: 'reserve' | 'quote'; readonly payer: Payer; readonly priced: boolean; readonly edgeId: string }
  | { readonly type: 'reserve-again'; readonly payer: Payer | null; readonly edgeId: string }
  | { readonly type: 'end'; readonly command: LedgerCommand };

const RESERVING = new Set(['ToolCallRequested', 'ToolCallResumed']);
const ENDING = new Set([
  'ToolCallParked',
  'ToolCallRefused',
  'ToolCallDispatched',
  'ToolCallReevaluationRequested',
  'ToolCallCompleted',
  'ToolCallFailed',
  'ToolCallPlanned',
  'ToolCallInputRequired',
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
      return { type: 'reserve-again', payer: resumingPayerOf(event.data.request), edgeId: event.data.edgeId };
    case 'ToolCallParked':
      return waiverOf('parked');
    case 'ToolCallRefused':
      return waiverOf(event.data.code);
    case 'ToolCallDispatched':
      return end({ type: 'NoteDispatch' });
    case 'ToolCallReevaluationRequested':
      // Asked behind a dispatch it says that nothing of it was sent; the hold is kept over every other question.
      return end({ type: 'NoteRecall' });
    case 'ToolCallCompleted':
      return end({ type: 'SettleBudget', actualMicros: event.data.reportedCostMicros });
    case 'ToolCallFailed':
      // Who reached the tool has used it, or may have: the books take the dearer view.
      return event.data.reached === 'no' ? returnOf(event.data.code) : end(CHARGE);
    case 'ToolCallCancelled':
      // Hanging up on a tool that works already does not make its work free.
      if (event.data.reached !== 'no') return end(CHARGE);
      return event.data.stage === 'dispatched' ? returnOf('call.cancelled') : waiverOf('call.cancelled');
    case 'ToolCallPlanned':
      return waiverOf('planned');
    case 'ToolCallAbandoned':
      return waiverOf('abandoned');
    case 'ToolCallInputRequired':
      // What the client answers is a call of its own, which is charged for itself.
      return returnOf('input-required');
    case 'ToolCallInDoubt':
      return end({ type: 'KeepInDoubt' });
    case 'ToolCallResolved':
      return event.data.resolution === 'executed' ? end(CHARGE) : returnOf('not-executed');
    default:
      return null;
  }
};

const CHARGE: LedgerCommand = { type: 'SettleBudget', actualMicros: null };
const end = (command: LedgerCommand): CallWish => ({ type: 'end', command });

/** Whoever waited goes on no more. */
const waiverOf = (reason: string): CallWish => end({ type: 'ReleaseBudget', reason, wasDispatched: false });
/** The tool is owed nothing, whether the call was sent or not. */
const returnOf = (reason: string): CallWish => end({ type: 'ReleaseBudget', reason, wasDispatched: true });

/**
 * How long a resumed call is worth an answer where nobody heard how long it was worth one at first. Longer than edges wait: a hold that comes
 * too late is given back when its edge refuses.
 */
const RESUMED_TTL_MS = 60_000;

const resumingPayerOf = (request: RequestFacts | undefined): Payer | null =>
  request === undefined ? null : payerOf(request, RESUMED_TTL_MS);

const payerOf = ({ principal, target }: RequestFacts, ttlMs: number): Payer => {
  const tool = target.server === null || target.name === null ? '' : `${target.server}/${target.name}`;
  return { accounts: accountsOf(principal, tool), tool, ttlMs };
};

/** Only calls of tools have a price; the plan of anything else is quoted at nothing. */
const freeOf = (ttlMs: number): Payer => ({ accounts: [], tool: '', ttlMs });
