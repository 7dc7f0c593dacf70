import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import {
  AppError,
  type PoliciesInForce,
  type PolicyTestRun,
  type PolicyVersion,
  PolicyVersionName,
  PolicyVersionQuery,
  type PolicyVersions,
  PutPolicies,
} from '@sallyport/contracts';
import type { Clock, Database } from '@sallyport/platform';
import { CHANGES, CLOCK, CONTROL_PLANE, DATABASE, OPERATORS } from '../policy-decision.tokens.js';
import type { Changes } from '../state/changes.js';
import type { ControlPlane } from '../state/control-plane.js';
import { checkPolicies, policyInvalid, putPolicies } from '../state/policy-versions.js';
import type { TenantState } from '../state/tenant-state.js';
import type { Operators } from './operators.js';
import { findPolicyVersions, lastPolicyChange, showPolicyVersion, testPoliciesInForce } from './policy-queries.js';
import { parseBody, parseQuery } from './request-input.js';

@Controller('v1/policies')
export class PoliciesController {
  /** Who asks for tests that run already gets that answer. */
  private readonly running = new Map<string, Promise<PolicyTestRun>>();

  constructor(
    @Inject(OPERATORS) private readonly operators: Operators,
    @Inject(CONTROL_PLANE) private readonly controlPlane: ControlPlane,
    @Inject(CHANGES) private readonly changes: Changes,
    @Inject(DATABASE) private readonly db: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  async inForce(@Headers('authorization') authorization?: string): Promise<PoliciesInForce> {
    const { state, tenantId } = await this.operators.admit(authorization, 'read');
    return this.shown(tenantId, state);
  }

  /** The sets that were in force, newest first. */
  @Get('versions')
  async versions(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<PolicyVersions> {
    const { tenantId } = await this.operators.admit(authorization, 'read');
    return findPolicyVersions(this.db, tenantId, parseQuery(PolicyVersionQuery, query));
  }

  /** A set as it was, by the hash that decisions carry, or by its number. */
  @Get(':version')
  async version(@Param('version') version: string, @Headers('authorization') authorization?: string): Promise<PolicyVersion> {
    const { tenantId } = await this.operators.admit(authorization, 'read');
    const name = PolicyVersionName.safeParse(version);
    if (!name.success) throw new AppError('request.not-found', 'neither a policy set hash nor a number');
    return showPolicyVersion(this.db, tenantId, name.data);
  }

  /** Runs the tests of the set in force against it; changes nothing. */
  @Post('test')
  @HttpCode(200)
  async test(@Headers('authorization') authorization?: string): Promise<PolicyTestRun> {
    const { tenantId, state } = await this.operators.admit(authorization, 'read');
    const name = `${tenantId} ${this.controlPlane.epoch}`;
    const run = this.running.get(name) ?? testPoliciesInForce(state, () => this.clock.nowIso()).finally(() => this.running.delete(name));
    this.running.set(name, run);
    return run;
  }

  /** Replaces the whole set. It is compiled and its tests are run first: one fault, and the set in force is kept (`policy.invalid`). */
  @Put()
  async replace(@Body() body: unknown, @Headers('authorization') authorization?: string): Promise<PoliciesInForce> {
    const { state, tenantId, by } = await this.operators.admit(authorization, 'change');
    const { files, why } = parseBody(PutPolicies, body);
    const outcome = checkPolicies(files, state.identity);
    if ('faults' in outcome) throw policyInvalid(outcome.faults);
    await this.changes.apply({ by }, async (tx, epoch) => {
      const records = await putPolicies(tx, { tenantId, epoch, by, why }, outcome.checked);
      return records.length === 0 ? null : { records, result: undefined };
    });
    await this.changes.settled();
    await this.controlPlane.refresh();
    return this.shown(tenantId, this.controlPlane.stateOf(tenantId) ?? state);
  }

  private async shown(tenantId: string, { policies, policyTexts, files }: TenantState): Promise<PoliciesInForce> {
    const { epoch } = this.controlPlane;
    const lastChange = await lastPolicyChange(this.db, tenantId);
    return { policySetHash: policies.hash, engine: policies.engine, epoch, policies: [...policyTexts], files, lastChange };
  }
}
