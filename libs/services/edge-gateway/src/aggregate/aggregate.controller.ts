import { All, Controller, Inject, Req, Res } from '@nestjs/common';
import { AppError, type EventData, META_KEYS } from '@sallyport/contracts';
import { APPROVAL_STATUS_TOOL } from '@sallyport/domain';
import {
  bridgeResponse,
  discoverResult,
  type Era,
  type InboundMessage,
  type InboundRequest,
  initializeResult,
  isJsonObject,
  type JsonObject,
  META_ENVELOPE,
  parseInbound,
  rpcError,
  rpcResult,
  toolsListResult,
} from '@sallyport/mcp';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { APPROVAL_STATUS_DEFINITION, approvalStatusOf } from '../approvals/approval-status.js';
import { EdgeGateway } from '../edge-gateway.js';
import { assembleCall } from '../http/call-assembly.js';
import { type Admitted, type Entrance, sendJson } from '../http/door.js';
import { refusalError } from '../http/governed-requests.js';
import { tellRefusal } from '../http/mcp-refusal.js';
import { ReplyStream } from '../http/reply-stream.js';
import { readBody } from '../http/request-body.js';
import { tellWaiting } from '../http/told-waiting.js';
import type { AuthenticatedCall } from '../invoke/authenticated-call.js';
import type { CallOutcome } from '../invoke/exchange.port.js';
import { LocalAnswer } from '../invoke/local-exchange.js';
import { visibleTools } from '../menu/tool-menu.js';
import { STREAM_METHODS } from '../transparent/message-targets.js';
import { ClientExchange, noRoute } from '../upstreams/client-exchange.js';
import { holdChangeStream, honoured } from './change-stream.js';

type Decision = EventData<'PolicyDecided'>;

const CAPABILITIES: JsonObject = { tools: { listChanged: true } };
const INSTRUCTIONS = 'Tools of several servers in one list, each named server__tool.';
const METHOD_NOT_FOUND = -32601;
const COMMENT = ':\n\n';

interface Visit {
  readonly inbound: InboundMessage;
  readonly call: AuthenticatedCall;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly stream: ReplyStream;
  readonly admitted: Admitted;
}

/**
 * All servers as one: tools only, without sessions in either era, so that any replica answers any request. The gateway ends the protocol here and
 * speaks to each server on its own; a server that is away takes only its own calls with it.
 */
@Controller('mcp')
export class AggregateController {
  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  @All()
  async serve(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { door, ports } = this.gateway;
    const entrance: Entrance = { route: '/mcp', resource: `${ports.settings.publicUrl}/mcp`, speaks: 'mcp' };
    await door.open(request, reply, entrance, (admitted) => this.answer(request, reply, admitted));
  }

  private async answer(request: FastifyRequest, reply: FastifyReply, admitted: Admitted): Promise<void> {
    const { ports, tools } = this.gateway;
    const { settings } = ports;
    const body = request.method === 'POST' ? await readBody(request.raw, settings.wire.maxBodyBytes) : null;
    const inbound = parseInbound({ httpMethod: request.method, headers: request.headers, body, limits: settings.wire });
    if (inbound.kind === 'session-delete') throw new AppError('request.method-not-allowed', 'there are no sessions here');
    const method = methodOf(inbound);
    const params = inbound.kind === 'request' || inbound.kind === 'notification' ? inbound.params : {};
    const isCall = inbound.kind === 'request' && method === 'tools/call';
    const own = isCall && inbound.name === APPROVAL_STATUS_TOOL ? APPROVAL_STATUS_TOOL : null;
    const target =
      isCall && own === null
        ? tools.targetOf(admitted.principal.tenantId, inbound.name)
        : ({ kind: 'gateway', server: null, name: own } as const);
    const call = assembleCall(
      {
        admitted,
        headers: request.headers,
        transport: 'mcp',
        protocolVersion: inbound.protocolVersion.slice(0, 32),
        method,
        target,
        // A call is the same call by whichever name it came: the tool's own is decided, hashed and sealed.
        params: isCall && own === null ? { ...params, name: target.name } : params,
        isStream: STREAM_METHODS.includes(method),
        isModern: inbound.era === 'modern',
      },
      ports,
    );
    const visit: Visit = { inbound, call, request, reply, stream: new ReplyStream(reply), admitted };
    if (isCall && own === null) return this.callTool(visit, inbound);
    if (call.isStream) return this.openStream(visit);
    return this.answerLocally(visit);
  }

  private async callTool(visit: Visit, inbound: InboundRequest): Promise<void> {
    const { upstreams, requests, ports } = this.gateway;
    const { call, stream, reply, request, admitted } = visit;
    const { tenantId } = admitted.principal;
    const { server } = call.target;
    const upstream = server === null ? null : upstreams.find(tenantId, server);
    const { progressToken } = inbound.meta;
    const capabilities = inbound.meta[META_ENVELOPE.clientCapabilities];
    const beginStream = (): void => stream.begin(200, call.callId, { 'content-type': 'text/event-stream' });
    const exchange =
      upstream === null
        ? null
        : new ClientExchange(upstream, {
            method: 'tools/call',
            sessionKey: this.gateway.sessionKeyOf(admitted.principal),
            ...(isJsonObject(capabilities) ? { clientCapabilities: capabilities } : {}),
            ...(progressToken === undefined ? {} : { meta: { progressToken } }),
            ...(inbound.era === 'modern' ? { paramHeaders: { headers: request.headers, id: inbound.id } } : {}),
            onInterim: (message) => {
              beginStream();
              void stream.event(message);
            },
          });
    // A long silence looks like a lost connection to whatever is between.
    const keepAlive = setInterval(() => {
      beginStream();
      void stream.write(COMMENT);
    }, ports.settings.keepAliveMs);
    const outcome = await requests.run(call, exchange ?? noRoute(server ?? 'unknown')).finally(() => clearInterval(keepAlive));
    if (outcome.kind === 'waiting') return tellWaiting(outcome, inbound, { reply, stream });
    if (outcome.kind !== 'answered') return this.refuse(visit, outcome, exchange?.refusedBecause ?? null);
    const bridged = bridgeResponse({ message: exchange?.answer ?? {}, id: inbound.id, clientEra: inbound.era });
    const answer = isJsonObject(bridged.result) ? { ...bridged, result: withCallId(bridged.result, call.callId) } : bridged;
    if (!stream.hasBegun) return sendJson(reply, 200, call.callId, answer);
    await stream.event(answer);
    stream.end();
  }

  private async openStream(visit: Visit): Promise<void> {
    const { catalog, requests, ports, closing } = this.gateway;
    const { inbound, call, stream, admitted } = visit;
    const subscriptionId = inbound.kind === 'request' ? inbound.id : null;
    const filter = inbound.kind === 'request' ? honoured(inbound.params) : { toolsListChanged: true };
    const acknowledgement =
      subscriptionId === null
        ? null
        : {
            jsonrpc: '2.0',
            method: 'notifications/subscriptions/acknowledged',
            params: { notifications: filter, _meta: { [META_ENVELOPE.subscriptionId]: subscriptionId } },
          };
    const over = AbortSignal.any([closing, AbortSignal.timeout(ports.settings.streamLifetimeMs)]);
    const exchange = new LocalAnswer(
      () => acknowledgement ?? {},
      () =>
        holdChangeStream({
          stream,
          catalog,
          tenantId: admitted.principal.tenantId,
          callId: call.callId,
          subscriptionId,
          acknowledgement,
          toolsListChanged: filter.toolsListChanged === true,
          keepAliveMs: ports.settings.keepAliveMs,
          hangUp: call.signal,
          over,
        }),
    );
    const outcome = await requests.run(call, exchange);
    if (outcome.kind !== 'answered') await this.refuse(visit, outcome);
  }

  private async answerLocally(visit: Visit): Promise<void> {
    const { inbound, call, reply } = visit;
    const exchange = new LocalAnswer((decision) => (inbound.kind === 'request' ? this.local(inbound, call, decision) : {}));
    const outcome = await this.gateway.requests.run(call, exchange);
    if (outcome.kind !== 'answered') return this.refuse(visit, outcome);
    if (inbound.kind !== 'request') return sendJson(reply, 202, call.callId, null);
    const { released } = exchange;
    const isUnknown = inbound.era === 'modern' && isJsonObject(released?.error) && released.error.code === METHOD_NOT_FOUND;
    sendJson(reply, isUnknown ? 404 : 200, call.callId, released, { 'cache-control': 'private, no-store' });
  }

  /** What the gateway says for itself. */
  private local({ id, era, method, params }: InboundRequest, { callId, principal }: AuthenticatedCall, { visible }: Decision): JsonObject {
    const { ports, catalog, tools, approvals } = this.gateway;
    const common = {
      id,
      serverInfo: { name: 'sallyport', version: ports.version },
      capabilities: CAPABILITIES,
      instructions: INSTRUCTIONS,
    };
    const ttlMs = ports.settings.listTtlMs;
    switch (method) {
      case 'initialize':
        return initializeResult({ ...common, requestedVersion: typeof params.protocolVersion === 'string' ? params.protocolVersion : '' });
      case 'server/discover':
        return discoverResult({ ...common, ttlMs });
      case 'ping':
        return rpcResult({ id, era, result: {} });
      case 'tools/list':
        return toolsListResult({
          id,
          era,
          ttlMs,
          tools: [...tools.listed(visibleTools(catalog, principal.tenantId, visible)), APPROVAL_STATUS_DEFINITION],
        });
      case 'tools/call':
        return rpcResult({ id, era, result: approvalStatusOf(params, principal, approvals) });
      default:
        return rpcError({ id, error: new AppError('request.unknown-method', 'no method of the aggregated endpoint'), callId });
    }
  }

  private async refuse(visit: Visit, outcome: Exclude<CallOutcome, { kind: 'answered' }>, because: AppError | null = null): Promise<void> {
    const { inbound, call, reply, stream, admitted } = visit;
    // Only the call of a tool waits for people, and is told so before it comes here.
    if (outcome.kind !== 'refused') return stream.destroy();
    const id = inbound.kind === 'request' ? inbound.id : null;
    const era: Era = inbound.era;
    await tellRefusal(
      {
        error: because ?? refusalError(outcome),
        callId: outcome.callId,
        id,
        era,
        method: call.method,
        requiredScopes: outcome.requiredScopes,
      },
      { reply, stream, door: this.gateway.door, entrance: admitted.entrance },
    );
  }
}

const methodOf = (inbound: InboundMessage): string => {
  if (inbound.kind === 'request' || inbound.kind === 'notification') return inbound.method;
  return inbound.kind === 'response' ? 'response' : 'stream/open';
};

const withCallId = (result: JsonObject, callId: string): JsonObject => ({
  ...result,
  _meta: { ...(isJsonObject(result._meta) ? result._meta : {}), [META_KEYS.callId]: callId },
});
