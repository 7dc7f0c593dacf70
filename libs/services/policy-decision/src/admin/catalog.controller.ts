import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import {
  AppError,
  type CatalogPage,
  CatalogQuery,
  type CatalogServers,
  type CatalogTool,
  PinBody,
  type ToolRecord,
} from '@sallyport/contracts';
import type { Clock, Database } from '@sallyport/platform';
import type { Definitions } from '../catalog/definitions.js';
import { readTools, type StoredTool } from '../catalog/tool-store.js';
import { CLOCK, DATABASE, DEFINITIONS, OPERATORS } from '../policy-decision.tokens.js';
import { pageOfTools, serversOf, warningsOf } from './catalog-list.js';
import type { Operators } from './operators.js';
import { parseBody, parseQuery } from './request-input.js';

@Controller('v1/catalog')
export class CatalogController {
  constructor(
    @Inject(OPERATORS) private readonly operators: Operators,
    @Inject(DATABASE) private readonly db: Database,
    @Inject(DEFINITIONS) private readonly definitions: Definitions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  async list(@Query() query: unknown, @Headers('authorization') authorization?: string): Promise<CatalogPage> {
    const { state } = await this.operators.admit(authorization, 'read');
    return pageOfTools(state, parseQuery(CatalogQuery, query), this.today());
  }

  @Get('servers')
  async servers(@Headers('authorization') authorization?: string): Promise<CatalogServers> {
    const { state } = await this.operators.admit(authorization, 'read');
    return { servers: serversOf(state, this.today()) };
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
    return { ...stored.state.record, ...this.pinOf(stored), warnings: warningsOf(stored.state.record, this.today()) };
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

  private today(): string {
    return this.clock.nowIso().slice(0, 10);
  }
}
