import { Body, Controller, Get, Headers, Inject, Put } from '@nestjs/common';
import { type PoliciesInForce, PutPolicies } from '@sallyport/contracts';
import { CHANGES, CONTROL_PLANE, OPERATORS } from '../policy-decision.tokens.js';
import type { Changes } from '../state/changes.js';
import type { ControlPlane } from '../state/control-plane.js';
import { checkPolicies, policyInvalid, putPolicies } from '../state/policy-versions.js';
import type { TenantState } from '../state/tenant-state.js';
import type { Operators } from './operators.js';
import { parseBody } from './request-body.js';

@Controller('v1/policies')
export class PoliciesController {
  constructor(
    @Inject(OPERATORS) private readonly operators: Operators,
    @Inject(CONTROL_PLANE) private readonly controlPlane: ControlPlane,
    @Inject(CHANGES) private readonly changes: Changes,
  ) {}

  @Get()
  async inForce(@Headers('authorization') authorization?: string): Promise<PoliciesInForce> {
    const { state } = await this.operators.admit(authorization, 'read');
    return this.shown(state);
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
    return this.shown(this.controlPlane.stateOf(tenantId) ?? state);
  }

  private shown({ policies, policyTexts, files }: TenantState): PoliciesInForce {
    return { policySetHash: policies.hash, engine: policies.engine, epoch: this.controlPlane.epoch, policies: [...policyTexts], files };
  }
}
