import { type AnyEnvelope, type EventData, encodeEvent } from '@sallyport/contracts';
import { anEvent, toolCallCompleted, toolCallRefused } from '@sallyport/testing';
import { type AccountantHarness, of, requested } from './accountant.harness.js';

/** What one call of a busy tenant costs. */
export const COST = 100;

/** Calls of one tenant on many chains: every partition has some, so every accountant works on the same accounts. */
export const askFor = (names: readonly string[], chains: number): AnyEnvelope[] =>
  names.map((name, index) =>
    requested(name, { chainId: `chain-${index % chains}`, subject: `user:${index % 5}`, actors: [`agent:${index % 3}`] }),
  );

const dispatched: EventData<'ToolCallDispatched'> = {
  ...{ server: 'crm', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: null, decisionId: 'd', dryRun: false, redactions: [] },
};

/** What the edge writes when it has an answer: the paid ones go out and come back, each third is refused by policy, the others end. */
export const endingsOf = (answer: AnyEnvelope, index: number): AnyEnvelope[] => {
  const { callId, chainId } = answer;
  if (callId === null || chainId === null) throw new TypeError('no answer about a call');
  const here = of(callId, chainId);
  if (answer.type !== 'BudgetReserved')
    return [{ ...toolCallRefused({ stage: 'budget', code: 'budget.exhausted' }), ...here, id: `${callId}-end` }];
  if (index % 3 === 0) return [{ ...toolCallRefused(), ...here, id: `${callId}-end` }];
  return [
    anEvent('ToolCallDispatched', dispatched, { ...here, id: `${callId}-out` }),
    { ...toolCallCompleted({ reportedCostMicros: index % 3 === 1 ? COST - 30 : null }), ...here, id: `${callId}-end` },
  ];
};

/** What the books must be by what was said: held and spent per account, and how often each call was answered. */
export const booksBy = (said: readonly AnyEnvelope[]) => {
  const books = new Map<string, { held: number; spent: number; heldCalls: number; spentCalls: number }>();
  const open = new Map<string, number>();
  const answers = new Map<string, number>();
  for (const { type, data, callId } of said) {
    const id = callId ?? '';
    if (type === 'BudgetReserved' || type === 'BudgetReservationRefused') answers.set(id, (answers.get(id) ?? 0) + 1);
    if (type !== 'BudgetReserved' && type !== 'BudgetReleased' && type !== 'BudgetSettled') continue;
    for (const { account, amountMicros } of data.amounts) {
      const book = books.get(account) ?? { held: 0, spent: 0, heldCalls: 0, spentCalls: 0 };
      books.set(account, book);
      const sign = type === 'BudgetReserved' ? 1 : -1;
      book.held += type === 'BudgetReserved' ? amountMicros : -(open.get(id) ?? Number.NaN);
      book.heldCalls += sign;
      if (type === 'BudgetSettled') {
        book.spent += amountMicros;
        book.spentCalls += 1;
      }
    }
    if (type === 'BudgetReserved') open.set(id, data.amounts[0]?.amountMicros ?? 0);
  }
  return { books, answers };
};

/** Waits until each of the calls has been answered. */
export const answersTo = async (harness: AccountantHarness, names: readonly string[]): Promise<AnyEnvelope[]> => {
  const wanted = new Set(names);
  const found = (): AnyEnvelope[] =>
    harness.said.filter(({ type, callId }) => type.startsWith('BudgetReserv') && callId !== null && wanted.has(callId));
  await harness.until(() => new Set(found().map(({ callId }) => callId)).size === wanted.size, `answers to ${names.length} calls`);
  return found();
};

export const appendAll = async (harness: AccountantHarness, events: readonly AnyEnvelope[], size = 40): Promise<void> => {
  for (let at = 0; at < events.length; at += size) await harness.log.append(events.slice(at, at + size).map(encodeEvent));
};
