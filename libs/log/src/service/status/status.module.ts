import type { IncomingHttpHeaders } from 'node:http';
import { Controller, type DynamicModule, Get, Header, Headers, Module, type Type } from '@nestjs/common';
import { OFFICE_SCOPES, type ServiceStatus } from '@sallyport/contracts';
import { admitOffice } from '@sallyport/platform';
import type { ServiceRuntime } from '../service-runtime.js';
import { serviceStatus } from './service-status.js';

/** How each service of a process stands, for operators: `GET /v1/<service>/status`. */
@Module({})
export class StatusModule {
  static forServices(runtimes: readonly ServiceRuntime[]): DynamicModule {
    return { module: StatusModule, controllers: runtimes.map(statusControllerOf) };
  }
}

const statusControllerOf = (runtime: ServiceRuntime): Type => {
  const startedAt = new Date(runtime.clock.nowMs());

  @Controller(`v1/${runtime.service}`)
  class ServiceStatusController {
    @Get('status')
    @Header('cache-control', 'no-store')
    async status(@Headers() headers: IncomingHttpHeaders): Promise<ServiceStatus> {
      await admitOffice(runtime, headers, OFFICE_SCOPES.operate);
      return await serviceStatus(runtime, startedAt);
    }
  }
  return ServiceStatusController;
};
