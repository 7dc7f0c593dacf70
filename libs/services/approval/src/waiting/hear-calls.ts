import { type AnyEnvelope, AWAITING_RESEND, decodeEvent, type Envelope, eventTypeOf } from '@sallyport/contracts';
import { type CallEnd, sameDemands } from '@sallyport/domain';
import type { LogRecord, RecordBatch } from '@sallyport/log';
import { decisionIdOf, type Sql } from '@sallyport/platform';
import type { ApprovalPorts } from '../approval.ports.js';
import type { ApprovalOutbox } from '../approval-outbox.js';
import {
  bindingKeyOf,
  handledEvents,
  insertCall,
  lockBindings,
  type StoredApproval,
  type WaitingCall,
} from '../requests/approval.store.js';
import { type EventSource, endTold, recipientsOf, recordFor } from '../requests/approval-events.js';
import { RULES_CHANGED, readRules } from '../rules/approval-rules.store.js';
import { acrossTenants } from '../tenant-scope.js';
import { type ParkedQuestion, questionOf, refusalData, waitingCallOf } from './waiting-questions.js';
import { WorkingSet } from './working-set.js';

const HANDLED = new Set(['ToolCallParked', 'ToolCallDispatched', 'ToolCallRefused', 'ToolCallAbandoned', 'ToolCallCancelled']);

type Headers = Readonly<Record<string, string>>;

/** Whether the first decision about its call led to it: a call that waited for people was decided anew. Of any other cause nothing is known. */
const isOfFirstDecision = ({ ce_subject, ce_causationid }: Headers): boolean =>
  ce_subject !== undefined && ce_causationid === decisionIdOf(ce_subject, 1);

/**
 * Which records of the call topic concern approval; the rest costs neither parsing nor a transaction. Nobody is asked for anything but
 * `ToolCallParked`, and a dispatch ends the wait of those calls alone that waited.
 */
export const concernsApproval = (headers: Headers): boolean => {
  const type = eventTypeOf(headers) ?? '';
  return HANDLED.has(type) && !(type === 'ToolCallDispatched' && isOfFirstDecision(headers));
};

/** A call waits for people. */
interface Parked {
  readonly event: Envelope<'ToolCallParked'>;
  readonly callId: string;
  readonly parked: ParkedQuestion;
}

/** A call waits no more, if it did. */
interface Ended {
  readonly event: AnyEnvelope;
  readonly callId: string;
  readonly how: CallEnd;
}

const endOf = (event: AnyEnvelope): CallEnd | null => {
  switch (event.type) {
    case 'ToolCallDispatched':
      return 'dispatched';
    case 'ToolCallRefused':
      return 'ended';
    case 'ToolCallCancelled':
      return 'hung-up';
    case 'ToolCallAbandoned':
      return event.data.reason === AWAITING_RESEND ? 'awaiting-resend' : 'hung-up';
    default:
      return null;
  }
};

/** Hears which calls wait for people and which stopped waiting. */
export class HearCalls {
  constructor(
    private readonly ports: Pick<ApprovalPorts, 'database' | 'clock' | 'ids'>,
    private readonly outbox: ApprovalOutbox,
    private readonly source: EventSource,
  ) {}

  /**
   * Handles a batch in one transaction: requests, what is said of them, and the position. A batch or an event that comes again changes
   * nothing. Throws `log.position-lost` or `store.unavailable` with nothing changed.
   */
  async handle(batch: RecordBatch): Promise<void> {
    await this.outbox.retry();
    const events = batch.records.map((record) => decodeEvent(record));
    const staged = await acrossTenants(this.ports.database, async (tx) => {
      const records = await this.work(tx, events);
      await batch.advance(tx);
      return this.outbox.stage(tx, records);
    });
    await this.outbox.publish(staged);
  }

  private async work(tx: Sql, events: readonly AnyEnvelope[]): Promise<LogRecord[]> {
    const tenantIds = [...new Set(events.flatMap(({ type, tenantId }) => (type === 'ToolCallParked' ? [tenantId] : [])))];
    const rules = tenantIds.length === 0 ? new Map() : await readRules(tx, tenantIds);
    const heard = events.flatMap((event): (Parked | Ended)[] => {
      const { callId } = event;
      if (callId === null) return [];
      if (event.type === 'ToolCallParked') return [{ event, callId, parked: questionOf(event, callId, rules.get(event.tenantId) ?? []) }];
      const how = endOf(event);
      return how === null ? [] : [{ event, callId, how }];
    });
    const bindings = heard.flatMap((one) =>
      'parked' in one && 'question' in one.parked
        ? [{ tenantId: one.event.tenantId, bindingKey: bindingKeyOf(one.parked.question.binding) }]
        : [],
    );
    await lockBindings(
      tx,
      bindings.map(({ bindingKey }) => bindingKey),
    );
    const parkedIds = heard.flatMap((one) => ('parked' in one ? [one.event.id] : []));
    const handled = new Set(await handledEvents(tx, parkedIds));
    const calls = heard.map(({ event: { tenantId }, callId }) => ({ tenantId, callId }));
    const set = await WorkingSet.load(tx, this.source, bindings, calls);
    for (const one of heard) {
      if ('how' in one) this.end(set, one);
      else if (!handled.has(one.event.id)) {
        handled.add(one.event.id);
        await this.park(tx, set, one);
      }
    }
    await set.store();
    return set.records;
  }

  private end(set: WorkingSet, { event, callId, how }: Ended): void {
    const nowMs = this.ports.clock.nowMs();
    for (const request of set.waitedFor(event.tenantId, callId)) set.apply(request, { type: 'EndCall', callId, how, nowMs }, event.id);
  }

  private async park(tx: Sql, set: WorkingSet, { event, callId, parked }: Parked): Promise<void> {
    const { clock, ids } = this.ports;
    const { tenantId, id: parkedEventId } = event;
    const call = waitingCallOf(event, callId);
    const nowMs = clock.nowMs();
    const wait = { tenantId, parkedEventId, call, heardAtMs: nowMs };
    set.know(call);
    if ('refused' in parked) {
      const approvalId = ids.uuidv7();
      await insertCall(tx, { ...wait, approvalId });
      const told = { type: 'ApprovalRejected' as const, data: refusalData(approvalId, parked.refused) };
      set.records.push(recordFor(this.source, { tenantId, call, causationId: parkedEventId, event: told }));
      return;
    }
    const { question, asked, sealedParams } = parked;
    const ask = { type: 'Ask' as const, question, callId, nowMs };
    const bindingKey = bindingKeyOf(question.binding);
    const earlier = this.earlierOf(set, event, bindingKey);
    set.expire(tenantId, bindingKey, nowMs, parkedEventId);
    if (earlier !== undefined && this.tellAgain(set, earlier, { call, parkedEventId })) {
      await insertCall(tx, { ...wait, approvalId: earlier.approvalId });
      return;
    }
    const live = set.live(tenantId, bindingKey, nowMs);
    const same = live.find(({ state }) => state.status !== 'none' && sameDemands(state.question.demands, question.demands));
    if (same !== undefined) {
      await insertCall(tx, { ...wait, approvalId: same.approvalId });
      set.apply(same, ask, parkedEventId);
      return;
    }
    // Asked or granted under other rules: no answer to this one. Said after the new question: what is said first of a parking answers it.
    const saidBefore = set.records.length;
    for (const outdated of live) set.apply(outdated, { type: 'Withdraw', reason: RULES_CHANGED, nowMs }, parkedEventId);
    const withdrawals = set.records.splice(saidBefore);
    const approvalId = ids.uuidv7();
    await insertCall(tx, { ...wait, approvalId });
    const fresh = { tenantId, approvalId, version: 0, state: { status: 'none' as const }, asked, askedAtMs: nowMs };
    await set.ask(fresh, ask, sealedParams, bindingKey, parkedEventId);
    set.records.push(...withdrawals);
  }

  /** The request that this call says it waited for before it came back, if it did, and for exactly this. */
  private earlierOf(set: WorkingSet, { tenantId, data }: Parked['event'], bindingKey: string): StoredApproval | undefined {
    const named = typeof data.approvalId === 'string' ? set.find(tenantId, data.approvalId) : undefined;
    return named !== undefined && named.state.status !== 'none' && bindingKeyOf(named.state.question.binding) === bindingKey
      ? named
      : undefined;
  }

  /** Tells a call that came back how its request ended; `false` when it has not ended, or by a use, and people are to be asked. */
  private tellAgain(
    set: WorkingSet,
    earlier: StoredApproval,
    { call, parkedEventId }: { readonly call: WaitingCall; readonly parkedEventId: string },
  ): boolean {
    const { tenantId, approvalId } = earlier;
    const end = endTold(approvalId, set.find(tenantId, approvalId)?.state ?? earlier.state);
    if (end === null) return false;
    // Where it ended a moment ago, by this event, those that waited were told already.
    const isTold = earlier.state.status === 'pending' && recipientsOf(earlier).includes(call.callId);
    if (!isTold) set.records.push(recordFor(this.source, { tenantId, call, causationId: parkedEventId, event: end }));
    return true;
  }
}
