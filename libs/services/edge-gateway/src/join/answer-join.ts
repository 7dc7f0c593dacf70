import { type AnyEnvelope, decodeEvent, type Envelope, eventTypeOf, isAppError, RECORD_HEADERS } from '@sallyport/contracts';
import type { EventLog, RecordBatch, Subscription } from '@sallyport/log';

/** An answer nobody here can read: another version, an obligation we do not know. */
interface Unreadable {
  readonly type: 'unreadable';
}
/** What the decision point said. */
export type JoinedAnswer = { readonly type: 'decided'; readonly event: Envelope<'PolicyDecided'> } | Unreadable;
/** What the accountant said. */
export type JoinedBudget =
  | { readonly type: 'reserved'; readonly event: Envelope<'BudgetReserved'> }
  | { readonly type: 'quoted'; readonly event: Envelope<'BudgetQuoted'> }
  | { readonly type: 'refused'; readonly event: Envelope<'BudgetReservationRefused'> }
  | Unreadable;

/** How a question to people ended. */
export type ApprovalEnd = Extract<AnyEnvelope, { readonly type: (typeof APPROVAL_ENDS)[number] }>;
/** What became of the question that a parking asked: known and open, or ended. */
export type JoinedApproval =
  | { readonly type: 'asked'; readonly approvalId: string; readonly expiresAt: string }
  | { readonly type: 'ended'; readonly approvalId: string; readonly event: ApprovalEnd }
  | Unreadable;

/** What a call waits for; open it before the question is appended, close it when the call ended. */
export interface Waiting {
  /**
   * Resolves with the first decision of that evaluation, also when it came before anybody asked; with `null` when `timeoutMs` passed or
   * `signal` was aborted. Never rejects.
   */
  decision(evaluation: number, timeoutMs: number, signal: AbortSignal): Promise<JoinedAnswer | null>;
  /** The same for the first answer of the accountant to the event that asked for the hold: one to an earlier event means nothing. */
  budget(askedBy: string, timeoutMs: number, signal: AbortSignal): Promise<JoinedBudget | null>;
  /** The same for people: `asked` resolves when the question of that `ToolCallParked` is known, `ended` when it ended. */
  approval(parkedBy: string, until: 'asked' | 'ended', timeoutMs: number, signal: AbortSignal): Promise<JoinedApproval | null>;
  close(): void;
}

type Topic = (typeof TOPICS)[number];

/** What came for one call, each in the order it came: little enough for lists. */
interface Slot {
  readonly decisions: Envelope<'PolicyDecided'>[];
  readonly budgets: Exclude<JoinedBudget, Unreadable>[];
  readonly approvals: (Envelope<'ApprovalRequested'> | ApprovalEnd)[];
  /** Topics on which something came that nobody can read. */
  readonly unreadable: string[];
  wake: (() => void) | null;
}

const POLICY = 'policy.events.v1';
const BUDGET = 'budget.events.v1';
const APPROVAL = 'approval.events.v1';
const TOPICS = [POLICY, BUDGET, APPROVAL] as const;
const APPROVAL_ENDS = ['ApprovalGranted', 'ApprovalRejected', 'ApprovalExpired', 'ApprovalWithdrawn'] as const;
const ANSWERS: ReadonlySet<string> = new Set([
  ...['PolicyDecided', 'BudgetReserved', 'BudgetQuoted', 'BudgetReservationRefused', 'ApprovalRequested'],
  ...APPROVAL_ENDS,
]);

/**
 * Joins the answers of the other services to the calls of this instance, in whichever order they come. Reads ephemerally under the instance's
 * own stable name, from the end of the log at readiness; drops other instances' answers by their `edge-id` header, before any parsing.
 */
export class AnswerJoin {
  private readonly slots = new Map<string, Slot>();
  private subscription: Subscription | null = null;

  constructor(
    private readonly log: EventLog,
    private readonly edgeId: string,
  ) {}

  /** Resolves when every answer appended from now on will be seen: until then the gateway is not ready. Throws `log.unavailable`. */
  async start(): Promise<void> {
    this.subscription = await this.log.subscribe({
      group: `edge-gateway-join-${this.edgeId}`,
      topics: TOPICS,
      from: 'latest',
      positions: 'ephemeral',
      accept: (headers) => headers[RECORD_HEADERS.edgeId] === this.edgeId,
      handle: (batch) => {
        this.take(batch);
        return Promise.resolve();
      },
    });
    await this.subscription.ready;
  }

  open(callId: string): Waiting {
    const slot: Slot = { decisions: [], budgets: [], approvals: [], unreadable: [], wake: null };
    this.slots.set(callId, slot);
    return {
      decision: (evaluation, timeoutMs, signal) =>
        waitFor(slot, () => decisionOf(slot, evaluation) ?? unreadableOn(slot, POLICY), timeoutMs, signal),
      budget: (askedBy, timeoutMs, signal) => waitFor(slot, () => budgetOf(slot, askedBy) ?? unreadableOn(slot, BUDGET), timeoutMs, signal),
      approval: (parkedBy, until, timeoutMs, signal) =>
        waitFor(slot, () => approvalOf(slot, parkedBy, until) ?? unreadableOn(slot, APPROVAL), timeoutMs, signal),
      close: () => {
        this.slots.delete(callId);
      },
    };
  }

  /** Takes a batch of answers. What is for nobody here (late, or repeated) is dropped. */
  take(batch: Pick<RecordBatch, 'records'>): void {
    for (const record of batch.records) {
      const callId = record.headers.ce_subject;
      const slot = callId === undefined ? undefined : this.slots.get(callId);
      const type = eventTypeOf(record.headers);
      if (slot === undefined || type === null || !ANSWERS.has(type)) continue;
      this.offer(slot, record);
      slot.wake?.();
    }
  }

  async close(): Promise<void> {
    await this.subscription?.close();
    for (const slot of this.slots.values()) slot.wake?.();
  }

  private offer(slot: Slot, record: RecordBatch['records'][number]): void {
    try {
      keep(slot, decodeEvent(record));
    } catch (error) {
      if (!isAppError(error)) throw error;
      slot.unreadable.push(record.topic);
    }
  }
}

const keep = (slot: Slot, event: AnyEnvelope): void => {
  if (event.type === 'PolicyDecided') slot.decisions.push(event);
  else if (event.type === 'BudgetQuoted') slot.budgets.push({ type: 'quoted', event });
  else if (event.type === 'BudgetReserved') slot.budgets.push({ type: 'reserved', event });
  else if (event.type === 'BudgetReservationRefused') slot.budgets.push({ type: 'refused', event });
  else if (event.type === 'ApprovalRequested' || isApprovalEnd(event)) slot.approvals.push(event);
};

/** Of two answers to one question the first counts. */
const decisionOf = ({ decisions }: Slot, evaluation: number): JoinedAnswer | null => {
  const event = decisions.find(({ data }) => data.evaluation === evaluation);
  return event === undefined ? null : { type: 'decided', event };
};

const budgetOf = ({ budgets }: Slot, askedBy: string): JoinedBudget | null =>
  budgets.find(({ event }) => event.causationId === askedBy) ?? null;

const isApprovalEnd = (event: AnyEnvelope): event is ApprovalEnd => APPROVAL_ENDS.some((type) => type === event.type);

/** A parking is answered by the first event that it caused: it names the question, and every later event of that question counts. */
const approvalOf = ({ approvals }: Slot, parkedBy: string, until: 'asked' | 'ended'): JoinedApproval | null => {
  const from = approvals.findIndex(({ causationId }) => causationId === parkedBy);
  const first = approvals[from];
  if (first === undefined) return null;
  const { approvalId } = first.data;
  for (const event of approvals.slice(from)) {
    if (isApprovalEnd(event) && event.data.approvalId === approvalId) return { type: 'ended', approvalId, event };
  }
  if (until === 'ended' || first.type !== 'ApprovalRequested') return null;
  return { type: 'asked', approvalId, expiresAt: first.data.expiresAt };
};

const unreadableOn = (slot: Slot, topic: Topic): Unreadable | null => (slot.unreadable.includes(topic) ? { type: 'unreadable' } : null);

const waitFor = <T>(slot: Slot, present: () => T | null, timeoutMs: number, signal: AbortSignal): Promise<T | null> => {
  const already = present();
  if (already !== null || signal.aborted || timeoutMs <= 0) return Promise.resolve(already);
  return new Promise((resolve) => {
    const end = (answer: T | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', hangUp);
      slot.wake = null;
      resolve(answer);
    };
    const hangUp = (): void => end(null);
    const timer = setTimeout(() => end(null), timeoutMs);
    signal.addEventListener('abort', hangUp, { once: true });
    slot.wake = () => {
      const answer = present();
      if (answer !== null) end(answer);
    };
  });
};
