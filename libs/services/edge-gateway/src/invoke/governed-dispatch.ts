import { AppError, type Envelope, type ErrorCode, type EventData } from '@sallyport/contracts';
import { DECISION_AGE_MS_MAX, mayHaveEffect, type ToolCallCommand } from '@sallyport/domain';
import { isJsonObject, type JsonObject } from '@sallyport/mcp';
import { ATTRIBUTES } from '@sallyport/platform';
import { inputSchemaOf } from '../catalog-view/catalog-view.js';
import type { Step } from '../record/call-story.js';
import type { MintedToken } from '../tokens/token-minter.port.js';
import { AnswerInspection, obligedLabels } from './answer-inspection.js';
import type { CallRunnerDependencies, GovernedCall } from './call-runner.js';
import type { EarlierCall } from './dispatch-claims.port.js';
import { microsSince } from './elapsed.js';
import type { CallOutcome, LocalExchange, UpstreamExchange } from './exchange.port.js';
import { ATTEMPT, HeldClaim } from './held-claim.js';
import { retell } from './idempotent-answers.js';
import type { InputRounds } from './input-rounds.js';
import type { Trial } from './planned-call.js';
import { splitMeta } from './prepared-request.js';
import { type Travelling, UpstreamLeg } from './upstream-leg.js';

type Decided = Envelope<'PolicyDecided'>;
type Redactions = EventData<'ToolCallDispatched'>['redactions'];

/**
 * What acting on a decision led to: an end; the question asked anew because the decision had become too old; or people to be asked, because another
 * call used the grant.
 */
export type Acted =
  | CallOutcome
  | ElsewhereOutcome
  /** `askedAtMs`: monotonic, before the append that asks; `asked`: when it is durable. */
  | { readonly kind: 'ask-again'; readonly askedAtMs: number; readonly asked: Promise<void> }
  | { readonly kind: 'ask-people' };

/** The call is somebody else's: another request goes on with it, or recovery gave it up. Its stream is theirs to end, so nothing is written into it. */
export interface ElsewhereOutcome {
  readonly kind: 'elsewhere';
}

/** Acts on an `allow`: answers by itself, tells an earlier answer again, or claims, records the dispatch and sends. One object per call. */
export class GovernedDispatch {
  private readonly held: HeldClaim;

  constructor(
    private readonly governed: GovernedCall,
    private readonly dependencies: CallRunnerDependencies,
    private readonly rounds: InputRounds,
  ) {
    this.held = new HeldClaim(governed, dependencies);
  }

  /** Throws `store.unavailable` and `log.unavailable` before anything was sent; afterwards every failure is recorded and an outcome. */
  act(decision: Decided, askedAtMs: number): Promise<Acted> {
    const { exchange } = this.governed;
    return exchange.kind === 'local'
      ? this.answerLocally(exchange, decision, askedAtMs)
      : this.dispatch(exchange, decision, askedAtMs, null);
  }

  /** Tries a planned call out: its tool's own dry run, claimed and on record like a call. */
  tryOut(exchange: UpstreamExchange, decision: Decided, askedAtMs: number, trial: Trial): Promise<Acted> {
    return this.dispatch(exchange, decision, askedAtMs, trial);
  }

  /** Gives back what the call claimed and did not dispatch. */
  letGo(): Promise<void> {
    return this.held.letGo();
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

  private async answerLocally(exchange: LocalExchange, decision: Decided, askedAtMs: number): Promise<Acted> {
    const { call } = this.governed;
    const answer = await exchange.answer(decision.data, call.callId);
    return this.tell(decision, { answer, askedAtMs, costMicros: null, isReplay: false }, (released) =>
      exchange.release(released, call.callId),
    );
  }

  /** Another call has the key: its answer is decided and inspected again, recorded and delivered again, and nothing is sent. */
  private async answerAgain(exchange: UpstreamExchange, decision: Decided, askedAtMs: number, earlier: EarlierCall): Promise<Acted> {
    const { call, key } = this.governed;
    if (key === null) throw new AppError('internal.error', `call ${call.callId} has no key`);
    const told = retell(earlier, key, call.principal.tenantId, this.dependencies.sealer);
    if ('refusal' in told) return this.refuse(told.refusal, [`earlier:${earlier.callId}`]);
    // What was paid for once is not charged again.
    return this.tell(decision, { answer: told.answer, askedAtMs, costMicros: 0, isReplay: true }, (released) =>
      exchange.replay(released, call.callId),
    );
  }

  /** Inspects an answer that does not come from the upstream now, puts it on record and then releases it. */
  private async tell(
    decision: Decided,
    told: { readonly answer: JsonObject; readonly askedAtMs: number; readonly costMicros: number | null; readonly isReplay: boolean },
    release: (released: JsonObject) => Promise<void>,
  ): Promise<Acted> {
    const { call, story, question } = this.governed;
    const inspection = new AnswerInspection(call.principal.tenantId, this.dependencies.sealer, decision.data);
    const { released, record } = inspection.final(told.answer);
    const completed = { ...record, upstreamMicros: 0, totalMicros: this.sinceMicros(), reportedCostMicros: told.costMicros };
    const nowMs = this.dependencies.clock.monotonicMs();
    const { events, durable } = story.step({
      type: 'AnswerLocally',
      data: { decisionAgeMs: nowMs - told.askedAtMs, question, completed, isReplay: told.isReplay },
    });
    if (events[0]?.type === 'ToolCallReevaluationRequested') return { kind: 'ask-again', askedAtMs: nowMs, asked: durable };
    if (events.length === 0) throw new AppError('policy.unavailable', `call ${call.callId} is not cleared`);
    await durable;
    const redactions = told.isReplay ? this.countRedactions(record.redactions, 'result') : 0;
    await release(released);
    return { kind: 'answered', callId: call.callId, redactions };
  }

  private async dispatch(exchange: UpstreamExchange, decision: Decided, askedAtMs: number, trial: Trial | null): Promise<Acted> {
    const { call, story, question, tool, prepared, earlier, key } = this.governed;
    const { clock } = this.dependencies;
    if (earlier !== null) return this.answerAgain(exchange, decision, askedAtMs, earlier);
    const fault = this.faultOf(exchange);
    if (fault !== null) return this.refuse(fault.code, fault.reasons);
    const masked = prepared.content.mask(obligedLabels(decision.data, 'mask-arguments'));
    this.countRedactions(masked.redactions, 'arguments');
    const minted = exchange.audience === null ? null : await this.mint(exchange, exchange.audience);
    const approvalId = decision.data.approvalId ?? null;
    let isClaimNeeded = this.isEffectful() || key !== null || approvalId !== null || trial !== null;
    if (isClaimNeeded) {
      // Claimed for one grant, or for none, a call is not sent with another: that one stays free for whoever claims it.
      if (this.held.isForAnother(approvalId)) return this.refuse('approval.withdrawn', ['grant.changed']);
      const holder = await this.held.win(approvalId);
      if (holder === 'taken') return { kind: 'elsewhere' };
      if (holder === 'approval-used') return { kind: 'ask-people' };
      if (holder !== 'won') {
        if (this.isEffectful() || holder.state !== 'open') return this.answerAgain(exchange, decision, askedAtMs, holder);
        isClaimNeeded = false;
      }
    }
    const nowMs = clock.monotonicMs();
    const dispatch: ToolCallCommand = {
      type: 'Dispatch',
      data: {
        decisionAgeMs: nowMs - askedAtMs,
        question,
        dispatched: {
          server: exchange.server,
          routeVersion: exchange.routeVersion,
          attempt: ATTEMPT,
          tokenId: minted?.tokenId ?? null,
          toolDigest: tool?.pinnedDigest ?? null,
          decisionId: decision.id,
          dryRun: trial !== null,
          redactions: masked.redactions,
        },
      },
    };
    // Nothing of a read waits for its dispatch to be on record, so it goes there with the answer.
    const dispatched = isClaimNeeded ? story.step(dispatch) : story.stepInCompany(dispatch);
    if (dispatched.events[0]?.type === 'ToolCallReevaluationRequested')
      return { kind: 'ask-again', askedAtMs: nowMs, asked: dispatched.durable };
    if (dispatched.events.length === 0) throw new AppError('policy.unavailable', `call ${call.callId} is not cleared`);
    this.held.noteDispatch();
    const leg = new UpstreamLeg(this.governed, this.dependencies, this.rounds, {
      ...{ decision, askedAtMs, dispatched, claim: this.held },
      trial: trial === null ? null : { ...trial, decisionId: decision.id },
    });
    if (isClaimNeeded) {
      if (!(await isDurable(dispatched))) return leg.fail('log.unavailable', 'no', 0);
      // The claim and the append took their time: a decision that grew too old meanwhile moves no byte.
      if (clock.monotonicMs() - askedAtMs > DECISION_AGE_MS_MAX) return this.recall(dispatched, leg);
    }
    const outcome = await leg.send(exchange, this.travelling(masked, { approvalId, trial, token: minted?.token ?? null }));
    return outcome.kind === 'lapsed' ? this.recall(dispatched, leg) : outcome;
  }

  /**
   * The decision grew too old before the first byte. Puts on record that nothing of the dispatch was sent, by the question that is asked anew; the
   * claim is kept for the dispatch that may follow.
   */
  private async recall(dispatched: Step, leg: UpstreamLeg): Promise<Acted> {
    const { call, story, question } = this.governed;
    if (!(await isDurable(dispatched))) return leg.fail('log.unavailable', 'no', 0);
    const askedAtMs = this.dependencies.clock.monotonicMs();
    const recalled = story.step({ type: 'RecallDispatch', data: { question } });
    if (await isDurable(recalled)) {
      this.held.noteRecall();
      return { kind: 'ask-again', askedAtMs, asked: recalled.durable };
    }
    const code = 'log.unavailable';
    const refused = story.withhold({
      type: 'RefuseBeforeDispatch',
      data: { stage: 'dispatch', code, reasons: [], totalMicros: this.sinceMicros() },
    });
    await this.held.keep([...recalled.records, ...refused.records], 'nothing-done');
    return { kind: 'refused', callId: call.callId, code, requiredScopes: [] };
  }

  private travelling(
    masked: { readonly value: JsonObject; readonly redactions: Redactions },
    { approvalId, trial, token }: { readonly approvalId: string | null; readonly trial: Trial | null; readonly token: string | null },
  ): Travelling {
    const added = this.addedArguments(trial);
    const sent = withArguments(splitMeta(masked.value, this.governed.call.meta), added);
    return {
      ...sent,
      // People agreed to the parameters. What a client may say differently each time does not travel on their word.
      ...(approvalId === null ? {} : { meta: {} }),
      isMasked: masked.redactions.length > 0 || Object.keys(added).length > 0 || approvalId !== null,
      token,
    };
  }

  /** What the catalog says that the gateway adds: that it is a dry run, and the key by which the upstream knows a repetition. */
  private addedArguments(trial: Trial | null): JsonObject {
    const { tool, upstreamKey } = this.governed;
    const argument = tool?.idempotencyArgument ?? null;
    return {
      ...(argument === null || upstreamKey === null ? {} : { [argument]: upstreamKey }),
      ...(trial === null ? {} : { [trial.argument]: true }),
    };
  }

  /** Whether sending may change something at the upstream; what nobody knows may. */
  private isEffectful(): boolean {
    const { call, prepared } = this.governed;
    return mayHaveEffect({ method: call.method, riskTier: prepared.facts.tool?.riskTier ?? null });
  }

  private mint({ server }: UpstreamExchange, audience: string): Promise<MintedToken> {
    const { call } = this.governed;
    const scope = call.target.kind === 'tool' && call.target.name !== null ? `${server}/${call.target.name}` : call.method;
    return this.dependencies.minter.mint({ principal: call.principal, audience, scope, callId: call.callId });
  }

  private async refuse(code: ErrorCode, reasons: readonly string[]): Promise<CallOutcome> {
    const { story, call } = this.governed;
    const bounded = reasons.slice(0, 64).map((reason) => reason.slice(0, 256));
    await story.step({ type: 'RefuseBeforeDispatch', data: { stage: 'dispatch', code, reasons: bounded, totalMicros: this.sinceMicros() } })
      .durable;
    return { kind: 'refused', callId: call.callId, code, requiredScopes: [] };
  }

  private countRedactions(redactions: Redactions, direction: 'arguments' | 'result'): number {
    const { redactions: meter } = this.dependencies.telemetry.meters;
    for (const { label, count } of redactions) meter.add(count, { [ATTRIBUTES.contentLabel]: label, [ATTRIBUTES.direction]: direction });
    return redactions.reduce((sum, { count }) => sum + count, 0);
  }

  private sinceMicros(): number {
    return microsSince(this.dependencies.clock, this.governed.call.receivedAtMs);
  }
}

const isDurable = ({ durable }: Step): Promise<boolean> =>
  durable.then(
    () => true,
    () => false,
  );

type Sent = ReturnType<typeof splitMeta>;

const withArguments = (sent: Sent, added: JsonObject): Sent => {
  if (Object.keys(added).length === 0) return sent;
  const { params } = sent;
  const args = isJsonObject(params.arguments) ? params.arguments : {};
  return { ...sent, params: { ...params, arguments: { ...args, ...added } } };
};
