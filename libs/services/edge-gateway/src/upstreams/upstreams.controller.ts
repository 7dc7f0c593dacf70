import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { AppError, OFFICE_SCOPES, type UpstreamHealth, type UpstreamsHealth } from '@sallyport/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EdgeGateway } from '../edge-gateway.js';
import type { Upstream } from './upstream-directory.js';

const ROUTE = '/v1/upstreams';

/** The servers behind the gateway, for people of their tenant. */
@Controller('v1/upstreams')
export class UpstreamsController {
  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  @Get()
  async health(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { door, ports, upstreams } = this.gateway;
    const entrance = { route: ROUTE, resource: ports.settings.publicUrl, speaks: 'rest' } as const;
    await door.open(request, reply, entrance, async ({ principal }) => {
      const scopes = ports.scopesInForce(principal);
      if (!scopes.includes(OFFICE_SCOPES.operate) && !scopes.includes(OFFICE_SCOPES.audit))
        throw new AppError('identity.forbidden', `${principal.subject} lacks ${OFFICE_SCOPES.operate}`);
      const own = upstreams
        .all()
        .filter(({ tenantId }) => tenantId === principal.tenantId)
        .map(healthOf)
        .sort((one, other) => (one.server < other.server ? -1 : 1));
      reply
        .code(200)
        .headers({ 'content-type': 'application/json', 'cache-control': 'no-store' })
        .send(JSON.stringify({ upstreams: own } satisfies UpstreamsHealth));
    });
  }
}

const healthOf = ({ server, http, settings: { route } }: Upstream): UpstreamHealth => ({
  server,
  transport: route.viaStdioHost === true ? 'stdio' : 'http',
  circuit: http.state(),
  connectTimeoutMs: route.connectTimeoutMs,
  answerTimeoutMs: route.answerTimeoutMs,
});
