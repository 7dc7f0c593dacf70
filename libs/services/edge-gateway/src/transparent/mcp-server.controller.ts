import { All, Controller, Inject, Param, Req, Res } from '@nestjs/common';
import { AppError, ServerName } from '@sallyport/contracts';
import { parseInbound, type SessionBinding } from '@sallyport/mcp';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EdgeGateway } from '../edge-gateway.js';
import { assembleCall } from '../http/call-assembly.js';
import type { Admitted, Entrance } from '../http/door.js';
import { refusalError } from '../http/governed-requests.js';
import { tellRefusal } from '../http/mcp-refusal.js';
import { ReplyStream } from '../http/reply-stream.js';
import { readBody } from '../http/request-body.js';
import { tellWaiting } from '../http/told-waiting.js';
import { noRoute } from '../upstreams/client-exchange.js';
import { DetachedAnswers } from './detached-answers.js';
import { actOf, type MessageAct, STREAM_METHODS } from './message-targets.js';
import { OpenRequests } from './open-requests.js';
import { OpenedSessions } from './opened-sessions.js';
import { TransparentExchange } from './transparent-exchange.js';

/** One MCP server behind the gateway, as itself: both eras, its own tool names, its sessions, every message governed. */
@Controller('mcp')
export class McpServerController {
  private readonly open = new OpenRequests();
  private readonly detached = new DetachedAnswers();
  private readonly sessions: OpenedSessions;

  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {
    this.sessions = new OpenedSessions(gateway.ports.sealer);
  }

  @All(':server')
  serve(@Param('server') server: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { door, ports } = this.gateway;
    const isName = ServerName.safeParse(server).success;
    const entrance: Entrance = {
      route: '/mcp/{server}',
      resource: `${ports.settings.publicUrl}/mcp${isName ? `/${server}` : ''}`,
      speaks: 'mcp',
    };
    return door.open(request, reply, entrance, (admitted) => {
      if (!isName) throw new AppError('request.not-found', 'no server can have this name');
      return this.pass(server, request, reply, admitted);
    });
  }

  private async pass(server: string, request: FastifyRequest, reply: FastifyReply, admitted: Admitted): Promise<void> {
    const { ports, upstreams, requests, catalog, observer, door } = this.gateway;
    const { settings, sealer } = ports;
    const { principal, entrance } = admitted;
    const body = request.method === 'POST' ? await readBody(request.raw, settings.wire.maxBodyBytes) : null;
    const inbound = parseInbound({ httpMethod: request.method, headers: request.headers, body, limits: settings.wire });
    const binding: SessionBinding = {
      tenantId: principal.tenantId,
      subject: principal.subject,
      actor: principal.actors.join(' '),
      issuer: principal.issuer,
      server,
    };
    const opened = inbound.sessionId === null ? null : this.sessions.open(inbound.sessionId, binding);
    const session = opened?.digest ?? null;
    const act = actOf(server, inbound);
    const isStream = STREAM_METHODS.includes(act.method);
    const call = assembleCall(
      {
        admitted,
        headers: request.headers,
        transport: 'mcp',
        protocolVersion: inbound.protocolVersion.slice(0, 32),
        session,
        isStream,
        isModern: inbound.era === 'modern',
        ...act,
      },
      ports,
    );
    const upstream = upstreams.find(principal.tenantId, server);
    const stream = new ReplyStream(reply);
    const exchange =
      upstream === null
        ? null
        : new TransparentExchange({
            upstream,
            inbound,
            headers: request.headers,
            upstreamSession: opened?.upstreamSession ?? null,
            session,
            detached: this.detached,
            binding,
            principal,
            reply: stream,
            isStream,
            closing: this.gateway.closing,
            settings,
            sealer,
            catalog,
            observer,
          });
    const leave = inbound.kind === 'request' && session !== null ? this.open.enter(session, inbound.id, admitted.hangUp) : null;
    const outcome = await requests.run(call, exchange ?? noRoute(server)).finally(leave);
    // After the server has been told: what it still answers is recorded, and nobody waits for what it does not.
    if (outcome.kind === 'answered' && session !== null) this.cancel(session, act);
    if (outcome.kind === 'cancelled') return stream.destroy();
    if (outcome.kind === 'waiting' && inbound.kind === 'request') return tellWaiting(outcome, inbound, { reply, stream });
    const error = exchange?.refusedBecause ?? (outcome.kind === 'refused' ? refusalError(outcome) : null);
    if (error === null) return;
    const requiredScopes = outcome.kind === 'refused' ? outcome.requiredScopes : [];
    const id = inbound.kind === 'request' ? inbound.id : null;
    await tellRefusal(
      { error, callId: outcome.callId, id, era: inbound.era, method: act.method, requiredScopes },
      { reply, stream, door, entrance },
    );
  }

  private cancel(session: string, { method, params }: MessageAct): void {
    const { requestId } = params;
    if (method === 'notifications/cancelled' && (typeof requestId === 'string' || typeof requestId === 'number'))
      this.open.cancel(session, requestId);
  }
}
