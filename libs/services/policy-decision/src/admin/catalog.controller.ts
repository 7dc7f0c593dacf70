import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { AppError, type CatalogList, type CatalogTool, type CatalogWarning, PinBody, type ToolRecord } from '@sallyport/contracts';
import { reviewIsOld } from '@sallyport/domain';
import type { Clock, Database } from '@sallyport/platform';
import type { Definitions } from '../catalog/definitions.js';
import { readTools, type StoredTool } from '../catalog/tool-store.js';
import { CLOCK, DATABASE, DEFINITIONS, OPERATORS } from '../policy-decision.tokens.js';
import type { Operators } from './operators.js';
import { parseBody } from './request-body.js';

/** After how many days without a review the catalog warns. */
const REVIEW_DAYS_MAX = 365;

@Controller('v1/catalog')
export class CatalogController {
  constructor(
    @Inject(OPERATORS) private readonly operators: Operators,
    @Inject(DATABASE) private readonly db: Database,
    @Inject(DEFINITIONS) private readonly definitions: Definitions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  async list(@Headers('authorization') authorization?: string): Promise<CatalogList> {
    const { state } = await this.operators.admit(authorization, 'read');
    return { tools: state.tools(null).map(({ definition: _definition, ...record }) => ({ ...record, warnings: this.warningsOf(record) })) };
  }

  @Get(':server/:tool')
  async show(
    @Param('server') server: string,
    @Param('tool') tool: string,
    @Headers('authorization') authorization?: string,
  ): Promise<CatalogTool> {
    const { tenantId } = await this.operators.admit(authorization, 'read');
    const id = `${server}/${tool}`;
    const stored = (await readTools(this.db, tenantId, [id])).get(id);
    if (stored === undefined) throw new AppError('request.not-found', `no tool ${id}`);
    return { ...stored.state.record, ...this.pinOf(stored), warnings: this.warningsOf(stored.state.record) };
  }

  /** Accepts the definition the server shows now; calls are held to it. With `digest`, only if that is the one. */
  @Post(':server/:tool/pin')
  @HttpCode(200)
  async pin(
    @Param('server') server: string,
    @Param('tool') tool: string,
    @Body() body: unknown,
    @Headers('authorization') authorization?: string,
  ): Promise<ToolRecord> {
    const { tenantId, by } = await this.operators.admit(authorization, 'change');
    const { why, digest } = parseBody(PinBody, body);
    return this.definitions.accept(tenantId, `${server}/${tool}`, { by }, { digest: digest ?? null, why });
  }

  private pinOf({ declared, state }: StoredTool): Pick<CatalogTool, 'declared' | 'pinRule' | 'observed'> {
    return { declared, pinRule: state.rule, observed: state.observed };
  }

  private warningsOf(record: Pick<ToolRecord, 'lastReviewed' | 'lifecycle'>): CatalogWarning[] {
    const warnings: CatalogWarning[] = [];
    if (reviewIsOld(record, this.clock.nowIso().slice(0, 10), REVIEW_DAYS_MAX)) warnings.push('review-is-old');
    if (record.lifecycle === 'deprecated') warnings.push('deprecated');
    return warnings;
  }
}
