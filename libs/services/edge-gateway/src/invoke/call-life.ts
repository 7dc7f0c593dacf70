import {
  AppError,
  type CallPrice,
  type Envelope,
  type ErrorCode,
  type EventData,
  isErrorCode,
  type PublicDetail,
} from '@sallyport/contracts';
import { asksForPeople, missingAnswers } from '@sallyport/domain';
import type { JoinedBudget, Waiting } from '../join/answer-join.js';
import { ApprovalWait, type AskedQuestion } from './approval-wait.js';
import type { CallRunnerDependencies, GovernedCall } from './call-runner.js';
import { microsSince } from './elapsed.js';
import type { CallOutcome } from './exchange.port.js';
import { type ElsewhereOutcome, GovernedDispatch } from './governed-dispatch.js';
import type { InputRounds } from './input-rounds.js';
import { PlannedCall } from './planned-call.js';

/** Asked more often than this within its `ttl`, a call finds no fresh decision: the decision point is too slow for it. */
const EVALUATIONS_MAX = 8;
/** Parked more often than this without its client coming back, a call loses every grant to another. */
const PARKINGS_MAX = 8;

type Decided = Envelope<'PolicyDecided'>;
type Refused = Extract<CallOutcome, { readonly kind: 'refused' }>;

/** The life of one call from its question to its end: answered by policy, paid for, agreed to by people where policy wants it, then acted on. */
export class CallLife {
  private readonly people: ApprovalWait;
  private paid: JoinedBudget | null = null;

  constructor(
    private readonly governed: GovernedCall,
    private readonly waiting: Waiting,
    private readonly dependencies: CallRunnerDependencies,
    private readonly rounds: InputRounds,
  ) {
    this.people = new ApprovalWait(governed, waiting, dependencies);
  }

  /** Waits for the answers and acts on them, asking again as long as they come too late to be acted on. */
  async follow(asked: AskedQuestion): Promise<CallOutcome | ElsewhereOutcome> {
    const dispatch = new GovernedDispatch(this.governed, this.dependencies, this.rounds);
    try {
      return await this.decideAndAct(dispatch, asked);
    } finally {
      await dispatch.letGo();
    }
  }

  /** Goes on with a call that waited for people and whose client came back. */
  async comeBack(): Promise<CallOutcome | ElsewhereOutcome> {
    const held = await this.people.hold(null, null);
    return held.kind === 'resumed' ? this.follow(held.asked) : held;
  }

  private async decideAndAct(dispatch: GovernedDispatch, first: AskedQuestion): Promise<CallOutcome | ElsewhereOutcome> {
    const { clock, settings } = this.dependencies;
    let asked = first;
    let deadlineMs = first.askedAtMs + settings.callTtlMs;
    let parkings = 0;
    for (let evaluations = 0; evaluations < EVALUATIONS_MAX; evaluations++) {
      const decision = await this.decision(asked, deadlineMs);
      if ('kind' in decision) return decision;
      const waitUntilMs = Math.min(asked.askedAtMs + settings.decisionTimeoutMs, deadlineMs);
      const unpaid = await this.payment(asked.eventId, { waitUntilMs, deadlineMs });
      if (unpaid !== null) return unpaid;
      const acted = this.waitsForPeople(decision) ? ({ kind: 'ask-people' } as const) : await this.act(dispatch, decision, asked.askedAtMs);
      if (acted.kind === 'ask-people') {
        if (++parkings > PARKINGS_MAX) return this.giveUp(deadlineMs);
        const held = await this.people.hold(asksForPeople(decision.data) ? decision : null, priceOf(this.paid));
        if (held.kind !== 'resumed') return held;
        asked = held.asked;
        deadlineMs = asked.askedAtMs + settings.callTtlMs;
        evaluations = -1;
        continue;
      }
      if (acted.kind !== 'ask-again') return acted;
      asked = { evaluation: asked.evaluation + 1, eventId: asked.eventId, askedAtMs: acted.askedAtMs };
      await acted.asked;
      if (clock.monotonicMs() >= deadlineMs) return this.giveUp(deadlineMs);
    }
    return this.giveUp(deadlineMs);
  }

  /** Whether people must agree first. To an answer that is told again they agreed when it was new, and of a plan nobody is asked. */
  private waitsForPeople({ data }: Decided): boolean {
    return asksForPeople(data) && this.governed.earlier === null && !this.governed.call.isPlan;
  }

  private act(dispatch: GovernedDispatch, decision: Decided, askedAtMs: number) {
    const { call, exchange } = this.governed;
    return call.isPlan && exchange.kind === 'upstream'
      ? new PlannedCall(this.governed, this.paid, dispatch, this.dependencies).tell(exchange, decision, askedAtMs)
      : dispatch.act(decision, askedAtMs);
  }

  /** The decision of an evaluation, folded; or the end it is for the call. */
  private async decision(asked: AskedQuestion, deadlineMs: number): Promise<Decided | CallOutcome> {
    const { call, story } = this.governed;
    const { clock, settings, telemetry } = this.dependencies;
    const span = telemetry.startSpan('wait for decision', { parentTraceparent: call.span.traceparent });
    const startedMs = clock.monotonicMs();
    // Timers drop fractions: one that ends a moment before the deadline would be told as a decision that did not come.
    const timeoutMs = Math.min(settings.decisionTimeoutMs, Math.ceil(deadlineMs - startedMs) + 1);
    const answer = await this.waiting.decision(asked.evaluation, timeoutMs, call.signal);
    span.end(answer === null && !call.signal.aborted ? { error: new AppError('policy.unavailable', 'no decision in time') } : undefined);
    telemetry.meters.decisionDuration.record((clock.monotonicMs() - startedMs) / 1_000);
    if (answer === null) {
      const held = await this.waiting.budget(asked.eventId, 0, call.signal);
      if (held?.type === 'reserved') story.learn({ type: 'BudgetReserved', data: held.event.data }, null);
      return this.giveUp(deadlineMs);
    }
    if (answer.type !== 'decided') return this.refuseBefore('policy', 'policy.unavailable', ['answer.unreadable']);
    const { event } = answer;
    const denied = story.step({ type: 'RecordPolicyDecision', data: { decision: event.data, totalMicros: this.sinceMicros() } }, event.id);
    story.learn({ type: 'PolicyDecided', data: event.data }, event.id);
    const [refusal] = denied.events;
    if (refusal?.type !== 'ToolCallRefused') return event;
    await denied.durable;
    return this.refused(refusal.data.code, event.data.requiredScopes);
  }

  /**
   * Waits until the call is paid for, or quoted; `null` when it is, or costs nothing. Only after policy allowed: what is denied is told by policy's
   * reasons, whatever the accountant says.
   */
  private async payment(
    askedBy: string,
    { waitUntilMs, deadlineMs }: { readonly waitUntilMs: number; readonly deadlineMs: number },
  ): Promise<CallOutcome | null> {
    const { call, story } = this.governed;
    if (story.state.status !== 'requested' || !missingAnswers(story.state).includes('budget')) return null;
    const { clock, telemetry } = this.dependencies;
    const span = telemetry.startSpan('wait for budget', { parentTraceparent: call.span.traceparent });
    const answer = await this.waiting.budget(askedBy, waitUntilMs - clock.monotonicMs(), call.signal);
    span.end(answer === null && !call.signal.aborted ? { error: new AppError('budget.unavailable', 'no answer in time') } : undefined);
    this.paid = answer;
    if (answer === null) return this.giveUp(deadlineMs);
    switch (answer.type) {
      case 'unreadable':
        return this.refuseBefore('budget', 'budget.unavailable', ['answer.unreadable']);
      // The decision stays the cause of what follows: the hold only lets it.
      case 'reserved':
        story.learn({ type: 'BudgetReserved', data: answer.event.data }, null);
        return null;
      case 'quoted':
        story.learn({ type: 'BudgetQuoted', data: answer.event.data }, null);
        return null;
      case 'refused':
        return this.unpaid(answer.event);
    }
  }

  private async unpaid({ data, id }: Envelope<'BudgetReservationRefused'>): Promise<CallOutcome | null> {
    const { story } = this.governed;
    const { events, durable } = story.step(
      { type: 'RecordBudgetAnswer', data: { answer: { type: 'refused', reason: data.reason }, totalMicros: this.sinceMicros() } },
      id,
    );
    story.learn({ type: 'BudgetReservationRefused', data }, null);
    const [event] = events;
    // A plan tells that nobody can pay.
    if (event?.type !== 'ToolCallRefused') return null;
    await durable;
    return { ...this.refused(event.data.code), detail: leftOf(data) };
  }

  /** The client hung up, or time is over. */
  private async giveUp(deadlineMs: number): Promise<CallOutcome> {
    const { call, story } = this.governed;
    const totalMicros = this.sinceMicros();
    if (call.signal.aborted) {
      await story.step({ type: 'Cancel', data: { reached: 'no', totalMicros } }).durable;
      return { kind: 'cancelled', callId: call.callId };
    }
    const deadline = this.dependencies.clock.monotonicMs() >= deadlineMs ? 'ttl' : 'answers';
    const { events, durable } = story.step({ type: 'PassDeadline', data: { deadline, totalMicros } });
    await durable;
    const [event] = events;
    return this.refused(event?.type === 'ToolCallRefused' ? event.data.code : 'call.deadline-passed');
  }

  private async refuseBefore(stage: 'policy' | 'budget', code: ErrorCode, reasons: readonly string[]): Promise<CallOutcome> {
    const { story } = this.governed;
    await story.step({ type: 'RefuseBeforeDispatch', data: { stage, code, reasons, totalMicros: this.sinceMicros() } }).durable;
    return this.refused(code);
  }

  private refused(code: string, requiredScopes: readonly string[] = []): Refused {
    return { kind: 'refused', callId: this.governed.call.callId, code: isErrorCode(code) ? code : 'policy.denied', requiredScopes };
  }

  private sinceMicros(): number {
    return microsSince(this.dependencies.clock, this.governed.call.receivedAtMs);
  }
}

/** What a client is told of the account that cannot pay: which, what is left, and when it is worth asking again. */
const leftOf = (refusal: EventData<'BudgetReservationRefused'>): PublicDetail => {
  const { account, remainingMicros, currency, resetsAt, window, remainingCalls } = refusal;
  const known = { account, window, remainingMicros, currency, remainingCalls, resetsAt };
  const detail: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(known)) if (value !== null && value !== undefined) detail[name] = value;
  return detail;
};

/** What a reservation says a call costs; `null` where nothing is held, or where another hold answers for it. */
const priceOf = (paid: JoinedBudget | null): CallPrice | null => {
  if (paid?.type !== 'reserved') return null;
  const { amounts, currency, priceListVersion } = paid.event.data;
  const [first] = amounts;
  if (first === undefined) return null;
  return { amountMicros: first.amountMicros, currency, accounts: amounts.map(({ account }) => account), priceListVersion };
};
