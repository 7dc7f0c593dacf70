import {
  AppError,
  type ErrorCode,
  type EventData,
  isAppError,
  isErrorCode,
  type PublicDetail,
  type ToolRecord,
} from '@sallyport/contracts';
import { missingAnswers, type Question, requiredAnswersOf } from '@sallyport/domain';
import type { EventLog } from '@sallyport/log';
import type { Clock, IdSource, Sealer, Telemetry } from '@sallyport/platform';
import type { CatalogView } from '../catalog-view/catalog-view.js';
import type { EdgeSettings } from '../edge-settings.js';
import type { AnswerJoin, Waiting } from '../join/answer-join.js';
import { CallStory } from '../record/call-story.js';
import type { UnrecordedOutcomes } from '../record/unrecorded-outcomes.js';
import type { TokenMinter } from '../tokens/token-minter.port.js';
import type { ArgumentValidator } from './argument-validator.js';
import type { AuthenticatedCall } from './authenticated-call.js';
import type { CallAdmission } from './call-admission.js';
import { chainIdOf } from './call-identity.js';
import type { DispatchClaims, EarlierCall, IdempotencyKey } from './dispatch-claims.port.js';
import type { CallOutcome, Exchange } from './exchange.port.js';
import { GovernedDispatch } from './governed-dispatch.js';
import { idempotencyKeyOf } from './idempotent-answers.js';
import { InputRounds } from './input-rounds.js';
import { bareFacts, type PreparedRequest, prepareRequest } from './prepared-request.js';

export interface CallRunnerDependencies {
  readonly settings: EdgeSettings;
  readonly log: Pick<EventLog, 'append' | 'isHealthy'>;
  readonly join: Pick<AnswerJoin, 'open'>;
  readonly catalog: Pick<CatalogView, 'find'>;
  readonly validator: ArgumentValidator;
  readonly admission: CallAdmission;
  readonly claims: DispatchClaims;
  readonly unrecorded: UnrecordedOutcomes;
  readonly minter: TokenMinter;
  readonly sealer: Sealer;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** A call between its request and its end. */
export interface GovernedCall {
  readonly call: AuthenticatedCall;
  readonly story: CallStory;
  readonly tool: ToolRecord | null;
  readonly prepared: PreparedRequest;
  readonly question: Question;
  readonly exchange: Exchange;
  /** What its caller means to happen once; `null` without a key. */
  readonly key: IdempotencyKey | null;
  /** The call that had the key when this one came: then this one is never dispatched, and nothing is held for it. */
  readonly earlier: EarlierCall | null;
}

/** Asked more often than this within its `ttl`, a call finds no fresh decision: the decision point is too slow for it. */
const EVALUATIONS_MAX = 8;

/**
 * The one path of every call, whatever it came by: admit, look, record, wait for the required answers, dispatch, inspect, record, release.
 * Nothing reaches an upstream without a recorded request and a fresh `allow`; nothing is released without its record.
 */
export class CallRunner {
  private readonly rounds: InputRounds;

  constructor(private readonly dependencies: CallRunnerDependencies) {
    this.rounds = new InputRounds(dependencies.sealer);
  }

  /** Never rejects: whatever happens is an outcome, and is on record as far as the log takes it. */
  async run(call: AuthenticatedCall, exchange: Exchange): Promise<CallOutcome> {
    const { admission } = this.dependencies;
    const story = this.open(call);
    const tool = this.toolOf(call);
    if (!admission.enter(call.principal.tenantId, call.isStream)) return this.refuseAlone(story, call, tool, 'call.tenant-saturated');
    try {
      return await this.govern(story, call, tool, exchange);
    } catch (error) {
      return this.closeAfterFault(story, call, isAppError(error) ? error.code : 'internal.error');
    } finally {
      admission.leave(call.principal.tenantId, call.isStream);
    }
  }

  private open(call: AuthenticatedCall): CallStory {
    const { sealer, settings } = this.dependencies;
    return new CallStory(
      {
        callId: call.callId,
        chainId: chainIdOf(sealer, call.principal),
        principal: call.principal,
        edgeId: settings.edgeId,
        traceparent: call.span.traceparent,
      },
      this.dependencies,
    );
  }

  private toolOf({ principal, target }: AuthenticatedCall): ToolRecord | null {
    if (target.kind !== 'tool' || target.server === null || target.name === null) return null;
    return this.dependencies.catalog.find(principal.tenantId, `${target.server}/${target.name}`);
  }

  private async govern(story: CallStory, call: AuthenticatedCall, tool: ToolRecord | null, exchange: Exchange): Promise<CallOutcome> {
    const { settings, sealer, join, unrecorded } = this.dependencies;
    if (call.isPlan) return this.refuseAlone(story, call, tool, 'plan.unsupported');
    if (unrecorded.isFull) throw new AppError('log.unavailable', 'too many outcomes wait for the log');
    const prepared = prepareRequest(call, tool, sealer, settings);
    if ('refusal' in prepared) return this.refuseAlone(story, call, tool, prepared.refusal);
    const wanted = idempotencyKeyOf(call, tool, prepared.facts.paramsHash, sealer);
    const holder = wanted === null ? null : await this.dependencies.claims.earlier(call.principal.tenantId, wanted.scope);
    // What only reads may be read again when the first reading was lost.
    const isRead = tool?.riskTier === 'read' && holder?.state === 'open' && holder.paramsHash === wanted?.paramsHash;
    const { key, earlier } = isRead ? { key: null, earlier: null } : { key: wanted, earlier: holder };
    const question = {
      request: prepared.facts,
      sealedParams: sealer.seal(call.principal.tenantId, prepared.paramsText, call.callId),
    };
    const waiting = join.open(call.callId);
    try {
      const governed = { call, story, tool, prepared, question, exchange, key, earlier };
      // The age of a decision counts from before the append that asked for it.
      const askedAtMs = this.dependencies.clock.monotonicMs();
      const requestId = await this.request(governed);
      if (requestId === null) return this.refused(story, 'log.unavailable');
      return await this.answer(governed, waiting, requestId, askedAtMs);
    } finally {
      waiting.close();
    }
  }

  /** Puts the request on record and answers the id of its event. `null`: the log is down, and a refusal is kept for it instead. */
  private async request(governed: GovernedCall): Promise<string | null> {
    const { call, story, question, earlier } = governed;
    const { settings, sealer, telemetry, log, clock } = this.dependencies;
    if (!log.isHealthy()) {
      this.refuseLater(governed);
      return null;
    }
    const idempotencyKeyHash =
      call.idempotencyKey === null ? null : sealer.keyedDigest(call.principal.tenantId, 'idempotency-key', call.idempotencyKey);
    const span = telemetry.startSpan('append ToolCallRequested', { parentTraceparent: call.span.traceparent });
    const startedMs = clock.monotonicMs();
    const { durable, records } = story.step(
      {
        type: 'RequestCall',
        data: {
          ...question.request,
          sealedParams: question.sealedParams,
          idempotencyKeyHash,
          ttlMs: settings.callTtlMs,
          requires: earlier === null ? [...requiredAnswersOf(call.method)] : ['policy'],
        },
      },
      this.rounds.askedBy(call),
    );
    try {
      await durable;
      telemetry.meters.logAppendDuration.record((clock.monotonicMs() - startedMs) / 1_000);
      span.end();
      return records[0]?.id ?? null;
    } catch (error) {
      span.end({ error });
      this.refuseLater(governed);
      return null;
    }
  }

  /** Nobody knows whether the request is on the log: what is recorded when it is back tells the whole story by itself. */
  private refuseLater({ call, question }: GovernedCall): void {
    const { records } = this.open(call).withhold({
      type: 'RefuseAtEdge',
      data: { code: 'log.unavailable', reasons: [], totalMicros: this.sinceMicros(call), request: question.request },
    });
    this.dependencies.unrecorded.hold(records);
  }

  /** Waits for the answers and acts on them, asking again as long as they come too late to be acted on. */
  private async answer(governed: GovernedCall, waiting: Waiting, requestId: string, firstAskedAtMs: number): Promise<CallOutcome> {
    const dispatch = new GovernedDispatch(governed, this.dependencies, this.rounds);
    try {
      return await this.decideAndAct(governed, dispatch, waiting, requestId, firstAskedAtMs);
    } finally {
      await dispatch.letGo();
    }
  }

  private async decideAndAct(
    governed: GovernedCall,
    dispatch: GovernedDispatch,
    waiting: Waiting,
    requestId: string,
    firstAskedAtMs: number,
  ): Promise<CallOutcome> {
    const { clock, settings } = this.dependencies;
    const { call, story } = governed;
    const deadlineMs = firstAskedAtMs + settings.callTtlMs;
    let askedAtMs = firstAskedAtMs;
    for (let evaluation = 1; evaluation <= EVALUATIONS_MAX; evaluation++) {
      const decision = await this.waitForDecision(governed, waiting, evaluation, deadlineMs);
      if (decision === null) {
        const held = await waiting.budget(requestId, 0, call.signal);
        if (held?.type === 'reserved') story.learn({ type: 'BudgetReserved', data: held.event.data }, null);
        return this.giveUp(governed, deadlineMs);
      }
      if (decision === 'unreadable') return this.refuseBefore(governed, 'policy', 'policy.unavailable', ['answer.unreadable']);
      const denied = story.step(
        { type: 'RecordPolicyDecision', data: { decision: decision.data, totalMicros: this.sinceMicros(call) } },
        decision.id,
      );
      story.learn({ type: 'PolicyDecided', data: decision.data }, decision.id);
      const [refusal] = denied.events;
      if (refusal?.type === 'ToolCallRefused') {
        await denied.durable;
        return this.refused(story, refusal.data.code, decision.data.requiredScopes);
      }
      const waitUntilMs = Math.min(askedAtMs + settings.decisionTimeoutMs, deadlineMs);
      const unpaid = await this.waitForBudget(governed, waiting, requestId, { waitUntilMs, deadlineMs });
      if (unpaid !== null) return unpaid;
      const before = this.dependencies.clock.monotonicMs();
      const acted = await dispatch.act(decision, askedAtMs);
      if (acted.kind !== 'ask-again') return acted;
      askedAtMs = before;
      await acted.asked;
      if (clock.monotonicMs() >= deadlineMs) return this.giveUp(governed, deadlineMs);
    }
    return this.giveUp(governed, deadlineMs);
  }

  private async waitForDecision({ call }: GovernedCall, waiting: Waiting, evaluation: number, deadlineMs: number) {
    const { clock, settings, telemetry } = this.dependencies;
    const span = telemetry.startSpan('wait for decision', { parentTraceparent: call.span.traceparent });
    const startedMs = clock.monotonicMs();
    // Timers drop fractions: one that ends a moment before the deadline would be told as a decision that did not come.
    const timeoutMs = Math.min(settings.decisionTimeoutMs, Math.ceil(deadlineMs - startedMs) + 1);
    const answer = await waiting.decision(evaluation, timeoutMs, call.signal);
    span.end(answer === null && !call.signal.aborted ? { error: new AppError('policy.unavailable', 'no decision in time') } : undefined);
    telemetry.meters.decisionDuration.record((clock.monotonicMs() - startedMs) / 1_000);
    if (answer === null) return null;
    return answer.type === 'decided' ? answer.event : ('unreadable' as const);
  }

  /**
   * Waits until the call is paid for; `null` when it is, or costs nothing. Only after policy allowed: what is denied is told by policy's
   * reasons, whatever the accountant says.
   */
  private async waitForBudget(
    governed: GovernedCall,
    waiting: Waiting,
    askedBy: string,
    { waitUntilMs, deadlineMs }: { readonly waitUntilMs: number; readonly deadlineMs: number },
  ): Promise<CallOutcome | null> {
    const { call, story } = governed;
    if (story.state.status !== 'requested' || !missingAnswers(story.state).includes('budget')) return null;
    const { clock, telemetry } = this.dependencies;
    const span = telemetry.startSpan('wait for budget', { parentTraceparent: call.span.traceparent });
    const answer = await waiting.budget(askedBy, waitUntilMs - clock.monotonicMs(), call.signal);
    span.end(answer === null && !call.signal.aborted ? { error: new AppError('budget.unavailable', 'no answer in time') } : undefined);
    if (answer === null) return this.giveUp(governed, deadlineMs);
    if (answer.type === 'unreadable') return this.refuseBefore(governed, 'budget', 'budget.unavailable', ['answer.unreadable']);
    if (answer.type === 'reserved') {
      // The decision stays the cause of what follows: the hold only lets it.
      story.learn({ type: 'BudgetReserved', data: answer.event.data }, null);
      return null;
    }
    const { data, id } = answer.event;
    const { events, durable } = story.step(
      { type: 'RecordBudgetAnswer', data: { answer: { type: 'refused', reason: data.reason }, totalMicros: this.sinceMicros(call) } },
      id,
    );
    await durable;
    const [event] = events;
    const code = event?.type === 'ToolCallRefused' ? event.data.code : 'budget.unavailable';
    return { ...this.refused(story, code), detail: leftOf(data) };
  }

  /** The client hung up, or time is over. */
  private async giveUp({ call, story }: GovernedCall, deadlineMs: number): Promise<CallOutcome> {
    const totalMicros = this.sinceMicros(call);
    if (call.signal.aborted) {
      await story.step({ type: 'Cancel', data: { reached: 'no', totalMicros } }).durable;
      return { kind: 'cancelled', callId: call.callId };
    }
    const deadline = this.dependencies.clock.monotonicMs() >= deadlineMs ? 'ttl' : 'answers';
    const { events, durable } = story.step({ type: 'PassDeadline', data: { deadline, totalMicros } });
    await durable;
    const [event] = events;
    return this.refused(story, event?.type === 'ToolCallRefused' ? event.data.code : 'call.deadline-passed');
  }

  private async refuseBefore(
    { call, story }: GovernedCall,
    stage: 'policy' | 'budget' | 'dispatch',
    code: ErrorCode,
    reasons: readonly string[],
  ): Promise<CallOutcome> {
    await story.step({ type: 'RefuseBeforeDispatch', data: { stage, code, reasons, totalMicros: this.sinceMicros(call) } }).durable;
    return this.refused(story, code);
  }

  /** One self-contained refusal, for what the edge can tell by itself. */
  private async refuseAlone(story: CallStory, call: AuthenticatedCall, tool: ToolRecord | null, code: ErrorCode): Promise<CallOutcome> {
    const { sealer, settings } = this.dependencies;
    const request = bareFacts(call, tool, sealer, settings.edgeId);
    try {
      await story.step({ type: 'RefuseAtEdge', data: { code, reasons: [], totalMicros: this.sinceMicros(call), request } }).durable;
    } catch {
      return this.refused(story, 'log.unavailable');
    }
    return this.refused(story, code);
  }

  /** Something broke between the request and its end: the record says so, now or when the log is back. */
  private async closeAfterFault(story: CallStory, call: AuthenticatedCall, code: ErrorCode): Promise<CallOutcome> {
    const totalMicros = this.sinceMicros(call);
    const steps = [
      story.step({ type: 'RefuseBeforeDispatch', data: { stage: 'dispatch', code, reasons: [], totalMicros } }),
      story.step({ type: 'RecordFailure', data: { code, reasons: [], reached: 'unknown', upstreamMicros: 0, totalMicros } }),
    ];
    for (const step of steps) await step.durable.catch(() => this.dependencies.unrecorded.hold(step.records));
    return this.refused(story, code);
  }

  private refused(
    story: CallStory,
    code: string,
    requiredScopes: readonly string[] = [],
  ): Extract<CallOutcome, { readonly kind: 'refused' }> {
    return { kind: 'refused', callId: story.identity.callId, code: isErrorCode(code) ? code : 'policy.denied', requiredScopes };
  }

  private sinceMicros(call: AuthenticatedCall): number {
    return Math.max(0, Math.round((this.dependencies.clock.monotonicMs() - call.receivedAtMs) * 1_000));
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
