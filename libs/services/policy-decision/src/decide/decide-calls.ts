import {
  type AnyEnvelope,
  decodeEvent,
  type Envelope,
  type EventData,
  encodeEvent,
  eventTypeOf,
  type Json,
  type RequestFacts,
} from '@sallyport/contracts';
import { type Decision, type DecisionFacts, decideCall, NO_POLICY_SET, type SeenGrant } from '@sallyport/domain';
import type { EventLog, LogRecord, ReceivedRecord, RecordBatch } from '@sallyport/log';
import { ATTRIBUTES, type Clock, type Database, decisionIdOf, type Sealer, type Telemetry } from '@sallyport/platform';
import { LRUCache } from 'lru-cache';
import type { Definitions } from '../catalog/definitions.js';
import { findGrants, type GrantKey, grantKeyOf } from '../grants/grant-store.js';
import { type Released, WaitForGrants } from '../grants/wait-for-grants.js';
import type { Changes } from '../state/changes.js';
import type { ControlPlane } from '../state/control-plane.js';

/** What is decided about. */
interface Question {
  readonly facts: RequestFacts;
  readonly sealedParams: string;
}

type AskedAgain = Pick<EventData<'ToolCallReevaluationRequested' | 'ToolCallResumed'>, 'request' | 'sealedParams'>;

/** One question of a batch, ready to be decided. */
interface Asked {
  readonly event: Envelope<'ToolCallRequested'> | Envelope<'ToolCallReevaluationRequested'> | Envelope<'ToolCallResumed'>;
  readonly evaluation: number;
  readonly edgeId: string;
  /** `null` when the request is not known here any more. */
  readonly question: Question | null;
  /** The grant that the call was resumed with; `null` when it rests on none. */
  readonly restsOn: GrantKey | null;
  /** How long the grant may be waited for. */
  readonly patienceMs: number;
}

export interface DecideCallsOptions {
  readonly log: EventLog;
  readonly db: Database;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly controlPlane: ControlPlane;
  readonly definitions: Definitions;
  readonly changes: Changes;
  readonly source: string;
  /** Told what made a decision impossible; the call concerned was denied. */
  readonly onFault: (what: string, error: unknown) => void;
}

const HANDLED = new Set(['ToolCallRequested', 'ToolCallReevaluationRequested', 'ToolCallResumed', 'ToolDefinitionsObserved']);

/** How long after the append of a resumed question its grant may come: other topics and replicas are behind by less, or they are away. */
const PATIENCE_MS = 10_000;

/** Requests kept to be asked about again, in characters: some ten seconds of a thousand calls each. */
const REMEMBERED_CHARS_MAX = 12 * 1024 * 1024;

/** How far this machine's clock may be behind the log's before it is not believed any more. */
const CLOCK_SKEW_MS = 60_000;

/** Which records of the call topic the decision point handles; the rest costs no parsing. */
export const isDecidable = (headers: Readonly<Record<string, string>>): boolean => HANDLED.has(eventTypeOf(headers) ?? '');

/**
 * Answers requests with decisions. A batch is decided with control state read after the batch arrived: whatever was committed before a
 * request was appended is in that state, and what commits later returns no sooner than one second after, when the edge no longer acts on
 * this answer. That is why a plain read of the epoch is enough and no lock is held while deciding.
 *
 * Decisions are published before the position moves, some time later. A batch that is handled again publishes the same ids, and the first counts.
 *
 * A question that rests on a grant which is not known here yet is put aside and answered by itself: nothing of its batch waits for it.
 */
export class DecideCalls {
  /** As they came: few are asked about again, and read they take three times the memory. */
  private readonly remembered = new LRUCache<string, { readonly type: string; readonly value: string }>({
    maxSize: REMEMBERED_CHARS_MAX,
    sizeCalculation: ({ value }) => value.length,
  });

  private readonly waiting: WaitForGrants<Asked>;

  constructor(private readonly options: DecideCallsOptions) {
    const { db, clock, onFault } = options;
    this.waiting = new WaitForGrants({ db, clock, onFault, release: (released) => this.release(released) });
  }

  /** A grant was kept here: whoever waits for it is answered at once. */
  grantsKept(): void {
    this.waiting.look();
  }

  onApplicationShutdown(): Promise<void> {
    return this.waiting.stop();
  }

  /** Handles one batch. Throws `store.unavailable` or `log.unavailable` with nothing decided or all of it published twice later. */
  async handle(batch: RecordBatch): Promise<void> {
    const { controlPlane, log, changes } = this.options;
    await changes.publishLeftovers();
    const logNowMs = this.logNowMs(batch.records);
    const asked: Asked[] = [];
    for (const record of batch.records) {
      const event = decodeEvent(record);
      if (event.type === 'ToolDefinitionsObserved') await this.observe(event);
      else this.collect(event, record, logNowMs, asked);
    }
    if (asked.length > 0) {
      await controlPlane.refresh();
      const grants = await this.grantsOf(asked);
      const decided = asked.flatMap((one) => this.decideOrHold(one, grants) ?? []);
      if (decided.length > 0) await log.append(decided);
    }
  }

  private async grantsOf(asked: readonly Asked[]): Promise<ReadonlyMap<string, SeenGrant>> {
    const keys = asked.flatMap(({ restsOn }) => restsOn ?? []);
    return keys.length === 0 ? new Map() : findGrants(this.options.db, keys);
  }

  /** `null`: people would have to be asked, and a grant may still come; the answer follows by itself. */
  private decideOrHold(one: Asked, grants: ReadonlyMap<string, SeenGrant>): LogRecord | null {
    const { restsOn, patienceMs } = one;
    if (restsOn === null) return this.decide(one, undefined);
    const grant = grants.get(grantKeyOf(restsOn));
    if (grant === undefined && this.decisionOf(one, undefined).effect === 'require-approval') {
      const untilMs = this.options.clock.monotonicMs() + patienceMs;
      if (this.waiting.hold({ key: restsOn, question: one, untilMs })) return null;
    }
    return this.decide(one, grant);
  }

  /** By the state as it is now, not as it was when the question came. */
  private async release(released: readonly Released<Asked>[]): Promise<void> {
    await this.options.controlPlane.refresh();
    await this.options.log.append(released.map(({ question, grant }) => this.decide(question, grant)));
  }

  private observe(event: Envelope<'ToolDefinitionsObserved'>): Promise<void> {
    const cause = { by: 'system:edge-gateway', traceparent: event.traceparent, causationId: event.id };
    return this.options.definitions.observe(event.tenantId, cause, event.data, event.occurredAt);
  }

  /** The log's time now: that of its newest record here, unless even a generous reading of our own clock is later. */
  private logNowMs(records: readonly ReceivedRecord[]): number {
    let newest = this.options.clock.nowMs() - CLOCK_SKEW_MS;
    for (const { appendedAtMs } of records) if (appendedAtMs > newest) newest = appendedAtMs;
    return newest;
  }

  private collect(event: AnyEnvelope, record: ReceivedRecord, logNowMs: number, asked: Asked[]): void {
    const { callId, tenantId } = event;
    const restingOn = (approvalId: string | null | undefined): Pick<Asked, 'restsOn' | 'patienceMs'> => ({
      restsOn: typeof approvalId === 'string' && callId !== null ? { tenantId, approvalId, callId } : null,
      patienceMs: record.appendedAtMs + PATIENCE_MS - logNowMs,
    });
    if (event.type === 'ToolCallRequested') {
      const { sealedParams, ttlMs, edgeId } = event.data;
      if (record.appendedAtMs + ttlMs < logNowMs) return;
      const question = { facts: event.data, sealedParams };
      if (callId !== null) this.remembered.set(callId, { type: record.headers.ce_type ?? '', value: record.value });
      asked.push({ event, evaluation: 1, edgeId, question, ...restingOn(null) });
    } else if (event.type === 'ToolCallReevaluationRequested') {
      const { evaluation, edgeId, paramsHash, labels, approvalId } = event.data;
      const about = this.askedFor(record, event);
      const question = about === null ? null : { ...about, facts: { ...about.facts, paramsHash, labels, edgeId } };
      asked.push({ event, evaluation, edgeId, question, ...restingOn(approvalId) });
    } else if (event.type === 'ToolCallResumed') {
      const { evaluation, edgeId, approvalId } = event.data;
      const about = this.askedFor(record, event);
      const question = about === null ? null : { ...about, facts: { ...about.facts, edgeId } };
      asked.push({ event, evaluation, edgeId, question, ...restingOn(approvalId) });
    }
  }

  /** What a question that is asked anew is about: it says so itself, or else as the call was first asked for. `null` when that is not known. */
  private askedFor({ headers }: ReceivedRecord, { callId, data: again }: AnyEnvelope & { readonly data: AskedAgain }): Question | null {
    const kept = callId === null ? undefined : this.remembered.get(callId);
    const known = (): Partial<Question> => {
      const first = kept === undefined ? undefined : decodeEvent({ headers: { ...headers, ce_type: kept.type }, value: kept.value });
      return first?.type === 'ToolCallRequested' ? { facts: first.data, sealedParams: first.data.sealedParams } : {};
    };
    const facts = again.request ?? known().facts;
    const sealedParams = again.sealedParams ?? known().sealedParams;
    return facts === undefined || sealedParams === undefined ? null : { facts, sealedParams };
  }

  private decide(asked: Asked, grant: SeenGrant | undefined): LogRecord {
    const { event, evaluation, edgeId } = asked;
    const { clock, telemetry, controlPlane, source } = this.options;
    const span = telemetry.startSpan('sallyport.decide', { kind: 'consumer', parentTraceparent: event.traceparent });
    const startedMs = clock.monotonicMs();
    const decision = this.decisionOf(asked, grant);
    const durationMicros = Math.round((clock.monotonicMs() - startedMs) * 1000);
    const { visible, policyIds, obligations, reasons, requiredScopes } = decision;
    if (span.isRecording) {
      span.setAttributes({
        [ATTRIBUTES.callId]: event.callId ?? undefined,
        [ATTRIBUTES.tenantId]: event.tenantId,
        [ATTRIBUTES.chainId]: event.chainId ?? undefined,
        [ATTRIBUTES.evaluation]: evaluation,
        [ATTRIBUTES.decision]: decision.effect,
        [ATTRIBUTES.policyId]: [...policyIds],
        [ATTRIBUTES.policyVersion]: decision.policySetHash,
        [ATTRIBUTES.errorType]: decision.code ?? undefined,
      });
    }
    span.end();
    telemetry.meters.decisions.add(1, { [ATTRIBUTES.decision]: decision.effect, [ATTRIBUTES.errorType]: decision.code ?? undefined });
    return encodeEvent({
      id: decisionIdOf(event.callId ?? event.id, evaluation),
      type: 'PolicyDecided',
      version: 2,
      source,
      occurredAt: clock.nowIso(),
      tenantId: event.tenantId,
      key: event.key,
      callId: event.callId,
      chainId: event.chainId,
      subject: event.subject,
      actor: event.actor,
      causationId: event.id,
      traceparent: span.traceparent,
      edgeId,
      data: {
        ...decision,
        policyIds: [...policyIds],
        obligations: [...obligations],
        reasons: [...reasons],
        requiredScopes: [...requiredScopes],
        visible: visible === null ? null : [...visible],
        evaluation,
        approvalId: decision.approvalId ?? null,
        epoch: controlPlane.epoch,
        durationMicros,
      },
    });
  }

  private decisionOf({ event, question }: Asked, grant: SeenGrant | undefined): Decision {
    const facts = this.options.controlPlane.factsOf(event.tenantId);
    if (question === null)
      return unanswered(facts, 'policy.unavailable', 'engine.request-unknown', 'The request is not known here any more.');
    try {
      if (question.facts.principal.tenantId !== event.tenantId) {
        return unanswered(facts, 'policy.denied', 'tenant.mismatch', 'The principal is of another tenant than the event.');
      }
      const args = this.argumentsOf(event, question);
      const approval =
        grant === undefined || event.callId === null ? undefined : { grant, callId: event.callId, nowMs: this.options.clock.nowMs() };
      return decideCall({ facts: question.facts, arguments: args, chainId: event.chainId ?? event.key, approval }, facts);
    } catch (error) {
      this.options.onFault(`deciding ${event.callId ?? event.id}`, error);
      return unanswered(facts, 'policy.denied', 'engine.failed', 'The request could not be evaluated, so the answer is no.');
    }
  }

  /** Opens the arguments of a tool call; other methods are decided without looking into their params. */
  private argumentsOf(event: Asked['event'], { facts, sealedParams }: Question): Json | undefined {
    if (facts.method !== 'tools/call') return undefined;
    const opened = this.options.sealer.open(event.tenantId, sealedParams, event.callId ?? event.id);
    const params: Json = JSON.parse(opened.toString('utf8'));
    return isRecord(params) ? params.arguments : undefined;
  }
}

const isRecord = (value: Json): value is { readonly [key: string]: Json } =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const unanswered = (facts: DecisionFacts | null, code: 'policy.denied' | 'policy.unavailable', rule: string, reason: string): Decision => ({
  effect: 'deny',
  code,
  policyIds: [rule],
  policySetHash: facts?.policies.hash ?? NO_POLICY_SET,
  engine: facts?.policies.engine ?? 'none',
  obligations: [],
  reasons: [reason],
  requiredScopes: [],
  visible: null,
});
