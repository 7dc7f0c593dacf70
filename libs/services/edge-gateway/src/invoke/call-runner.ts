import { AppError, type ErrorCode, isAppError, type Principal, type ToolRecord } from '@sallyport/contracts';
import { mayHaveEffect, parkedToolCall, type Question, requiredAnswersOf, type ToolCallState } from '@sallyport/domain';
import type { EventLog } from '@sallyport/log';
import type { Clock, IdSource, Sealer, Telemetry } from '@sallyport/platform';
import type { CatalogView } from '../catalog-view/catalog-view.js';
import type { EdgeSettings } from '../edge-settings.js';
import type { AnswerJoin } from '../join/answer-join.js';
import { CallStory } from '../record/call-story.js';
import type { UnrecordedOutcomes } from '../record/unrecorded-outcomes.js';
import type { TokenMinter } from '../tokens/token-minter.port.js';
import type { ArgumentValidator } from './argument-validator.js';
import type { AuthenticatedCall } from './authenticated-call.js';
import type { CallAdmission } from './call-admission.js';
import { chainIdOf } from './call-identity.js';
import { CallLife } from './call-life.js';
import type { DispatchClaims, EarlierCall, IdempotencyKey } from './dispatch-claims.port.js';
import { microsSince } from './elapsed.js';
import type { CallOutcome, Exchange } from './exchange.port.js';
import type { ElsewhereOutcome } from './governed-dispatch.js';
import { idempotencyKeyOf } from './idempotent-answers.js';
import { InputRounds } from './input-rounds.js';
import { bareFacts, type PreparedRequest, prepareRequest } from './prepared-request.js';
import type { ReturnedCall } from './request-state.js';

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
  /** As in `StoryDependencies`. */
  readonly source: string;
  /** Aborted when the process ends: nothing is held for people any longer. */
  readonly closing: AbortSignal;
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
  /** What the upstream is given as its own idempotency key, where the catalog says that it takes one. */
  readonly upstreamKey: string | null;
  /** The call that had the key when this one came: then this one is never dispatched, and nothing is held for it. */
  readonly earlier: EarlierCall | null;
}

/** What is known of the key of a call. A plan takes no key. */
type Repetition = Pick<GovernedCall, 'key' | 'earlier' | 'upstreamKey'>;

const NO_REPETITION: Repetition = { key: null, earlier: null, upstreamKey: null };

/**
 * The one path of every call, whatever it came by: admit, look, record, wait for the required answers, dispatch, inspect, record, release.
 * Nothing reaches an upstream without a recorded request and a fresh `allow`; nothing is released without its record.
 */
export class CallRunner {
  private readonly rounds: InputRounds;
  /** Calls that a client came back for and that go on here now. */
  private readonly goingOn = new Set<string>();
  /** Derived once for each principal that the authenticator made. */
  private readonly chainIds = new WeakMap<Principal, string>();

  constructor(private readonly dependencies: CallRunnerDependencies) {
    this.rounds = new InputRounds(dependencies.sealer);
  }

  /** Never rejects: whatever happens is an outcome, and is on record as far as the log takes it. */
  async run(call: AuthenticatedCall, exchange: Exchange): Promise<CallOutcome> {
    const { admission } = this.dependencies;
    const tool = this.toolOf(call);
    if (!admission.enter(call.principal.tenantId, call.isStream)) return this.refuseAlone(call, tool, 'call.tenant-saturated');
    try {
      return await (call.returned === null
        ? this.govern(call, tool, exchange)
        : this.inTurn(call, tool, () => this.govern(call, tool, exchange)));
    } catch (error) {
      return await this.refuseAlone(call, tool, isAppError(error) ? error.code : 'internal.error');
    } finally {
      admission.leave(call.principal.tenantId, call.isStream);
    }
  }

  /** Two requests that go on with one call would end it twice, and take each other's answers. On other replicas the claim decides between them. */
  private async inTurn(call: AuthenticatedCall, tool: ToolRecord | null, work: () => Promise<CallOutcome>): Promise<CallOutcome> {
    const { callId } = call;
    if (this.goingOn.has(callId)) return this.refuseAlone(call, tool, 'call.ended');
    this.goingOn.add(callId);
    try {
      return await work();
    } finally {
      this.goingOn.delete(callId);
    }
  }

  /** A call that waited for people goes on only as it was asked for, and only if it did not end meanwhile. */
  private async cannotGoOn(call: AuthenticatedCall, returned: ReturnedCall, { facts }: PreparedRequest): Promise<ErrorCode | null> {
    if (call.isPlan) return 'plan.unsupported';
    if (returned.paramsHash !== facts.paramsHash || returned.toolDigest !== facts.tool?.definitionDigest) return 'approval.mismatch';
    return (await this.dependencies.claims.isClaimed(call.callId)) ? 'call.ended' : null;
  }

  private open(call: AuthenticatedCall, state?: ToolCallState): CallStory {
    const { settings } = this.dependencies;
    return new CallStory(
      {
        callId: call.callId,
        chainId: this.chainIdOf(call.principal),
        principal: call.principal,
        edgeId: settings.edgeId,
        traceparent: call.span.traceparent,
      },
      this.dependencies,
      state,
    );
  }

  private chainIdOf(principal: Principal): string {
    let chainId = this.chainIds.get(principal);
    if (chainId === undefined) {
      chainId = chainIdOf(this.dependencies.sealer, principal);
      this.chainIds.set(principal, chainId);
    }
    return chainId;
  }

  private toolOf({ principal, target }: AuthenticatedCall): ToolRecord | null {
    if (target.kind !== 'tool' || target.server === null || target.name === null) return null;
    return this.dependencies.catalog.find(principal.tenantId, `${target.server}/${target.name}`);
  }

  /** Throws only while nothing of the call is on record yet. */
  private async govern(call: AuthenticatedCall, tool: ToolRecord | null, exchange: Exchange): Promise<CallOutcome> {
    const { settings, sealer, unrecorded } = this.dependencies;
    if (call.isPlan && !isPlannable(call, exchange)) return this.refuseAlone(call, tool, 'plan.unsupported');
    if (unrecorded.isFull) throw new AppError('log.unavailable', 'too many outcomes wait for the log');
    const prepared = prepareRequest(call, tool, sealer, settings);
    if ('refusal' in prepared) return this.refuseAlone(call, tool, prepared.refusal);
    const { returned } = call;
    const ended = returned === null ? null : await this.cannotGoOn(call, returned, prepared);
    if (ended !== null) return this.refuseAlone(call, tool, ended);
    const key = call.isPlan ? null : idempotencyKeyOf(call, tool, prepared.facts.paramsHash, sealer);
    const repetition = key === null ? NO_REPETITION : await this.repetitionOf(call, tool, key);
    const question = {
      request: prepared.facts,
      sealedParams: sealer.seal(call.principal.tenantId, prepared.paramsText, call.callId),
    };
    const story = this.open(call, returned === null ? undefined : parkedOf(returned, prepared));
    return await this.live({ call, story, tool, prepared, question, exchange, ...repetition });
  }

  /**
   * Who has the key of a call. What was lost on its way may be sent again where that changes nothing: the tool only reads, or the upstream knows the
   * repetition by a key of its own.
   */
  private async repetitionOf(call: AuthenticatedCall, tool: ToolRecord | null, key: IdempotencyKey): Promise<Repetition> {
    const upstreamKey = (tool?.idempotencyArgument ?? null) === null ? null : key.scope;
    const earlier = await this.dependencies.claims.earlier(call.principal.tenantId, key.scope);
    const isLost = earlier?.state === 'open' && earlier.paramsHash === key.paramsHash;
    const isHarmless = tool?.riskTier === 'read' || upstreamKey !== null;
    return isLost && isHarmless ? { key: null, earlier: null, upstreamKey } : { key, earlier, upstreamKey };
  }

  /** Never rejects: what breaks between the request and its end is put on record as its end. */
  private async live(governed: GovernedCall): Promise<CallOutcome> {
    const { call, story } = governed;
    const waiting = this.dependencies.join.open(call.callId);
    try {
      const life = new CallLife(governed, waiting, this.dependencies, this.rounds);
      if (call.returned !== null) return await this.ownEndOf(governed, await life.comeBack());
      // The age of a decision counts from before the append that asked for it.
      const askedAtMs = this.dependencies.clock.monotonicMs();
      const eventId = await this.request(governed);
      if (eventId === null) return this.refused(call.callId, 'log.unavailable');
      return await this.ownEndOf(governed, await life.follow({ evaluation: 1, eventId, askedAtMs }));
    } catch (error) {
      return await this.closeAfterFault(story, call, isAppError(error) ? error.code : 'internal.error');
    } finally {
      waiting.close();
    }
  }

  private ownEndOf({ call, tool }: GovernedCall, end: CallOutcome | ElsewhereOutcome): CallOutcome | Promise<CallOutcome> {
    return end.kind === 'elsewhere' ? this.refuseAlone(this.apart(call), tool, 'call.ended') : end;
  }

  /** A request by itself, for what is said of it and not of the call that it named. */
  private apart(call: AuthenticatedCall): AuthenticatedCall {
    return { ...call, callId: this.dependencies.ids.uuidv7(), returned: null };
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
          requires: earlier === null ? [...requiredAnswersOf(call)] : ['policy'],
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

  /**
   * One self-contained refusal, for what the edge can tell by itself. A request that goes on with a call and must not is refused under an id of its
   * own: the call is not touched by it.
   */
  private async refuseAlone(refused: AuthenticatedCall, tool: ToolRecord | null, code: ErrorCode): Promise<CallOutcome> {
    const { sealer, settings, unrecorded } = this.dependencies;
    const call = refused.returned === null ? refused : this.apart(refused);
    const request = bareFacts(call, tool, sealer, settings.edgeId);
    const data = { code, reasons: [], totalMicros: this.sinceMicros(call), request };
    const { durable, records } = this.open(call).step({ type: 'RefuseAtEdge', data });
    try {
      await durable;
    } catch {
      if (!unrecorded.isFull) unrecorded.hold(records);
      return this.refused(call.callId, 'log.unavailable');
    }
    return this.refused(call.callId, code);
  }

  /**
   * Something broke between the request and its end: the record says so, now or when the log is back. Where the call had ended, what broke may be that
   * the log did not take its end.
   */
  private async closeAfterFault(story: CallStory, call: AuthenticatedCall, code: ErrorCode): Promise<CallOutcome> {
    const totalMicros = this.sinceMicros(call);
    const steps = [
      ...(story.end === null ? [] : [story.end]),
      story.step({ type: 'RefuseBeforeDispatch', data: { stage: 'dispatch', code, reasons: [], totalMicros } }),
      story.step({
        type: 'RecordFailure',
        data: { code, reasons: [], reached: 'unknown', upstreamMicros: 0, totalMicros },
        isRefused: false,
      }),
    ];
    for (const step of steps) await step.durable.catch(() => this.dependencies.unrecorded.hold(step.records));
    return this.refused(call.callId, code);
  }

  private refused(callId: string, code: ErrorCode): CallOutcome {
    return { kind: 'refused', callId, code, requiredScopes: [] };
  }

  private sinceMicros(call: AuthenticatedCall): number {
    return microsSince(this.dependencies.clock, call.receivedAtMs);
  }
}

/** Only the call of a tool at an upstream can be planned. */
const isPlannable = ({ method }: AuthenticatedCall, exchange: Exchange): boolean => method === 'tools/call' && exchange.kind === 'upstream';

const parkedOf = ({ evaluation, paramsHash, toolDigest }: ReturnedCall, { facts }: PreparedRequest): ToolCallState =>
  parkedToolCall({
    ...{ evaluation, paramsHash, toolDigest, labels: facts.labels, requires: requiredAnswersOf(facts) },
    mayHaveEffect: mayHaveEffect({ method: facts.method, riskTier: facts.tool?.riskTier ?? null }),
  });
