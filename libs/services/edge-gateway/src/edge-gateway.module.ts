import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { AggregateController } from './aggregate/aggregate.controller.js';
import { ConsoleController } from './console/console.controller.js';
import { ConsoleSessionController } from './console-session/console-session.controller.js';
import { EdgeGateway } from './edge-gateway.js';
import type { EdgeGatewayPorts } from './edge-gateway.ports.js';
import { UnknownRouteController, WellKnownController } from './http/well-known.controller.js';
import { InvokeController } from './invoke/invoke.controller.js';
import { CallsController } from './recovery/calls.controller.js';
import { McpServerController } from './transparent/mcp-server.controller.js';
import { UpstreamsController } from './upstreams/upstreams.controller.js';

/** The enforcement point as a Nest module. The application must be made with `bodyParser: false` and `leaveRawBodies` called on its Fastify. */
@Module({})
export class EdgeGatewayModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(@Inject(EdgeGateway) private readonly gateway: EdgeGateway) {}

  static forRoot(ports: EdgeGatewayPorts): DynamicModule {
    return {
      module: EdgeGatewayModule,
      controllers: [
        InvokeController,
        CallsController,
        AggregateController,
        McpServerController,
        WellKnownController,
        ConsoleSessionController,
        ConsoleController,
        UpstreamsController,
        UnknownRouteController,
      ],
      providers: [{ provide: EdgeGateway, useFactory: () => new EdgeGateway(ports) }],
      exports: [EdgeGateway],
    };
  }

  onApplicationBootstrap(): Promise<void> {
    return this.gateway.start();
  }

  /** Before the HTTP server waits for its connections. */
  onModuleDestroy(): void {
    this.gateway.endStreams();
  }

  onApplicationShutdown(): Promise<void> {
    return this.gateway.close();
  }
}
