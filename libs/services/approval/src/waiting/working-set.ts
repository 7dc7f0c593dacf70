import { type ApprovalCommand, isLive } from '@sallyport/domain';
import type { LogRecord } from '@sallyport/log';
import type { Sql } from '@sallyport/platform';
import { applyCommand, callsToTell, recordsOfApplied } from '../requests/apply-command.js';
import {
  bindingKeyOf,
  insertApproval,
  lockConcerned,
  readCalls,
  type StoredApproval,
  updateApproval,
  type WaitingCall,
} from '../requests/approval.store.js';
import type { EventSource } from '../requests/approval-events.js';

/** The requests that a batch concerns, locked, as they stand while it is worked through; with what is to be said at its end. */
export class WorkingSet {
  readonly records: LogRecord[] = [];
  private readonly requests = new Map<string, StoredApproval>();
  private readonly changed = new Set<string>();
  private readonly calls = new Map<string, WaitingCall>();

  private constructor(
    private readonly tx: Sql,
    private readonly source: EventSource,
  ) {}

  /** Loads and locks what these bindings and calls concern, whatever the order of others. */
  static async load(
    tx: Sql,
    source: EventSource,
    bindings: readonly { readonly tenantId: string; readonly bindingKey: string }[],
    calls: readonly { readonly tenantId: string; readonly callId: string }[],
  ): Promise<WorkingSet> {
    const set = new WorkingSet(tx, source);
    for (const request of await lockConcerned(tx, bindings, calls)) {
      set.requests.set(request.approvalId, request);
      for (const call of await readCalls(tx, request.tenantId, callsToTell(request))) set.calls.set(call.callId, call);
    }
    return set;
  }

  /** From now on, answers to this call go here. */
  know(call: WaitingCall): void {
    this.calls.set(call.callId, call);
  }

  /** What may still answer a call with this binding. */
  live(tenantId: string, bindingKey: string, nowMs: number): StoredApproval[] {
    return this.ofBinding(tenantId, bindingKey).filter(({ state }) => isLive(state, nowMs));
  }

  /** Ends what waits for people after its time. */
  expire(tenantId: string, bindingKey: string, nowMs: number, causationId: string): void {
    for (const request of this.ofBinding(tenantId, bindingKey)) this.apply(request, { type: 'Expire', nowMs }, causationId);
  }

  /** A request that is concerned by its id. */
  find(tenantId: string, approvalId: string): StoredApproval | undefined {
    const request = this.requests.get(approvalId);
    return request?.tenantId === tenantId ? request : undefined;
  }

  waitedFor(tenantId: string, callId: string): StoredApproval[] {
    return [...this.requests.values()].filter(
      (request) => request.tenantId === tenantId && 'waiting' in request.state && request.state.waiting.includes(callId),
    );
  }

  apply(request: StoredApproval, command: ApprovalCommand, causationId: string): void {
    const applied = applyCommand(request, command);
    if (applied.facts.length === 0) return;
    this.requests.set(request.approvalId, applied.approval);
    this.changed.add(request.approvalId);
    this.records.push(...recordsOfApplied(this.source, applied, this.calls.values(), causationId));
  }

  /** Stores a request that is asked now. What it takes the place of is stored before it. */
  async ask(
    fresh: StoredApproval,
    command: ApprovalCommand,
    sealedParams: string | null,
    bindingKey: string,
    causationId: string,
  ): Promise<void> {
    await this.store();
    const applied = applyCommand(fresh, command);
    await insertApproval(this.tx, applied.approval, bindingKey, sealedParams);
    this.requests.set(fresh.approvalId, { ...applied.approval, version: 1 });
    this.records.push(...recordsOfApplied(this.source, applied, this.calls.values(), causationId));
  }

  /** Writes what changed. The rows are locked, so nobody can have been first. */
  async store(): Promise<void> {
    for (const approvalId of this.changed) {
      const request = this.requests.get(approvalId);
      if (request === undefined) continue;
      await updateApproval(this.tx, request);
      this.requests.set(approvalId, { ...request, version: request.version + 1 });
    }
    this.changed.clear();
  }

  private ofBinding(tenantId: string, bindingKey: string): StoredApproval[] {
    return [...this.requests.values()].filter(
      ({ state, tenantId: of }) => of === tenantId && state.status !== 'none' && bindingKeyOf(state.question.binding) === bindingKey,
    );
  }
}
