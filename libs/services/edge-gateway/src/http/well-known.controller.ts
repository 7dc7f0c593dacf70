import { All, Controller, Get, Header, Inject, Param, Req, Res } from '@nestjs/common';
import { AppError, ServerName } from '@sallyport/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { loginOrder, resourceMetadata } from '../authentication/challenge.js';
import { EdgeGateway } from '../edge-gateway.js';

/** What anybody may read: where tokens for the gateway come from, and the keys of the tokens it mints. */
@Controller('.well-known')
export class WellKnownController {
  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  @Get(['oauth-protected-resource', 'oauth-protected-resource/mcp', 'oauth-protected-resource/mcp/:server'])
  @Header('access-control-allow-origin', '*')
  @Header('cache-control', 'public, max-age=300')
  metadata(@Req() request: FastifyRequest, @Param('server') server?: string) {
    const { settings, issuers } = this.gateway.ports;
    const path = request.url.split('?')[0]?.endsWith('/oauth-protected-resource') === true ? '' : '/mcp';
    if (server !== undefined && !ServerName.safeParse(server).success)
      throw new AppError('request.not-found', 'no server can have this name');
    const resource = `${settings.publicUrl}${path}${server === undefined ? '' : `/${server}`}`;
    return resourceMetadata(resource, loginOrder(issuers, settings.publicUrl), settings.scopesSupported);
  }

  @Get('jwks.json')
  @Header('access-control-allow-origin', '*')
  @Header('cache-control', 'public, max-age=300')
  keys() {
    return this.gateway.minter.keySet;
  }
}

/** Every address that is none: on record like every other request that is turned away. */
@Controller()
export class UnknownRouteController {
  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  @All('*')
  async turnAway(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const entrance = { route: '*', resource: this.gateway.ports.settings.publicUrl, speaks: 'rest' } as const;
    await this.gateway.door.reject(request, reply, entrance, new AppError('request.not-found', 'no such address'));
  }
}
