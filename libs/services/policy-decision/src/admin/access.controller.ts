import { Controller, Get, Headers, Inject, Query } from '@nestjs/common';
import { type AccessNames, type AccessPage, AccessQuery } from '@sallyport/contracts';
import { namesIn, whoMay } from '../access/who-may.js';
import { CONTROL_PLANE, OPERATORS } from '../policy-decision.tokens.js';
import type { ControlPlane } from '../state/control-plane.js';
import type { Operators } from './operators.js';
import { parseQuery } from './request-input.js';

/** Who may do what, before anybody does it. */
@Controller('v1/access')
export class AccessController {
  constructor(
    @Inject(OPERATORS) private readonly operators: Operators,
    @Inject(CONTROL_PLANE) private readonly controlPlane: ControlPlane,
  ) {}

  @Get()
  async whoMay(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<AccessPage> {
    const { tenantId, state } = await this.operators.admit(authorization, 'read');
    return whoMay(tenantId, state, this.controlPlane.epoch, parseQuery(AccessQuery, query));
  }

  @Get('names')
  async names(@Headers('authorization') authorization?: string): Promise<AccessNames> {
    const { state } = await this.operators.admit(authorization, 'read');
    return namesIn(state);
  }
}
