import { Body, Controller, Get, Header, Headers, HttpCode, Inject, type MessageEvent, Param, Post, Query, Sse } from '@nestjs/common';
import {
  AppError,
  type ApprovalDetail,
  type ApprovalPage,
  type ApprovalProgress,
  ApprovalQuery,
  ApprovalTailQuery,
  GrantBody,
  type Principal,
  RejectBody,
  type UnmaskedParams,
} from '@sallyport/contracts';
import { parseInput } from '@sallyport/platform';
import { map, type Observable } from 'rxjs';
import { z } from 'zod';
import type { AnswerRequests } from '../answers/answer-requests.js';
import { admitApprover } from '../answers/approvers.js';
import { ANSWER_REQUESTS, APPROVAL_PORTS, type ApprovalPorts } from '../approval.ports.js';
import { readApproval, type StoredApproval } from '../requests/approval.store.js';
import { asTenant } from '../tenant-scope.js';
import { alikeOf, findApprovals } from './approval-queries.js';
import { ApprovalTail } from './approval-tail.js';
import { detailOf, progressOf, summaryOf } from './approval-view.js';

const NO_STORE = 'no-store';

/** Requests for people to see and answer, of their own tenant alone. */
@Controller('v1/approvals')
export class ApprovalsController {
  constructor(
    @Inject(APPROVAL_PORTS) private readonly ports: ApprovalPorts,
    @Inject(ANSWER_REQUESTS) private readonly answers: AnswerRequests,
    @Inject(ApprovalTail) private readonly tail: ApprovalTail,
  ) {}

  @Get()
  @Header('cache-control', NO_STORE)
  async list(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<ApprovalPage> {
    const principal = await this.admit(authorization);
    const nowMs = this.ports.clock.nowMs();
    const wanted = parseInput(ApprovalQuery, query);
    const { approvals, nextCursor } = await this.within(principal, (tx) => findApprovals(tx, principal.tenantId, wanted, nowMs));
    return { approvals: approvals.map((approval) => summaryOf(approval, principal, nowMs)), nextCursor };
  }

  /** Server-sent events: a request whenever it changes, as it stands then and as far as the one who follows may answer it. */
  @Sse('tail')
  async follow(
    @Query() query: unknown,
    @Headers('authorization') authorization?: string,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<Observable<MessageEvent>> {
    const principal = await this.admit(authorization);
    const { cursor } = parseInput(ApprovalTailQuery, lastEventId === undefined ? query : { cursor: lastEventId });
    return this.tail.follow(principal.tenantId, cursor ?? null).pipe(
      // A comment is no event to a client; its id is where it resumes all the same.
      map(
        ({ cursor: id, item }): MessageEvent =>
          item === null ? { id, comment: 'alive' } : { id, type: 'approval', data: summaryOf(item, principal, this.ports.clock.nowMs()) },
      ),
    );
  }

  @Get(':id')
  @Header('cache-control', NO_STORE)
  async show(@Param('id') id: string, @Headers('authorization') authorization?: string): Promise<ApprovalDetail> {
    const principal = await this.admit(authorization);
    return this.detail(principal, await this.read(principal, id));
  }

  @Post(':id/grant')
  @HttpCode(200)
  @Header('cache-control', NO_STORE)
  async grant(@Param('id') id: string, @Body() body: unknown, @Headers('authorization') authorization?: string): Promise<ApprovalDetail> {
    const principal = await this.admit(authorization);
    return this.detail(principal, await this.answers.grant(principal, idOf(id), parseInput(GrantBody, body ?? {})));
  }

  @Post(':id/reject')
  @HttpCode(200)
  @Header('cache-control', NO_STORE)
  async reject(@Param('id') id: string, @Body() body: unknown, @Headers('authorization') authorization?: string): Promise<ApprovalDetail> {
    const principal = await this.admit(authorization);
    return this.detail(principal, await this.answers.reject(principal, idOf(id), parseInput(RejectBody, body ?? {})));
  }

  /** The true parameters. Who looked is on record before they are given out. */
  @Post(':id/unmask')
  @HttpCode(200)
  @Header('cache-control', NO_STORE)
  async unmask(@Param('id') id: string, @Headers('authorization') authorization?: string): Promise<UnmaskedParams> {
    const principal = await this.admit(authorization);
    return this.answers.unmask(principal, idOf(id));
  }

  /** How far a request is, for the principal that asked and nobody else. */
  @Get(':id/status')
  @Header('cache-control', NO_STORE)
  async status(@Param('id') id: string, @Headers('authorization') authorization?: string): Promise<ApprovalProgress> {
    const principal = await this.ports.authenticate(authorization);
    const approval = await this.read(principal, id);
    if (!isAsker(principal, approval)) throw new AppError('request.not-found', `${principal.subject} did not ask ${approval.approvalId}`);
    return progressOf(approval, this.ports.clock.nowMs());
  }

  private admit(authorization: string | undefined): Promise<Principal> {
    return admitApprover(this.ports.authenticate, authorization);
  }

  private within<T>({ tenantId }: Principal, work: Parameters<typeof asTenant<T>>[2]): Promise<T> {
    return asTenant(this.ports.database, tenantId, work);
  }

  private async read(principal: Principal, id: string): Promise<StoredApproval> {
    const approval = await this.within(principal, (tx) => readApproval(tx, principal.tenantId, idOf(id)));
    if (approval === null) throw new AppError('request.not-found', 'no such approval of this tenant');
    return approval;
  }

  private async detail(principal: Principal, approval: StoredApproval): Promise<ApprovalDetail> {
    const alike = await this.within(principal, (tx) => alikeOf(tx, approval));
    return detailOf(approval, alike, principal, this.ports.clock.nowMs());
  }
}

const Uuid = z.uuid();

const idOf = (id: string): string => {
  const parsed = Uuid.safeParse(id);
  if (!parsed.success) throw new AppError('request.not-found', 'not an id of an approval');
  return parsed.data.toLowerCase();
};

const isAsker = ({ subject, issuer, actors }: Principal, { asked: { principal } }: StoredApproval): boolean =>
  subject === principal.subject && issuer === principal.issuer && JSON.stringify(actors) === JSON.stringify(principal.actors);
