import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { AppError, type Control, type ControlList, PutControl, ResolveChainBody, type ResolvedChain } from '@sallyport/contracts';
import type { Database } from '@sallyport/platform';
import { APPROVALS_GROUP, DEAD_LETTER_GROUP, DECISION_GROUP } from '../decide/decision.controller.js';
import { CHANGES, DATABASE, OPERATORS } from '../policy-decision.tokens.js';
import type { Changes } from '../state/changes.js';
import { listControls, setControl } from '../state/controls.js';
import { resolveChain } from '../state/poisoned-chains.js';
import type { Operators } from './operators.js';
import { parseBody } from './request-input.js';

@Controller('v1')
export class ControlsController {
  constructor(
    @Inject(OPERATORS) private readonly operators: Operators,
    @Inject(DATABASE) private readonly db: Database,
    @Inject(CHANGES) private readonly changes: Changes,
  ) {}

  @Get('controls')
  async list(@Headers('authorization') authorization?: string): Promise<ControlList> {
    const { tenantId } = await this.operators.admit(authorization, 'read');
    return { controls: await listControls(this.db, tenantId) };
  }

  /** Sets or lifts a kill switch or a revocation. When it answers, no byte goes out for what it stops. */
  @Put('controls')
  async set(@Body() body: unknown, @Headers('authorization') authorization?: string): Promise<Control> {
    const { tenantId, by } = await this.operators.admit(authorization, 'change');
    return setControl(this.changes, tenantId, { by }, parseBody(PutControl, body));
  }

  /** Lets a poisoned chain go on. */
  @Post('chains/:chainId/resolve')
  @HttpCode(200)
  async resolve(
    @Param('chainId') chainId: string,
    @Body() body: unknown,
    @Headers('authorization') authorization?: string,
  ): Promise<ResolvedChain> {
    const { tenantId, by } = await this.operators.admit(authorization, 'change');
    const { why } = parseBody(ResolveChainBody, body);
    const groups = [DECISION_GROUP, APPROVALS_GROUP, DEAD_LETTER_GROUP];
    if (!(await resolveChain(this.changes, tenantId, chainId, { by, why, groups }))) {
      throw new AppError('request.not-found', 'no chain of this tenant is poisoned under that id');
    }
    return { chainId, resolved: true };
  }
}
