import { AppError, type CallPrice, type Envelope, type PublicDetail } from '@sallyport/contracts';
import type { ApprovalEnd, JoinedApproval, Waiting } from '../join/answer-join.js';
import type { CallRunnerDependencies, GovernedCall } from './call-runner.js';
import { microsSince } from './elapsed.js';
import type { CallOutcome } from './exchange.port.js';
import { sealRequestState } from './request-state.js';

/** A question on the log, to be answered by the other services. */
export interface AskedQuestion {
  readonly evaluation: number;
  /** The event that asked for the hold: the accountant answers it by its id. */
  readonly eventId: string;
  /** Monotonic, before the append: the age of the decision counts from here. */
  readonly askedAtMs: number;
}

/** How waiting for people ended: with the question asked anew because they agreed, or with an outcome for the client. */
export type Held = { readonly kind: 'resumed'; readonly asked: AskedQuestion } | CallOutcome;

/** Clients of the official SDK come back ten times by themselves; the last answer must be one that a model can read. */
const ROUNDS_MAX = 8;
/** How long a client may take to come back before its call is given up. */
const RETURN_MS = 60_000;

const ENDS = {
  ApprovalRejected: 'rejected',
  ApprovalExpired: 'expired',
  ApprovalWithdrawn: 'withdrawn',
} as const satisfies Record<Exclude<ApprovalEnd['type'], 'ApprovalGranted'>, string>;

/** Holds one call while people are asked. Holds no money: parking gives it back, resuming reserves anew. */
export class ApprovalWait {
  private ruleIds: readonly string[];
  private reasons: readonly string[] = [];
  private policyIds: readonly string[] = [];
  /** The request that the call waited for before its client came back. */
  private waitedFor: string | null;

  constructor(
    private readonly governed: GovernedCall,
    private readonly waiting: Waiting,
    private readonly dependencies: CallRunnerDependencies,
  ) {
    const { returned } = governed.call;
    this.ruleIds = returned?.ruleIds ?? [];
    this.waitedFor = returned?.approvalId ?? null;
  }

  /**
   * Parks the call and waits. `decision`: the one that asks for people; `null` when a client comes back, or the grant went to another call.
   * `price`: what was held for it, if anything.
   * Throws `log.unavailable`; the call then stays parked until recovery gives it up.
   */
  async hold(decision: Envelope<'PolicyDecided'> | null, price: CallPrice | null): Promise<Held> {
    const { call, story, question } = this.governed;
    const { clock, settings } = this.dependencies;
    if (decision !== null) {
      this.ruleIds = decision.data.obligations.flatMap((obligation) => (obligation.type === 'require-approval' ? obligation.ruleIds : []));
      this.reasons = decision.data.reasons;
      this.policyIds = decision.data.policyIds;
    }
    const { tool, paramsHash } = question.request;
    // Only the call of a pinned tool is something exact that people can agree to.
    if (tool === null || call.method !== 'tools/call') return this.refuse('approval.required');
    const parked = story.step(
      {
        type: 'Park',
        data: {
          approvalRuleIds: [...this.ruleIds],
          paramsHash,
          toolDigest: tool.definitionDigest,
          expiresAt: new Date(clock.nowMs() + settings.approvalHoldMs + RETURN_MS).toISOString(),
          request: question.request,
          sealedParams: question.sealedParams,
          ...{ reasons: [...this.reasons], policyIds: [...this.policyIds], price },
          approvalId: this.waitedFor,
        },
      },
      decision?.id ?? null,
    );
    const parkedBy = parked.records[0]?.id;
    if (parkedBy === undefined) return this.refuse('approval.required');
    this.waitedFor = null;
    const untilMs = clock.monotonicMs() + settings.approvalHoldMs;
    await parked.durable;
    return this.waitForPeople(parkedBy, untilMs);
  }

  private async waitForPeople(parkedBy: string, untilMs: number): Promise<Held> {
    const { call } = this.governed;
    const { clock, settings, closing, telemetry } = this.dependencies;
    const span = telemetry.startSpan('wait for approval', { parentTraceparent: call.span.traceparent });
    try {
      const asked = await this.waiting.approval(parkedBy, 'asked', settings.decisionTimeoutMs, call.signal);
      if (call.signal.aborted) return this.hungUp();
      if (asked === null) return this.end('unavailable', ['missing.approval']);
      if (asked.type !== 'asked') return this.onEnd(asked);
      const held = AbortSignal.any([call.signal, closing]);
      const ended = await this.waiting.approval(parkedBy, 'ended', untilMs - clock.monotonicMs(), held);
      if (ended !== null) return this.onEnd(ended);
      return call.signal.aborted ? this.hungUp() : this.sendAway(asked);
    } finally {
      span.end();
    }
  }

  private onEnd(joined: JoinedApproval): Promise<Held> {
    if (joined.type !== 'ended') return this.end('unavailable', ['answer.unreadable']);
    const { event } = joined;
    switch (event.type) {
      case 'ApprovalGranted':
        return this.resume(event);
      case 'ApprovalRejected':
        return this.end('rejected', [event.data.why], event.id, { approvalId: joined.approvalId, why: event.data.why });
      default:
        return this.end(ENDS[event.type], [], event.id, { approvalId: joined.approvalId });
    }
  }

  /** People agreed, to this or to something else: the rules of the call say which. */
  private async resume({ id, data }: Envelope<'ApprovalGranted'>): Promise<Held> {
    const { story, question } = this.governed;
    const { clock } = this.dependencies;
    const askedAtMs = clock.monotonicMs();
    const { approvalId, paramsHash, toolDigest, expiresAt } = data;
    const { events, records, durable } = story.step(
      {
        type: 'Resume',
        data: {
          grant: { paramsHash, toolDigest, remainingMs: Date.parse(expiresAt) - clock.nowMs() },
          resumed: { approvalId, edgeId: story.identity.edgeId, request: question.request, sealedParams: question.sealedParams },
          totalMicros: this.sinceMicros(),
        },
      },
      id,
    );
    await durable;
    const [event] = events;
    if (event?.type === 'ToolCallResumed')
      return { kind: 'resumed', asked: { evaluation: event.data.evaluation, eventId: records[0]?.id ?? '', askedAtMs } };
    return this.refused(
      event?.type === 'ToolCallRefused' && event.data.code === 'approval.expired' ? 'approval.expired' : 'approval.mismatch',
    );
  }

  private async end(
    how: 'rejected' | 'expired' | 'withdrawn' | 'unavailable',
    reasons: readonly string[],
    causedBy: string | null = null,
    detail: PublicDetail = {},
  ): Promise<CallOutcome> {
    const { story } = this.governed;
    const bounded = reasons.map((reason) => reason.slice(0, 256));
    await story.step({ type: 'RecordApprovalEnd', data: { how, reasons: bounded, totalMicros: this.sinceMicros() } }, causedBy).durable;
    return this.refused(`approval.${how}`, detail);
  }

  /** The client is not held any longer: it comes back by itself, or is told to send the call again. */
  private async sendAway({ approvalId, expiresAt }: Extract<JoinedApproval, { type: 'asked' }>): Promise<CallOutcome> {
    const { call, story } = this.governed;
    const { settings, sealer, clock } = this.dependencies;
    const approval = { approvalId, expiresAt, approvalUrl: `${settings.publicUrl}/console/approvals/${approvalId}` };
    const round = (call.returned?.round ?? 0) + 1;
    const { state } = story;
    if (call.comesBack && round <= ROUNDS_MAX && state.status === 'parked') {
      const requestState = sealRequestState(
        {
          ...{ callId: call.callId, approvalId, evaluation: state.evaluation, round },
          ...{ paramsHash: state.paramsHash, toolDigest: state.toolDigest ?? '', ruleIds: this.ruleIds },
        },
        call.principal,
        clock.nowMs() + RETURN_MS,
        sealer,
      );
      return { kind: 'waiting', callId: call.callId, approval, requestState };
    }
    const { events, durable } = story.step({ type: 'AwaitResend' });
    await durable;
    if (events.length === 0) throw new AppError('internal.error', `call ${call.callId} does not wait`);
    return { kind: 'waiting', callId: call.callId, approval, requestState: null };
  }

  private async hungUp(): Promise<CallOutcome> {
    const { call, story } = this.governed;
    await story.step({ type: 'Cancel', data: { reached: 'no', totalMicros: this.sinceMicros() } }).durable;
    return { kind: 'cancelled', callId: call.callId };
  }

  private async refuse(code: 'approval.required'): Promise<CallOutcome> {
    const { story } = this.governed;
    const reasons = this.reasons.slice(0, 64);
    await story.step({ type: 'RefuseBeforeDispatch', data: { stage: 'approval', code, reasons, totalMicros: this.sinceMicros() } }).durable;
    return this.refused(code);
  }

  private refused(code: Extract<CallOutcome, { kind: 'refused' }>['code'], detail: PublicDetail = {}): CallOutcome {
    return { kind: 'refused', callId: this.governed.call.callId, code, requiredScopes: [], detail };
  }

  private sinceMicros(): number {
    return microsSince(this.dependencies.clock, this.governed.call.receivedAtMs);
  }
}
