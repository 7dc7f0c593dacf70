import { Controller, Get, Header, Headers, HttpCode, Inject, type MessageEvent, Param, Post, Query, Sse } from '@nestjs/common';
import {
  type AuditVerification,
  type CallDetail,
  type CallPage,
  type CallProof,
  CallQuery,
  type ChainPage,
  ChainQuery,
  type CheckpointPage,
  CheckpointQuery,
  type LoginPage,
  LoginQuery,
  OFFICE_SCOPES,
  type Overview,
  OverviewQuery,
  type Principal,
  RebuildQuery,
  type RebuiltCalls,
  type RejectionPage,
  RejectionQuery,
  TailQuery,
  VerifyQuery,
} from '@sallyport/contracts';
import { parseInput } from '@sallyport/platform';
import type { JWK } from 'jose';
import { map, type Observable } from 'rxjs';
import { z } from 'zod';
import { AUDIT_PORTS, type AuditProjectorPorts } from '../audit-projector.ports.js';
import { rebuildCalls } from '../calls/rebuild-calls.js';
import { type RecordVerification, type VerifyOptions, verifyRecord } from '../verification/verify-record.js';
import { admitAuditor } from './auditor.js';
import { proveCall } from './call-proof.js';
import { findCalls, findLogins, findRejections, showCall } from './call-queries.js';
import { CallTail } from './call-tail.js';
import { showChain } from './chain-queries.js';
import { findCheckpoints } from './checkpoint-queries.js';
import { OverviewReader } from './overview.js';

const CallId = z.string().min(1).max(256);

/**
 * Reads the record, each tenant its own. Every route needs a token with the scope `sallyport:audit`, but for the public keys, and for a rebuild,
 * which needs `sallyport:operate`.
 */
@Controller('v1/audit')
export class AuditController {
  private readonly verifications = new Map<string, Promise<RecordVerification>>();

  constructor(
    @Inject(AUDIT_PORTS) private readonly ports: AuditProjectorPorts,
    @Inject(CallTail) private readonly tail: CallTail,
    @Inject(OverviewReader) private readonly overview: OverviewReader,
  ) {}

  @Get('calls')
  @Header('cache-control', 'no-store')
  async calls(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<CallPage> {
    const { tenantId } = await this.admit(authorization);
    return findCalls(this.ports.database, tenantId, parseInput(CallQuery, query));
  }

  @Get('calls/:callId')
  @Header('cache-control', 'no-store')
  async call(@Param('callId') callId: string, @Headers('authorization') authorization?: string): Promise<CallDetail> {
    const { tenantId } = await this.admit(authorization);
    return showCall(this.ports.database, tenantId, parseInput(CallId, callId), this.ports.traceUrlTemplate);
  }

  @Get('calls/:callId/proof')
  @Header('cache-control', 'no-store')
  async proof(@Param('callId') callId: string, @Headers('authorization') authorization?: string): Promise<CallProof> {
    const { tenantId } = await this.admit(authorization);
    return proveCall(this.ports.database, tenantId, parseInput(CallId, callId));
  }

  @Get('chains/:chainId')
  @Header('cache-control', 'no-store')
  async chain(
    @Param('chainId') chainId: string,
    @Query() query: unknown,
    @Headers('authorization') authorization?: string,
  ): Promise<ChainPage> {
    const { tenantId } = await this.admit(authorization);
    return showChain(this.ports.database, tenantId, parseInput(CallId, chainId), parseInput(ChainQuery, query));
  }

  @Get('overview')
  @Header('cache-control', 'no-store')
  async shownOverview(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<Overview> {
    const { tenantId } = await this.admit(authorization);
    return this.overview.read(tenantId, parseInput(OverviewQuery, query).window);
  }

  /** Some calls at a time, so that whoever asks sees how far it is and goes on from there. */
  @Post('rebuild')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async rebuild(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<RebuiltCalls> {
    const { tenantId } = await admitAuditor(this.ports.authenticate, authorization, OFFICE_SCOPES.operate);
    return rebuildCalls(this.ports.database, tenantId, parseInput(RebuildQuery, query).after ?? null);
  }

  @Get('rejections')
  @Header('cache-control', 'no-store')
  async rejections(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<RejectionPage> {
    const { tenantId } = await this.admit(authorization);
    return findRejections(this.ports.database, tenantId, parseInput(RejectionQuery, query));
  }

  @Get('logins')
  @Header('cache-control', 'no-store')
  async logins(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<LoginPage> {
    const { tenantId } = await this.admit(authorization);
    return findLogins(this.ports.database, tenantId, parseInput(LoginQuery, query));
  }

  /** Server-sent events: one for each call as it ends, its id the cursor to resume from, its data the record. */
  @Sse('tail')
  async follow(
    @Query() query: unknown,
    @Headers('authorization') authorization?: string,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<Observable<MessageEvent>> {
    const { tenantId } = await this.admit(authorization);
    const { cursor, ...filter } = parseInput(
      TailQuery,
      lastEventId === undefined ? query : { ...parseInput(z.looseObject({}), query), cursor: lastEventId },
    );
    return this.tail.follow(tenantId, filter, cursor ?? null).pipe(
      // A comment is no event to a client; its id is where it resumes all the same.
      map(({ cursor: id, item }): MessageEvent => (item === null ? { id, comment: 'alive' } : { id, type: 'call', data: item })),
    );
  }

  /** Verifies the whole record, of every tenant: a chain has all of them in it. What concerns another tenant is told without its ids. */
  @Get('verify')
  @Header('cache-control', 'no-store')
  async verify(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<AuditVerification> {
    const principal = await this.admit(authorization);
    const { log, ...range } = parseInput(VerifyQuery, query);
    return withoutForeignIds(await this.verifyOnce({ ...range, compareWithLog: log === 'true' }), principal.tenantId);
  }

  /** Public keys of the checkpoints (RFC 7517), for everybody. */
  @Get('keys')
  keys(): { readonly keys: readonly JWK[] } {
    return this.ports.checkpointKey.jwks;
  }

  @Get('checkpoints')
  @Header('cache-control', 'no-store')
  async checkpoints(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<CheckpointPage> {
    await this.admit(authorization);
    const { cursor, limit } = parseInput(CheckpointQuery, query);
    return findCheckpoints(this.ports.database, cursor ?? null, limit);
  }

  /** Who asks for what is being verified already gets that answer: a verification reads the whole record. */
  private verifyOnce(options: VerifyOptions): Promise<RecordVerification> {
    const name = JSON.stringify(options);
    const running = this.verifications.get(name) ?? verifyRecord(this.ports, options).finally(() => this.verifications.delete(name));
    this.verifications.set(name, running);
    return running;
  }

  private admit(authorization: string | undefined): Promise<Principal> {
    return admitAuditor(this.ports.authenticate, authorization);
  }
}

const withoutForeignIds = ({ faultTenants, ...verification }: RecordVerification, tenantId: string): AuditVerification => ({
  ...verification,
  faults: verification.faults.map((fault, index) => (faultTenants[index] === tenantId ? fault : { ...fault, eventId: null, callId: null })),
});
