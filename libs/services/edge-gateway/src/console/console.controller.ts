import { randomBytes } from 'node:crypto';
import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { AppError, isAppError } from '@sallyport/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EdgeGateway } from '../edge-gateway.js';
import { consoleFolder, pageOf } from './built-console.js';
import { CONSOLE_HEADERS, contentSecurityPolicy } from './console-headers.js';

const ASSET = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
const NONCE_BYTES = 16;

/** The web console: one page, whatever its address, and the files it names. Open to everybody; what they show is asked for with a session. */
@Controller('console')
export class ConsoleController {
  private readonly folder = consoleFolder();
  private readonly page = this.folder === null ? null : pageOf(this.folder);

  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  /** A file is named after what is in it, so it never changes. */
  @Get('assets/:file')
  async asset(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('file') file: string): Promise<void> {
    await this.answer(request, reply, () => {
      const { folder } = this;
      if (folder === null || !ASSET.test(file)) throw new AppError('request.not-found', 'no such file of the console');
      reply.headers(CONSOLE_HEADERS);
      return reply.sendFile(file, `${folder}assets`);
    });
  }

  @Get(['', '*'])
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(request, reply, () => {
      if (this.page === null) throw new AppError('request.not-found', 'the console was not built');
      const nonce = randomBytes(NONCE_BYTES).toString('base64');
      return reply
        .headers({ ...CONSOLE_HEADERS, 'content-security-policy': contentSecurityPolicy(nonce), 'cache-control': 'no-store' })
        .type('text/html; charset=utf-8')
        .send(this.page(nonce));
    });
  }

  private async answer(request: FastifyRequest, reply: FastifyReply, give: () => unknown): Promise<void> {
    const { door, guard, ports } = this.gateway;
    try {
      guard.check(request.raw);
      give();
    } catch (error) {
      if (!isAppError(error)) throw error;
      await door.reject(request, reply, { route: '/console', resource: ports.settings.publicUrl, speaks: 'rest' }, error);
    }
  }
}
