import { AppError, type Envelope, type ErrorCode, type EventData, isAppError } from '@sallyport/contracts';
import { DECISION_AGE_MS_MAX, mayHaveEffect } from '@sallyport/domain';
import { isJsonObject, type JsonObject } from '@sallyport/mcp';
import { ATTRIBUTES, type Span } from '@sallyport/platform';
import { inputSchemaOf } from '../catalog-view/catalog-view.js';
import type { Step } from '../record/call-story.js';
import { AnswerInspection, type InspectedAnswer, obligedLabels } from './answer-inspection.js';
import type { CallRunnerDependencies, GovernedCall } from './call-runner.js';
import type { ClaimResult, EarlierCall } from './dispatch-claims.port.js';
import type { CallOutcome, LocalExchange, UpstreamExchange } from './exchange.port.js';
import { retell, sealAnswer } from './idempotent-answers.js';
import type { InputRounds } from './input-rounds.js';
import type { Trial } from './planned-call.js';
import { splitMeta } from './prepared-request.js';

type Decided = Envelope<'PolicyDecided'>;
type Reached = EventData<'ToolCallFailed'>['reached'];

/**
 * What acting on a decision led to: an end; the question asked anew because the decision had become too old; or people to be asked, because another
 * call used the grant.
 */
export type Acted =
  | CallOutcome
  | ElsewhereOutcome
  | { readonly kind: 'ask-again'; readonly asked: Promise<void> }
  | { readonly kind: 'ask-people' };

/** The call is somebody else's: another request goes on with it, or recovery gave it up. Its stream is theirs to end, so nothing is written into it. */
export interface ElsewhereOutcome {
  readonly kind: 'elsewhere';
}

/** What becomes of a claim: an answer that is delivered, nothing that was sent, or what nobody knows. */
type Ending = { readonly answer: JsonObject } | 'nothing-sent' | 'unknown';

const ATTEMPT = 1;

/** Acts on an `allow`: claims, records the dispatch, sends, inspects, records the answer, releases. One object per call. */
export class GovernedDispatch {
  private isClaimed = false;
  private claimedWith: string | null = null;
  private settled: 'no' | 'recorded' | 'withheld' = 'no';
  private dispatched: Step | null = null;
  private redactions = 0;
  private trial: (Trial & { readonly decisionId: string }) | null = null;

  constructor(
    private readonly governed: GovernedCall,
    private readonly dependencies: CallRunnerDependencies,
    private readonly rounds: InputRounds,
  ) {}

  /** Throws `store.unavailable` and `log.unavailable` before anything was sent; afterwards every failure is recorded and an outcome. */
  async act(decision: Decided, askedAtMs: number): Promise<Acted> {
    const { exchange } = this.governed;
    return exchange.kind === 'local' ? this.answerLocally(exchange, decision, askedAtMs) : this.dispatch(exchange, decision, askedAtMs);
  }

  /** Tries a planned call out: its tool's own dry run, claimed and on record like a call. */
  async tryOut(exchange: UpstreamExchange, decision: Decided, askedAtMs: number, trial: Trial): Promise<Acted> {
    this.trial = { ...trial, decisionId: decision.id };
    return this.dispatch(exchange, decision, askedAtMs);
  }

  /** Ends a plan without sending anything. */
  async plan(
    exchange: UpstreamExchange,
    decision: Decided,
    planned: Pick<EventData<'ToolCallPlanned'>, 'quoteMicros' | 'redactions'> & { readonly message: JsonObject },
  ): Promise<Acted> {
    const { call, story } = this.governed;
    const { message, ...told } = planned;
    const { events, durable } = story.step({
      type: 'RecordPlan',
      data: { ...told, decisionId: decision.id, dryRunHash: null, totalMicros: this.sinceMicros() },
    });
    if (events.length === 0) throw new AppError('policy.unavailable', `the plan of ${call.callId} is not answered`);
    await durable;
    await exchange.replay(message, call.callId);
    return { kind: 'answered', callId: call.callId, redactions: 0 };
  }

  private async answerLocally(exchange: LocalExchange, decision: Decided, askedAtMs: number): Promise<Acted> {
    const { call, story, question } = this.governed;
    const answer = await exchange.answer(decision.data, call.callId);
    const { released, record } = this.inspection(decision).final(answer);
    const data = { ...record, upstreamMicros: 0, totalMicros: this.sinceMicros(), reportedCostMicros: null };
    const { events, durable } = story.step({
      type: 'AnswerLocally',
      data: { decisionAgeMs: this.ageMs(askedAtMs), question, completed: data },
    });
    if (events[0]?.type === 'ToolCallReevaluationRequested') return { kind: 'ask-again', asked: durable };
    if (events.length === 0) throw new AppError('policy.unavailable', `call ${call.callId} is not cleared`);
    await durable;
    await exchange.release(released, call.callId);
    return { kind: 'answered', callId: call.callId, redactions: this.redactions };
  }

  private async dispatch(exchange: UpstreamExchange, decision: Decided, askedAtMs: number): Promise<Acted> {
    const { call, story, question, tool, prepared, earlier, key } = this.governed;
    if (earlier !== null) return this.answerAgain(exchange, decision, askedAtMs, earlier);
    const fault = this.faultOf(exchange);
    if (fault !== null) return this.refuse(fault.code, fault.reasons);
    const masked = prepared.content.mask(obligedLabels(decision.data, 'mask-arguments'));
    this.countRedactions(masked.redactions, 'arguments');
    const minted = await this.mint(exchange);
    const approvalId = decision.data.approvalId ?? null;
    let isClaimNeeded = this.isEffectful() || key !== null || approvalId !== null || this.trial !== null;
    if (isClaimNeeded) {
      // Claimed for one grant, or for none, a call is not sent with another: that one stays free for whoever claims it.
      if (this.isClaimed && this.claimedWith !== approvalId) return this.refuse('approval.withdrawn', ['grant.changed']);
      const holder = await this.claim(approvalId);
      if (holder === 'taken') return { kind: 'elsewhere' };
      if (holder === 'approval-used') return { kind: 'ask-people' };
      if (holder !== 'won') {
        if (this.isEffectful() || holder.state !== 'open') return this.answerAgain(exchange, decision, askedAtMs, holder);
        isClaimNeeded = false;
      }
    }
    const step = story.step({
      type: 'Dispatch',
      data: {
        decisionAgeMs: this.ageMs(askedAtMs),
        question,
        dispatched: {
          server: exchange.server,
          routeVersion: exchange.routeVersion,
          attempt: ATTEMPT,
          tokenId: minted?.tokenId ?? null,
          toolDigest: tool?.pinnedDigest ?? null,
          decisionId: decision.id,
          dryRun: this.trial !== null,
          redactions: masked.redactions,
        },
      },
    });
    if (step.events[0]?.type === 'ToolCallReevaluationRequested') return { kind: 'ask-again', asked: step.durable };
    if (step.events.length === 0) throw new AppError('policy.unavailable', `call ${call.callId} is not cleared`);
    this.dispatched = step;
    if (isClaimNeeded) {
      const failure = await step.durable.then(() => null).catch((error: unknown) => error);
      if (failure !== null) return this.fail('log.unavailable', 'no', 0);
      // The claim and the append took their time: a decision that grew too old meanwhile moves no byte.
      if (this.ageMs(askedAtMs) > DECISION_AGE_MS_MAX) return this.fail('policy.unavailable', 'no', 0, ['decision-too-old']);
    }
    const added = this.addedArguments();
    const travelling = withArguments(splitMeta(masked.value, call.meta), added);
    return this.send(exchange, decision, {
      ...travelling,
      // People agreed to the parameters. What a client may say differently each time does not travel on their word.
      ...(approvalId === null ? {} : { meta: {} }),
      isMasked: masked.redactions.length > 0 || Object.keys(added).length > 0 || approvalId !== null,
      token: minted?.token ?? null,
      askedAtMs,
    });
  }

  /** What the catalog says that the gateway adds: that it is a dry run, and the key by which the upstream knows a repetition. */
  private addedArguments(): JsonObject {
    const { tool, upstreamKey } = this.governed;
    const argument = tool?.idempotencyArgument ?? null;
    return {
      ...(argument === null || upstreamKey === null ? {} : { [argument]: upstreamKey }),
      ...(this.trial === null ? {} : { [this.trial.argument]: true }),
    };
  }

  /** What keeps a cleared call from being sent. Told only now: before the decision it would tell a stranger which tools exist. */
  faultOf(exchange: UpstreamExchange): { readonly code: ErrorCode; readonly reasons: readonly string[] } | null {
    const { call, tool, prepared } = this.governed;
    if (call.target.kind === 'tool' && call.method === 'tools/call') {
      const digest = prepared.facts.tool?.definitionDigest;
      const schema = tool === null ? null : inputSchemaOf(tool);
      if (digest === undefined || schema === null) return { code: 'tool.unknown', reasons: ['catalog.view-behind'] };
      const args = call.params.arguments ?? {};
      const fault = isJsonObject(args)
        ? this.dependencies.validator.check(digest, schema, args)
        : { reason: 'arguments.invalid', where: ['#/type'] };
      if (fault !== null) return { code: 'invoke.arguments-invalid', reasons: [fault.reason, ...fault.where] };
    }
    const code = exchange.fault(tool, call.params);
    return code === null ? null : { code, reasons: [] };
  }

  /** Whether sending may change something at the upstream; what nobody knows may. */
  private isEffectful(): boolean {
    const { call, prepared } = this.governed;
    return mayHaveEffect({ method: call.method, riskTier: prepared.facts.tool?.riskTier ?? null });
  }

  private async mint(exchange: UpstreamExchange) {
    const { call } = this.governed;
    if (exchange.audience === null) return null;
    const scope = call.target.kind === 'tool' && call.target.name !== null ? `${exchange.server}/${call.target.name}` : call.method;
    return this.dependencies.minter.mint({ principal: call.principal, audience: exchange.audience, scope, callId: call.callId });
  }

  private async claim(approvalId: string | null): Promise<ClaimResult> {
    if (this.isClaimed) return 'won';
    const { story, key } = this.governed;
    const { callId, chainId, principal, edgeId } = story.identity;
    const result = await this.dependencies.claims.win({
      callId,
      attempt: ATTEMPT,
      tenantId: principal.tenantId,
      chainId,
      edgeId,
      key,
      approvalId,
    });
    this.isClaimed = result === 'won';
    this.claimedWith = approvalId;
    return result;
  }

  /** Ends a claim under which nothing was dispatched: the call was refused, or given up, after it had won. */
  async letGo(): Promise<void> {
    if (this.isClaimed && this.dispatched === null) await this.conclude('nothing-sent');
  }

  /** Another call has the key: its answer is decided and inspected again, recorded and delivered again, and nothing is sent. */
  private async answerAgain(exchange: UpstreamExchange, decision: Decided, askedAtMs: number, earlier: EarlierCall): Promise<Acted> {
    const { call, story, question, key } = this.governed;
    if (key === null) throw new AppError('internal.error', `call ${call.callId} has no key`);
    const told = retell(earlier, key, call.principal.tenantId, this.dependencies.sealer);
    if ('refusal' in told) return this.refuse(told.refusal, [`earlier:${earlier.callId}`]);
    const { released, record } = this.inspection(decision).final(told.answer);
    // What was paid for once is not charged again.
    const data = { ...record, upstreamMicros: 0, totalMicros: this.sinceMicros(), reportedCostMicros: 0 };
    const { events, durable } = story.step({
      type: 'AnswerLocally',
      data: { decisionAgeMs: this.ageMs(askedAtMs), question, completed: data, isReplay: true },
    });
    if (events[0]?.type === 'ToolCallReevaluationRequested') return { kind: 'ask-again', asked: durable };
    if (events.length === 0) throw new AppError('policy.unavailable', `call ${call.callId} is not cleared`);
    await durable;
    this.redactions = this.countRedactions(record.redactions, 'result');
    await exchange.replay(released, call.callId);
    return { kind: 'answered', callId: call.callId, redactions: this.redactions };
  }

  private async send(
    exchange: UpstreamExchange,
    decision: Decided,
    travelling: {
      readonly params: JsonObject;
      readonly meta: JsonObject;
      readonly isMasked: boolean;
      readonly token: string | null;
      readonly askedAtMs: number;
    },
  ): Promise<CallOutcome> {
    const { call, tool } = this.governed;
    const span = this.clientSpan(exchange);
    const startedMs = this.dependencies.clock.monotonicMs();
    const inspection = this.inspection(decision);
    try {
      await exchange.send({
        callId: call.callId,
        decision: decision.data,
        ...travelling,
        traceparent: span.traceparent,
        tool,
        signal: call.signal,
        isCleared: () => this.ageMs(travelling.askedAtMs) <= DECISION_AGE_MS_MAX,
        interim: (message) => inspection.interim(message),
        settle: async (message) => {
          const inspected = inspection.final(message);
          const { trial } = this;
          if (trial !== null) return this.recordTrial(trial, inspected);
          await this.record(inspected, startedMs);
          return inspected.released;
        },
        settleEmpty: (upstreamCode) =>
          this.record({ released: {}, record: inspection.empty(upstreamCode), inputRequests: null }, startedMs),
      });
      span.end();
      this.measure(startedMs, undefined);
      if (this.settled === 'no') return await this.fail('upstream.answer-invalid', 'yes', this.microsSince(startedMs));
      return { kind: 'answered', callId: call.callId, redactions: this.redactions };
    } catch (error) {
      span.end({ error });
      this.measure(startedMs, isAppError(error) ? error.code : 'internal.error');
      return this.afterFailedSend(error, startedMs);
    }
  }

  private countRedactions(redactions: EventData<'ToolCallDispatched'>['redactions'], direction: 'arguments' | 'result'): number {
    const { redactions: meter } = this.dependencies.telemetry.meters;
    for (const { label, count } of redactions) meter.add(count, { [ATTRIBUTES.contentLabel]: label, [ATTRIBUTES.direction]: direction });
    return redactions.reduce((sum, { count }) => sum + count, 0);
  }

  private measure(startedMs: number, code: ErrorCode | undefined): void {
    const { call } = this.governed;
    this.dependencies.telemetry.meters.clientOperationDuration.record(this.microsSince(startedMs) / 1_000_000, {
      [ATTRIBUTES.mcpMethodName]: call.method,
      [ATTRIBUTES.upstream]: call.target.server ?? undefined,
      [ATTRIBUTES.errorType]: code,
    });
  }

  private async record({ released, record, inputRequests }: InspectedAnswer, startedMs: number): Promise<void> {
    const upstreamMicros = this.microsSince(startedMs);
    const totalMicros = this.sinceMicros();
    const { story } = this.governed;
    const step =
      inputRequests === null
        ? story.step({ type: 'RecordAnswer', data: { ...record, upstreamMicros, totalMicros, reportedCostMicros: null } })
        : story.step({
            type: 'RequireInput',
            data: {
              requests: inputRequests,
              outputHash: record.outputHash,
              labels: record.labels,
              redactions: record.redactions,
              upstreamMicros,
              totalMicros,
            },
          });
    // Who is asked back has not been served yet: what it answers is another request, under the same key.
    if (!(await this.isDurable(step, inputRequests === null ? { answer: released } : 'nothing-sent'))) {
      this.settled = 'withheld';
      throw new AppError('log.unavailable', `the answer of call ${story.identity.callId} was withheld`);
    }
    this.settled = 'recorded';
    if (inputRequests !== null) this.rounds.asked(this.governed.call, released, step.records[0]?.id ?? '');
    this.redactions = this.countRedactions(record.redactions, 'result');
  }

  /** What the tool said of its dry run is told within the plan, which is on record before it is told. */
  private async recordTrial(trial: Trial & { readonly decisionId: string }, { released, record }: InspectedAnswer): Promise<JsonObject> {
    const { story } = this.governed;
    const { decisionId, quoteMicros } = trial;
    const { redactions } = record;
    const step = story.step({
      type: 'RecordPlan',
      data: { decisionId, quoteMicros, redactions, dryRunHash: record.outputHash, totalMicros: this.sinceMicros() },
    });
    if (!(await this.isDurable(step, 'nothing-sent'))) {
      this.settled = 'withheld';
      throw new AppError('log.unavailable', `the plan of ${story.identity.callId} was withheld`);
    }
    this.settled = 'recorded';
    this.redactions = this.countRedactions(redactions, 'result');
    const { error, ...answered } = released;
    return { ...answered, ...trial.tell(released.result ?? error ?? null) };
  }

  private async afterFailedSend(error: unknown, startedMs: number): Promise<CallOutcome> {
    const { call, story } = this.governed;
    const { callId } = call;
    if (this.settled === 'recorded') return { kind: 'answered', callId, redactions: this.redactions };
    if (this.settled === 'withheld') return { kind: 'refused', callId, code: 'log.unavailable', requiredScopes: [] };
    const reached = reachedOf(error);
    if (call.signal.aborted) {
      await this.isDurable(story.step({ type: 'Cancel', data: { reached, totalMicros: this.sinceMicros() } }), endingOf(reached));
      return { kind: 'cancelled', callId };
    }
    return this.fail(isAppError(error) ? error.code : 'internal.error', reached, this.microsSince(startedMs));
  }

  private async fail(code: ErrorCode, reached: Reached, upstreamMicros: number, reasons: string[] = []): Promise<CallOutcome> {
    const { story, call } = this.governed;
    const step = story.step({ type: 'RecordFailure', data: { code, reasons, reached, upstreamMicros, totalMicros: this.sinceMicros() } });
    const isRecorded = await this.isDurable(step, endingOf(reached));
    return { kind: 'refused', callId: call.callId, code: isRecorded ? code : 'log.unavailable', requiredScopes: [] };
  }

  private async refuse(code: ErrorCode, reasons: readonly string[]): Promise<CallOutcome> {
    const { story, call } = this.governed;
    const bounded = reasons.slice(0, 64).map((reason) => reason.slice(0, 256));
    await story.step({ type: 'RefuseBeforeDispatch', data: { stage: 'dispatch', code, reasons: bounded, totalMicros: this.sinceMicros() } })
      .durable;
    return { kind: 'refused', callId: call.callId, code, requiredScopes: [] };
  }

  /** Waits for the dispatch and its outcome to be on record. What the log does not take is kept, to be recorded later: in the claim where there is one. */
  private async isDurable(outcome: Step, ending: Ending): Promise<boolean> {
    const { claims, unrecorded } = this.dependencies;
    const { callId } = this.governed.call;
    const missing = [];
    for (const step of [this.dispatched, outcome]) {
      if (step === null) continue;
      try {
        await step.durable;
      } catch {
        missing.push(...step.records);
      }
    }
    if (missing.length === 0) {
      await this.conclude(ending);
      return true;
    }
    if (this.isClaimed)
      await claims
        .keep({ callId, attempt: ATTEMPT, records: missing, answer: this.keptAnswer(ending), isNothingSent: ending === 'nothing-sent' })
        .catch(() => {});
    unrecorded.hold(missing, () => {
      if (this.isClaimed) claims.settle(callId, ATTEMPT);
    });
    return false;
  }

  /** Ends the claim. A key whose end could not be written stays in doubt: its call is never made twice. */
  private async conclude(ending: Ending): Promise<void> {
    if (!this.isClaimed) return;
    const { claims } = this.dependencies;
    const { callId } = this.governed.call;
    const answer = this.keptAnswer(ending);
    try {
      if (answer !== null) return await claims.conclude(callId, ATTEMPT, answer);
      if (ending === 'nothing-sent' && (this.governed.key !== null || this.dispatched === null))
        return await claims.release(callId, ATTEMPT, { isGrantUnused: this.dispatched === null });
    } catch (error) {
      if (!isAppError(error)) throw error;
    }
    claims.settle(callId, ATTEMPT);
  }

  private keptAnswer(ending: Ending): string | null {
    const { call, key } = this.governed;
    if (key === null || typeof ending === 'string') return null;
    return sealAnswer(ending.answer, call.principal.tenantId, call.callId, this.dependencies.sealer);
  }

  private inspection(decision: Decided): AnswerInspection {
    return new AnswerInspection(this.governed.call.principal.tenantId, this.dependencies.sealer, decision.data);
  }

  private clientSpan(exchange: UpstreamExchange): Span {
    const { call } = this.governed;
    const name = call.target.kind === 'tool' || call.target.kind === 'prompt' ? call.target.name : null;
    return this.dependencies.telemetry.startSpan(name === null ? call.method : `${call.method} ${name}`, {
      kind: 'client',
      parentTraceparent: call.span.traceparent,
      attributes: {
        [ATTRIBUTES.mcpMethodName]: call.method,
        [ATTRIBUTES.upstream]: exchange.server,
        [ATTRIBUTES.callId]: call.callId,
      },
    });
  }

  private ageMs(askedAtMs: number): number {
    return this.dependencies.clock.monotonicMs() - askedAtMs;
  }

  private microsSince(startedMs: number): number {
    return Math.max(0, Math.round((this.dependencies.clock.monotonicMs() - startedMs) * 1_000));
  }

  private sinceMicros(): number {
    return this.microsSince(this.governed.call.receivedAtMs);
  }
}

type Travelling = ReturnType<typeof splitMeta>;

const withArguments = (travelling: Travelling, added: JsonObject): Travelling => {
  if (Object.keys(added).length === 0) return travelling;
  const { params } = travelling;
  const args = isJsonObject(params.arguments) ? params.arguments : {};
  return { ...travelling, params: { ...params, arguments: { ...args, ...added } } };
};

const endingOf = (reached: Reached): Ending => (reached === 'no' ? 'nothing-sent' : 'unknown');

const reachedOf = (error: unknown): Reached => {
  const reached = isAppError(error) ? error.detail.reached : null;
  return reached === 'no' || reached === 'yes' ? reached : 'unknown';
};
