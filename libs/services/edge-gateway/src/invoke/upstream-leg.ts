import { AppError, type Envelope, type ErrorCode, type EventData, isAppError } from '@sallyport/contracts';
import { DECISION_AGE_MS_MAX } from '@sallyport/domain';
import type { JsonObject } from '@sallyport/mcp';
import { ATTRIBUTES, type Span } from '@sallyport/platform';
import type { Step } from '../record/call-story.js';
import { AnswerInspection, type InspectedAnswer } from './answer-inspection.js';
import type { CallRunnerDependencies, GovernedCall } from './call-runner.js';
import { microsSince } from './elapsed.js';
import type { CallOutcome, Dispatch, UpstreamExchange } from './exchange.port.js';
import type { Ending, HeldClaim } from './held-claim.js';
import type { InputRounds } from './input-rounds.js';
import type { Trial } from './planned-call.js';

type Reached = EventData<'ToolCallFailed'>['reached'];

/** What goes out on the leg. */
export type Travelling = Pick<Dispatch, 'params' | 'meta' | 'isMasked' | 'token'>;

/** The decision grew too old before the first byte: nothing was sent, and nothing is said of it yet. */
export interface Lapsed {
  readonly kind: 'lapsed';
}

/** What a leg rests on. */
export interface LegBasis {
  readonly decision: Envelope<'PolicyDecided'>;
  /** Monotonic: the age of the decision counts from here. */
  readonly askedAtMs: number;
  /** `ToolCallDispatched`: on its way to the log, or there. */
  readonly dispatched: Step;
  readonly claim: HeldClaim;
  /** A planned call that is tried out; `null` for every other. */
  readonly trial: (Trial & { readonly decisionId: string }) | null;
}

/** The way of one dispatched call to its upstream and back: sends, inspects what comes, records the outcome, releases. One object per dispatch. */
export class UpstreamLeg {
  private settled: 'no' | 'recorded' | 'withheld' = 'no';
  private hasLapsed = false;
  private redactions = 0;

  constructor(
    private readonly governed: GovernedCall,
    private readonly dependencies: CallRunnerDependencies,
    private readonly rounds: InputRounds,
    private readonly basis: LegBasis,
  ) {}

  /** Never rejects: every failure is recorded and an outcome, but for a decision that lapsed. */
  async send(exchange: UpstreamExchange, travelling: Travelling): Promise<CallOutcome | Lapsed> {
    const { call, tool } = this.governed;
    const { decision } = this.basis;
    const span = this.clientSpan(exchange);
    const startedMs = this.dependencies.clock.monotonicMs();
    const inspection = new AnswerInspection(call.principal.tenantId, this.dependencies.sealer, decision.data);
    try {
      await exchange.send({
        callId: call.callId,
        decision: decision.data,
        ...travelling,
        traceparent: span.traceparent,
        tool,
        signal: call.signal,
        isCleared: () => this.isCleared(),
        interim: (message) => inspection.interim(message),
        settle: async (message) => {
          const inspected = inspection.final(message);
          const { trial } = this.basis;
          if (trial !== null) return await this.recordTrial(trial, inspected);
          await this.record(inspected, startedMs);
          return inspected.released;
        },
        settleEmpty: (upstreamCode) =>
          this.record({ released: {}, record: inspection.empty(upstreamCode), inputRequests: null }, startedMs),
      });
      span.end();
      this.measure(startedMs, undefined);
      if (this.settled === 'no') return await this.fail('upstream.answer-invalid', 'yes', microsSince(this.dependencies.clock, startedMs));
      return { kind: 'answered', callId: call.callId, redactions: this.redactions };
    } catch (error) {
      span.end({ error });
      this.measure(startedMs, isAppError(error) ? error.code : 'internal.error');
      return await this.afterFailedSend(error, startedMs);
    }
  }

  /** Records that no usable answer came. */
  async fail(code: ErrorCode, reached: Reached, upstreamMicros: number, isRefused = false): Promise<CallOutcome> {
    const { story, call } = this.governed;
    const data = { code, reasons: [], reached, upstreamMicros, totalMicros: this.sinceMicros() };
    const isRecorded = await this.endUnanswered(
      story.step({ type: 'RecordFailure', data, isRefused }),
      reached === 'no' || isRefused ? 'nothing-done' : 'unknown',
    );
    return { kind: 'refused', callId: call.callId, code: isRecorded ? code : 'log.unavailable', requiredScopes: [] };
  }

  private isCleared(): boolean {
    const isFresh = this.dependencies.clock.monotonicMs() - this.basis.askedAtMs <= DECISION_AGE_MS_MAX;
    if (!isFresh) this.hasLapsed = true;
    return isFresh;
  }

  private async record({ released, record, inputRequests }: InspectedAnswer, startedMs: number): Promise<void> {
    const { story } = this.governed;
    const took = { upstreamMicros: microsSince(this.dependencies.clock, startedMs), totalMicros: this.sinceMicros() };
    const { outputHash, labels, redactions } = record;
    const step =
      inputRequests === null
        ? story.step({ type: 'RecordAnswer', data: { ...record, ...took, reportedCostMicros: null } })
        : story.step({ type: 'RequireInput', data: { requests: inputRequests, outputHash, labels, redactions, ...took } });
    // Who is asked back has not been served yet: what it answers is another request, under the same key.
    await this.settle(step, inputRequests === null ? { answer: released } : 'nothing-done');
    if (inputRequests !== null) this.rounds.asked(this.governed.call, released, step.records[0]?.id ?? '');
    this.redactions = this.countRedactions(redactions);
  }

  /** What the tool said of its dry run is told within the plan, which is on record before it is told. */
  private async recordTrial(trial: Trial & { readonly decisionId: string }, { released, record }: InspectedAnswer): Promise<JsonObject> {
    const { decisionId, quoteMicros } = trial;
    const { redactions, outputHash } = record;
    const step = this.governed.story.step({
      type: 'RecordPlan',
      data: { decisionId, quoteMicros, redactions, dryRunHash: outputHash, totalMicros: this.sinceMicros() },
    });
    await this.settle(step, 'nothing-done');
    this.redactions = this.countRedactions(redactions);
    const { error, ...answered } = released;
    return { ...answered, ...trial.tell(released.result ?? error ?? null) };
  }

  /** Throws `log.unavailable` when an answer must be withheld. */
  private async settle(step: Step, ending: Ending): Promise<void> {
    const isRecorded = await this.endOnRecord(step, ending);
    this.settled = isRecorded ? 'recorded' : 'withheld';
    if (!isRecorded) throw new AppError('log.unavailable', `the answer of call ${this.governed.call.callId} was withheld`);
  }

  private async afterFailedSend(error: unknown, startedMs: number): Promise<CallOutcome | Lapsed> {
    const { call, story } = this.governed;
    const { callId } = call;
    if (this.settled === 'recorded') return { kind: 'answered', callId, redactions: this.redactions };
    if (this.settled === 'withheld') return { kind: 'refused', callId, code: 'log.unavailable', requiredScopes: [] };
    const reached = reachedOf(error);
    if (call.signal.aborted) {
      const step = story.step({ type: 'Cancel', data: { reached, totalMicros: this.sinceMicros() } });
      await this.endUnanswered(step, reached === 'no' ? 'nothing-done' : 'unknown');
      return { kind: 'cancelled', callId };
    }
    if (this.hasLapsed && reached === 'no') return { kind: 'lapsed' };
    const isRefused = isAppError(error) && error.detail.refused === true;
    return this.fail(
      isAppError(error) ? error.code : 'internal.error',
      reached,
      microsSince(this.dependencies.clock, startedMs),
      isRefused,
    );
  }

  /** Where the rules of the call leave it in doubt, so is its claim, until a person has looked. */
  private async endUnanswered(step: Step, ending: 'nothing-done' | 'unknown'): Promise<boolean> {
    const isInDoubt = step.events[0]?.type === 'ToolCallInDoubt';
    if (isInDoubt) this.dependencies.telemetry.meters.callsInDoubt.add(1, { [ATTRIBUTES.tenantId]: this.governed.call.principal.tenantId });
    return this.endOnRecord(step, isInDoubt ? 'in-doubt' : ending);
  }

  private endOnRecord(step: Step, ending: Ending): Promise<boolean> {
    return this.basis.claim.endOnRecord([this.basis.dispatched, step], ending);
  }

  private countRedactions(redactions: EventData<'ToolCallDispatched'>['redactions']): number {
    const { redactions: meter } = this.dependencies.telemetry.meters;
    for (const { label, count } of redactions) meter.add(count, { [ATTRIBUTES.contentLabel]: label, [ATTRIBUTES.direction]: 'result' });
    return redactions.reduce((sum, { count }) => sum + count, 0);
  }

  private measure(startedMs: number, code: ErrorCode | undefined): void {
    const { call } = this.governed;
    this.dependencies.telemetry.meters.clientOperationDuration.record(microsSince(this.dependencies.clock, startedMs) / 1_000_000, {
      [ATTRIBUTES.mcpMethodName]: call.method,
      [ATTRIBUTES.upstream]: call.target.server ?? undefined,
      [ATTRIBUTES.errorType]: code,
    });
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

  private sinceMicros(): number {
    return microsSince(this.dependencies.clock, this.governed.call.receivedAtMs);
  }
}

const reachedOf = (error: unknown): Reached => {
  const reached = isAppError(error) ? error.detail.reached : null;
  return reached === 'no' || reached === 'yes' ? reached : 'unknown';
};
