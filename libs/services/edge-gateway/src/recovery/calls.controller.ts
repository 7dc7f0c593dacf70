import { Controller, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { AppError, type CallsInDoubt, CallsInDoubtQuery, Instant, type Principal, ResolveCallBody } from '@sallyport/contracts';
import { parseInput } from '@sallyport/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { EdgeGateway } from '../edge-gateway.js';
import type { Entrance } from '../http/door.js';
import { readJson } from '../http/request-body.js';
import { findInDoubt, type InDoubtCursor } from './open-calls.store.js';

const OPERATE_SCOPE = 'sallyport:operate';
const BODY_BYTES_MAX = 16 * 1024;
/** Longer than any id of ours. */
const CALL_ID_MAX = 256;

/** Calls in doubt, for operators of their own tenant alone. */
@Controller('v1/calls')
export class CallsController {
  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  /** The oldest first. */
  @Get('in-doubt')
  async inDoubt(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.gateway.door.open(request, reply, this.entrance('/v1/calls/in-doubt'), async ({ principal }) => {
      this.admit(principal);
      const { cursor, limit } = parseInput(CallsInDoubtQuery, request.query);
      const after = cursor === undefined ? null : cursorOf(cursor);
      const calls = await findInDoubt(this.gateway.ports.database, principal.tenantId, after, limit + 1);
      const page = calls.slice(0, limit);
      const last = calls.length > limit ? page.at(-1) : undefined;
      const nextCursor = last === undefined ? null : `${last.inDoubtSince}|${last.callId}`;
      send(reply, { calls: page, nextCursor } satisfies CallsInDoubt);
    });
  }

  /** What a person found out about one of them. */
  @Post(':callId/resolution')
  @HttpCode(200)
  async resolve(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.gateway.door.open(request, reply, this.entrance('/v1/calls/:callId/resolution'), async ({ principal }) => {
      this.admit(principal);
      const { callId } = parseInput(z.object({ callId: z.string().min(1).max(CALL_ID_MAX) }), request.params);
      const body = parseInput(ResolveCallBody, await readJson(request.raw, BODY_BYTES_MAX));
      send(reply, await this.gateway.recovery.calls.resolve(principal, callId, body));
    });
  }

  private admit(principal: Principal): void {
    if (!this.gateway.ports.scopesInForce(principal).includes(OPERATE_SCOPE))
      throw new AppError('identity.forbidden', `${principal.subject} lacks ${OPERATE_SCOPE}`);
  }

  private entrance(route: string): Entrance {
    return { route, resource: this.gateway.ports.settings.publicUrl, speaks: 'rest' };
  }
}

const send = (reply: FastifyReply, body: object): void =>
  void reply.code(200).headers({ 'content-type': 'application/json', 'cache-control': 'no-store' }).send(JSON.stringify(body));

const cursorOf = (cursor: string): InDoubtCursor => {
  const at = cursor.indexOf('|');
  const since = cursor.slice(0, at);
  if (at < 0 || !Instant.safeParse(since).success)
    throw new AppError('request.invalid', 'no cursor of ours', { detail: { paths: ['cursor'] } });
  return { since, callId: cursor.slice(at + 1) };
};
