import { Body, Controller, Get, Header, Headers, Inject, Put, Query } from '@nestjs/common';
import {
  AppError,
  type BudgetPage,
  BudgetQuery,
  type HoldsInDoubt,
  type LimitInForce,
  type OwnBudgets,
  type Principal,
  PutBudgetLimit,
  type Spending,
  SpendingQuery,
} from '@sallyport/contracts';
import type { z } from 'zod';
import { AUDIT_SCOPE, BUDGET_PORTS, type BudgetAccountantPorts, OPERATE_SCOPE } from '../budget-accountant.ports.js';
import { Limits } from '../limits/limits.js';
import { Statements } from './statements.js';

/** What is left, for whoever asks; what everybody has, for operators. The tenant is the principal's and comes from nowhere else. */
@Controller('v1/budgets')
export class BudgetsController {
  constructor(
    @Inject(BUDGET_PORTS) private readonly ports: BudgetAccountantPorts,
    @Inject(Statements) private readonly statements: Statements,
    @Inject(Limits) private readonly limits: Limits,
  ) {}

  @Get('me')
  @Header('cache-control', 'no-store')
  async me(@Headers('authorization') authorization?: string): Promise<OwnBudgets> {
    const principal = await this.ports.authenticator.authenticate(authorization);
    return { at: this.ports.clock.nowIso(), accounts: await this.statements.own(principal, this.ports.clock.nowMs()) };
  }

  @Get()
  @Header('cache-control', 'no-store')
  async all(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<BudgetPage> {
    const { tenantId } = await this.admit(authorization, OPERATE_SCOPE, AUDIT_SCOPE);
    const wanted = parsed(BudgetQuery, query, 'query');
    const limits = await this.limits.list(tenantId);
    return { at: this.ports.clock.nowIso(), limits, ...(await this.statements.page(tenantId, wanted, this.ports.clock.nowMs())) };
  }

  @Get('spending')
  @Header('cache-control', 'no-store')
  async spending(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<Spending> {
    const { tenantId } = await this.admit(authorization, OPERATE_SCOPE, AUDIT_SCOPE);
    return this.statements.spending(tenantId, parsed(SpendingQuery, query, 'query'), this.ports.clock.nowMs());
  }

  @Get('in-doubt')
  @Header('cache-control', 'no-store')
  async inDoubt(@Headers('authorization') authorization?: string): Promise<HoldsInDoubt> {
    const { tenantId } = await this.admit(authorization, OPERATE_SCOPE, AUDIT_SCOPE);
    return { holds: await this.statements.inDoubt(tenantId) };
  }

  /** When it answers, no reservation is decided by the limit before. */
  @Put()
  async set(@Body() body: unknown, @Headers('authorization') authorization?: string): Promise<LimitInForce> {
    const { tenantId, subject } = await this.admit(authorization, OPERATE_SCOPE);
    const { account, limit, why } = parsed(PutBudgetLimit, body, 'body');
    if (account.startsWith('tenant:') && account !== `tenant:${tenantId}`) {
      throw new AppError('request.invalid', 'the account of another tenant', { detail: { faults: ['account: is of another tenant'] } });
    }
    return this.limits.set({ tenantId, account, limit, by: subject, why });
  }

  private async admit(authorization: string | undefined, ...scopes: readonly string[]): Promise<Principal> {
    const principal = await this.ports.authenticator.authenticate(authorization);
    if (!scopes.some((scope) => principal.scopes.includes(scope))) {
      throw new AppError('identity.forbidden', `${principal.subject} lacks ${scopes.join(' or ')}`);
    }
    return principal;
  }
}

/** Throws `request.invalid` naming every path at fault. */
const parsed = <S extends z.ZodType>(schema: S, value: unknown, what: 'body' | 'query'): z.output<S> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.') || `(${what})`}: ${issue.message}`).slice(0, 50);
  throw new AppError('request.invalid', `the ${what} does not fit`, { detail: { faults } });
};
