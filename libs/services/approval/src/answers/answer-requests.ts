import {
  type AnswerRefusal,
  AppError,
  type GrantBody,
  type Json,
  type Principal,
  type RejectBody,
  type UnmaskedParams,
} from '@sallyport/contracts';
import { type ApprovalCommand, type ApprovalState, refusalOf } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';
import type { ApprovalPorts } from '../approval.ports.js';
import type { ApprovalOutbox } from '../approval-outbox.js';
import { applyCommand, callsToTell, recordsOfApplied } from '../requests/apply-command.js';
import { readApproval, readCalls, readSealedParams, type StoredApproval, updateApproval } from '../requests/approval.store.js';
import { type EventSource, recordFor } from '../requests/approval-events.js';
import { asTenant } from '../tenant-scope.js';

/** Where an answer came from. */
const CHANNEL = 'http';
/** Answers of others that may come between reading and writing before this one gives up. */
const ATTEMPTS = 5;
const PATHS_MAX = 64;

type AnswerCommand = Extract<ApprovalCommand, { type: 'Grant' | 'Reject' }>;

/** Takes the answers of people, each in one transaction with what it leads to. */
export class AnswerRequests {
  constructor(
    private readonly ports: Pick<ApprovalPorts, 'database' | 'clock' | 'sealer'>,
    private readonly outbox: ApprovalOutbox,
    private readonly source: EventSource,
  ) {}

  /**
   * One person agrees. Resolves once it is durable: to the request as it stands then. Throws `request.not-found`, `identity.forbidden`,
   * `approval.self-approval`, `approval.expired`, `approval.already-answered` and `approval.changed` (with what was decided),
   * `approval.mismatch`; nothing is changed then, but that a request past its time is ended. `stream.conflict` after five lost races.
   */
  grant(principal: Principal, approvalId: string, seen: GrantBody): Promise<StoredApproval> {
    return this.answer(principal, approvalId, (answer) => ({ type: 'Grant', ...answer, seen }));
  }

  /** One person says no, which ends it. Throws as `grant`. */
  reject(principal: Principal, approvalId: string, { why, ...seen }: RejectBody): Promise<StoredApproval> {
    return this.answer(principal, approvalId, (answer) => ({ type: 'Reject', ...answer, why, seen }));
  }

  /**
   * The true parameters, for somebody who may answer and while it waits. That they were looked at, by whom, is durable before they are
   * given out. Throws as `grant`, and `sealing.open-failed`, with nothing given out.
   */
  async unmask(principal: Principal, approvalId: string): Promise<UnmaskedParams> {
    const { database, sealer } = this.ports;
    const { tenantId } = principal;
    const { staged, ...shown } = await asTenant(database, tenantId, async (tx) => {
      const approval = await this.read(tx, tenantId, approvalId);
      this.refuse(
        approval,
        this.commandOf(principal, (answer) => ({ type: 'Reject', ...answer, why: '' })),
      );
      const sealed = await readSealedParams(tx, tenantId, approvalId);
      if (sealed === null) throw answeredMeanwhile('approval.already-answered', approval.state, 'the sealed parameters are gone');
      const params: Json = JSON.parse(sealer.open(tenantId, sealed, approval.asked.callId).toString('utf8'));
      const paths = [...new Set(approval.asked.redactions.map(({ path }) => path))].slice(0, PATHS_MAX);
      const event = { type: 'ApprovalParamsUnmasked' as const, data: { approvalId, unmaskedBy: principal.subject, paths } };
      const [call] = await readCalls(tx, tenantId, [approval.asked.callId]);
      if (call === undefined) throw new AppError('internal.error', `the call of ${approvalId} is not known`);
      const record = recordFor(this.source, { tenantId, call, causationId: null, event });
      return { params, paths, staged: await this.outbox.stage(tx, [record]) };
    });
    await this.outbox.publish(staged);
    return { approvalId, ...shown };
  }

  private async answer(principal: Principal, approvalId: string, make: (answer: AnswerBase) => AnswerCommand): Promise<StoredApproval> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await asTenant(this.ports.database, principal.tenantId, (tx) => this.tryAnswer(tx, principal, approvalId, make));
      if (outcome !== 'conflict') {
        await this.outbox.publish(outcome.staged);
        if (outcome.refused !== null) throw refusalError(outcome.refused, outcome.approval.state);
        return outcome.approval;
      }
      if (attempt === ATTEMPTS) throw new AppError('stream.conflict', `${approvalId} changed ${ATTEMPTS} times meanwhile`);
    }
  }

  private async tryAnswer(tx: Sql, principal: Principal, approvalId: string, make: (answer: AnswerBase) => AnswerCommand) {
    const approval = await this.read(tx, principal.tenantId, approvalId);
    const command = this.commandOf(principal, make);
    const refused = refusalOf(command, approval.state);
    const isOverdue = refused === 'approval.expired' && approval.state.status === 'pending';
    if (refused !== null && !isOverdue) throw refusalError(refused, approval.state);
    const applied = applyCommand(approval, isOverdue ? { type: 'Expire', nowMs: command.nowMs } : command);
    if (!(await updateApproval(tx, applied.approval))) return 'conflict';
    const calls = await readCalls(tx, approval.tenantId, callsToTell(approval));
    const staged = await this.outbox.stage(tx, recordsOfApplied(this.source, applied, calls));
    return { approval: applied.approval, staged, refused };
  }

  private commandOf(principal: Principal, make: (answer: AnswerBase) => AnswerCommand): AnswerCommand {
    const { subject, actors } = principal;
    return make({ answerer: { subject, actors }, channel: CHANNEL, nowMs: this.ports.clock.nowMs() });
  }

  private refuse({ state }: StoredApproval, command: AnswerCommand): void {
    const refused = refusalOf(command, state);
    if (refused !== null) throw refusalError(refused, state);
  }

  private async read(tx: Sql, tenantId: string, approvalId: string): Promise<StoredApproval> {
    const approval = await readApproval(tx, tenantId, approvalId);
    if (approval === null) throw new AppError('request.not-found', `no approval ${approvalId}`);
    return approval;
  }
}

type AnswerBase = Pick<AnswerCommand, 'answerer' | 'channel' | 'nowMs'>;

const refusalError = (refused: AnswerRefusal, state: ApprovalState): AppError =>
  refused === 'approval.already-answered' || refused === 'approval.changed'
    ? answeredMeanwhile(refused, state)
    : new AppError(refused, `the request is ${state.status}`);

/** Says what was decided, and by whom, so that the second to answer knows. */
const answeredMeanwhile = (
  code: 'approval.already-answered' | 'approval.changed',
  state: ApprovalState,
  internal = `the request is ${state.status}`,
): AppError => {
  const by = state.status === 'rejected' ? [state.by] : 'votes' in state ? state.votes.map(({ by: person }) => person) : [];
  return new AppError(code, internal, { detail: { status: state.status, by } });
};
