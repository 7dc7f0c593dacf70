import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { AppError, ControlKind } from '@sallyport/contracts';
import { ALL_VALUE } from '@sallyport/domain';
import type { Database } from '@sallyport/platform';
import { z } from 'zod';
import { APPROVALS_GROUP, DEAD_LETTER_GROUP, DECISION_GROUP } from '../decide/decision.controller.js';
import { CHANGES, DATABASE, OPERATORS } from '../policy-decision.tokens.js';
import type { Changes } from '../state/changes.js';
import { type Control, listControls, setControl } from '../state/controls.js';
import { resolveChain } from '../state/poisoned-chains.js';
import type { Operators } from './operators.js';
import { parseBody } from './request-body.js';

const Why = z.string().min(1).max(1024);

/** How each kind is named, so that a stop never misses for a missing prefix. */
const VALUE_FORMS: Readonly<Record<ControlKind, RegExp>> = {
  tool: /^[^/\s]+\/.+$/,
  server: /^[a-z0-9][a-z0-9-]*$/,
  agent: /^agent:.+$/,
  subject: /^(user|service):.+$/,
  token: /^.+$/,
  all: /^\*$/,
};

const PutControl = z
  .strictObject({
    control: ControlKind,
    /** `server/tool`, `server`, `agent:<id>`, `user:<sub>` or `service:<sub>`, a `jti`, or `*` for everything of the tenant. */
    value: z.string().min(1).max(400),
    active: z.boolean(),
    why: Why,
  })
  .refine(({ control, value }) => VALUE_FORMS[control].test(value), {
    path: ['value'],
    message: `must be server/tool, server, agent:<id>, user:<sub> or service:<sub>, a token id, or ${ALL_VALUE} for all`,
  });

@Controller('v1')
export class ControlsController {
  constructor(
    @Inject(OPERATORS) private readonly operators: Operators,
    @Inject(DATABASE) private readonly db: Database,
    @Inject(CHANGES) private readonly changes: Changes,
  ) {}

  @Get('controls')
  async list(@Headers('authorization') authorization?: string): Promise<{ controls: Control[] }> {
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
  ): Promise<{ chainId: string; resolved: true }> {
    const { tenantId, by } = await this.operators.admit(authorization, 'change');
    const { why } = parseBody(z.strictObject({ why: Why }), body);
    const groups = [DECISION_GROUP, APPROVALS_GROUP, DEAD_LETTER_GROUP];
    if (!(await resolveChain(this.changes, tenantId, chainId, { by, why, groups }))) {
      throw new AppError('request.not-found', 'no chain of this tenant is poisoned under that id');
    }
    return { chainId, resolved: true };
  }
}
