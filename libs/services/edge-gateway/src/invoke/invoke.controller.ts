import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { AppError, CallPlan, type InvokeAnswer, InvokeBody, type InvokePlan, type Json, PlanBody, toErrorBody } from '@sallyport/contracts';
import { isJsonObject, JsonFault, type JsonObject, parseBounded, RETRY_AFTER_MS } from '@sallyport/mcp';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { EdgeGateway } from '../edge-gateway.js';
import { assembleCall } from '../http/call-assembly.js';
import { type Admitted, type Entrance, sendJson } from '../http/door.js';
import { refusalError } from '../http/governed-requests.js';
import { readBody } from '../http/request-body.js';
import { toolMenuOf, visibleTools } from '../menu/tool-menu.js';
import { ClientExchange, noRoute } from '../upstreams/client-exchange.js';
import type { CallOutcome } from './exchange.port.js';
import { LocalAnswer } from './local-exchange.js';
import { planChoicesOf, plannedPrincipal } from './planned-principal.js';

type Answered = Extract<CallOutcome, { kind: 'answered' }>;

/** A call as REST asks for it. */
interface Asked extends Omit<InvokeBody, 'tool' | 'arguments'> {
  readonly tool: string;
  readonly arguments: JsonObject;
  readonly plan?: { readonly mayTryOut: boolean };
}

/** REST: the menu of tools, one call, and one that is only planned. The same path as MCP's, for who speaks no MCP. */
@Controller('v1')
export class InvokeController {
  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  /** Names and schemas of what the principal may call. */
  @Get('tools')
  async tools(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { door, requests, catalog, ports } = this.gateway;
    const entrance = this.entrance('/v1/tools');
    await door.open(request, reply, entrance, async (admitted) => {
      const target = { kind: 'gateway', server: null, name: null } as const;
      const call = assembleCall(
        { admitted, headers: request.headers, transport: 'rest', protocolVersion: null, method: 'tools/list', target, params: {} },
        ports,
      );
      const exchange = new LocalAnswer(({ visible }) => ({
        result: toolMenuOf(visibleTools(catalog, admitted.principal.tenantId, visible)),
      }));
      const outcome = await requests.run(call, exchange);
      if (outcome.kind !== 'answered') return this.refuse(reply, entrance, outcome);
      const menu = isJsonObject(exchange.released?.result) ? exchange.released.result : { tools: [] };
      sendJson(reply, 200, call.callId, menu, { 'cache-control': 'private, no-store' });
    });
  }

  /** Calls one tool and waits for its answer. */
  @Post('invoke')
  async invoke(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const entrance = this.entrance('/v1/invoke');
    await this.gateway.door.open(request, reply, entrance, async (admitted) =>
      this.call(request, reply, admitted, await this.bodyOf(request, InvokeBody)),
    );
  }

  /** On whose behalf, and through which agents, whoever asks may plan. */
  @Get('plan')
  async planChoices(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.gateway.door.open(request, reply, this.entrance('/v1/plan'), async ({ principal }) => {
      const choices = planChoicesOf(principal, this.gateway.ports.directoryOf(principal.tenantId));
      reply.code(200).headers({ 'content-type': 'application/json', 'cache-control': 'no-store' }).send(JSON.stringify(choices));
    });
  }

  /** Tells what would become of a call, and never makes one: nothing that a request says turns this into an execution. */
  @Post('plan')
  async plan(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.gateway.door.open(request, reply, this.entrance('/v1/plan'), async (admitted) => {
      const { agent, dryRun, ...call } = await this.bodyOf(request, PlanBody);
      const principal = plannedPrincipal(admitted.principal, agent ?? null, this.gateway.ports.directoryOf(admitted.principal.tenantId));
      await this.call(request, reply, { ...admitted, principal }, { ...call, plan: { mayTryOut: dryRun } });
    });
  }

  private async call(request: FastifyRequest, reply: FastifyReply, admitted: Admitted, body: Asked): Promise<void> {
    const { requests, upstreams, ports } = this.gateway;
    const { tenantId } = admitted.principal;
    const at = body.tool.indexOf('/');
    const server = body.tool.slice(0, at);
    const name = body.tool.slice(at + 1);
    const call = assembleCall(
      {
        admitted,
        headers: request.headers,
        transport: 'rest',
        protocolVersion: null,
        method: 'tools/call',
        target: { kind: 'tool', server, name },
        params: { name, arguments: body.arguments },
        body: { model: body.model, prompt: body.prompt, intent: body.intent },
        ...(body.plan === undefined ? {} : { plan: body.plan }),
      },
      ports,
    );
    const upstream = upstreams.find(tenantId, server);
    const exchange =
      upstream === null
        ? null
        : new ClientExchange(upstream, { method: 'tools/call', sessionKey: this.gateway.sessionKeyOf(admitted.principal) });
    const outcome = await requests.run(call, exchange ?? noRoute(server));
    if (outcome.kind !== 'answered') return this.refuse(reply, admitted.entrance, outcome);
    this.answer(reply, outcome, { tool: body.tool, isPlan: call.isPlan }, exchange?.answer ?? {});
  }

  /** The body of a request that names a tool. Throws what its form is turned away with. */
  private async bodyOf<S extends z.ZodType<{ readonly tool: string }>>(request: FastifyRequest, schema: S): Promise<z.output<S>> {
    const { wire } = this.gateway.ports.settings;
    const [type] = (request.headers['content-type'] ?? '').split(';');
    if (type?.trim().toLowerCase() !== 'application/json')
      throw new AppError('request.unsupported-media-type', 'the body is not application/json');
    const bytes = await readBody(request.raw, wire.maxBodyBytes);
    let value: Json;
    try {
      value = parseBounded(bytes, { maxDepth: wire.maxDepth, maxMembers: wire.maxMembers, exactNumbers: true });
    } catch (fault) {
      if (!(fault instanceof JsonFault)) throw fault;
      throw fault.kind === 'too-deep' || fault.kind === 'too-many-members'
        ? new AppError('content.arguments-too-deep', fault.message)
        : new AppError('request.parse-error', fault.message);
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success || !/^[^/]+\/.+$/.test(parsed.data.tool)) {
      const paths = parsed.success ? ['tool'] : parsed.error.issues.slice(0, 16).map(({ path }) => path.join('.'));
      throw new AppError('request.invalid', 'the body does not fit its schema', { detail: { paths } });
    }
    return parsed.data;
  }

  private answer(
    reply: FastifyReply,
    { callId, redactions }: Answered,
    { tool, isPlan }: { readonly tool: string; readonly isPlan: boolean },
    message: JsonObject,
  ): void {
    if (isJsonObject(message.error)) {
      const code = typeof message.error.code === 'number' ? message.error.code : null;
      const error = new AppError('upstream.answer-invalid', 'the upstream answered with a protocol error', {
        detail: { upstreamCode: code },
      });
      sendJson(reply, error.definition.http, callId, toErrorBody(error, callId));
      return;
    }
    const result = isJsonObject(message.result) ? message.result : {};
    const told = isPlan && isJsonObject(result.structuredContent) ? result.structuredContent.plan : undefined;
    const plan = CallPlan.safeParse(told);
    if (plan.success) {
      sendJson(reply, 200, callId, { callId, tool, plan: plan.data } satisfies InvokePlan);
      return;
    }
    if (result.resultType !== undefined && result.resultType !== 'complete') {
      const error = new AppError('upstream.answer-invalid', 'the upstream asks back, which REST cannot carry', {
        detail: { reason: 'input-required' },
      });
      sendJson(reply, error.definition.http, callId, toErrorBody(error, callId));
      return;
    }
    const answer: InvokeAnswer = {
      callId,
      tool,
      isError: result.isError === true,
      content: Array.isArray(result.content) ? result.content : [],
      ...(result.structuredContent === undefined ? {} : { structuredContent: result.structuredContent }),
      redactions,
    };
    sendJson(reply, 200, callId, answer);
  }

  private refuse(reply: FastifyReply, entrance: Entrance, outcome: Exclude<CallOutcome, { kind: 'answered' }>): void {
    if (outcome.kind === 'cancelled') {
      reply.raw.destroy();
      return;
    }
    const error =
      outcome.kind === 'waiting'
        ? new AppError('approval.required', 'people have been asked', { detail: { ...outcome.approval, retryAfterMs: RETRY_AFTER_MS } })
        : refusalError(outcome);
    const headers: Record<string, string> = {};
    if (error.code === 'scope.insufficient')
      headers['www-authenticate'] = this.gateway.door.challengeOf(
        entrance,
        error,
        outcome.kind === 'refused' ? outcome.requiredScopes : [],
      );
    if (outcome.kind === 'waiting') headers['retry-after'] = String(RETRY_AFTER_MS / 1_000);
    else if (error.definition.retryable) headers['retry-after'] = '1';
    sendJson(reply, error.definition.http, outcome.callId, toErrorBody(error, outcome.callId), headers);
  }

  private entrance(route: string): Entrance {
    return { route, resource: this.gateway.ports.settings.publicUrl, speaks: 'rest' };
  }
}
