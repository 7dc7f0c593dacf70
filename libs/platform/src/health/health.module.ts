import { Controller, type DynamicModule, Get, Header, Inject, Module, Res } from '@nestjs/common';
import { HealthRegistry, type Readiness } from './health-registry.js';

/** What the controller needs of a reply, of whatever HTTP server. */
interface Reply {
  status(code: number): unknown;
}

/** For orchestrators: whether to restart (`/healthz`) and whether to send work (`/readyz`). No authentication, so no addresses and no causes. */
@Controller()
export class HealthController {
  constructor(@Inject(HealthRegistry) private readonly registry: HealthRegistry) {}

  /** 200 as long as the process answers at all. */
  @Get('healthz')
  @Header('cache-control', 'no-store')
  live(): { readonly status: 'live' } {
    return { status: 'live' };
  }

  /** 200 when every check passes, 503 when one fails or the process drains. */
  @Get('readyz')
  @Header('cache-control', 'no-store')
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<Readiness> {
    const readiness = await this.registry.readiness();
    if (readiness.status !== 'ready') reply.status(503);
    return readiness;
  }
}

/** Serves health and readiness of one registry, which other modules may inject to add their checks. */
@Module({})
export class HealthModule {
  static forRoot(registry: HealthRegistry): DynamicModule {
    return {
      module: HealthModule,
      global: true,
      controllers: [HealthController],
      providers: [{ provide: HealthRegistry, useValue: registry }],
      exports: [HealthRegistry],
    };
  }
}
