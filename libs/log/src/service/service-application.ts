import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppError, type Service } from '@sallyport/contracts';
import { AppErrorFilter, HealthModule, type HealthRegistry, type Logger } from '@sallyport/platform';
import type { FastifyInstance } from 'fastify';
import { postgresPositions } from '../consumption/postgres-position-store.js';
import { LogStrategy } from '../nest/log.strategy.js';
import type { ServiceRuntime } from './service-runtime.js';

/** One service as a module of an application. */
export interface ServicePart {
  readonly runtime: ServiceRuntime;
  readonly module: DynamicModule;
  /** Sets up the HTTP server before routes are there, e.g. to leave bodies unread. */
  readonly prepareHttp?: (fastify: FastifyInstance) => void;
}

export interface ServiceApplicationOptions {
  readonly parts: readonly ServicePart[];
  readonly health: HealthRegistry;
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
}

@Module({})
class ServicesModule {}

/**
 * Starts one or several services: their modules, their groups on the log, health, one HTTP server. Resolves when every subscription is ready
 * and the address answers. Throws what the modules throw, and `configuration.invalid` for an address that cannot be listened on; nothing
 * keeps running then.
 */
export const startServiceApplication = async (options: ServiceApplicationOptions): Promise<NestFastifyApplication> => {
  const { parts, health, host, port, logger } = options;
  const [first] = parts;
  if (first === undefined) throw new TypeError('an application has at least one service');
  const root: DynamicModule = { module: ServicesModule, imports: [HealthModule.forRoot(health), ...parts.map(({ module }) => module)] };
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter({ trustProxy: false }), {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  });
  try {
    const fastify = app.getHttpAdapter().getInstance();
    for (const part of parts) part.prepareHttp?.(fastify);
    app.useGlobalFilters(new AppErrorFilter(logger));
    app.connectMicroservice({
      strategy: new LogStrategy({ log: first.runtime.log, positions: (group) => postgresPositions(runtimeOf(parts, group).database) }),
    });
    await app.startAllMicroservices();
    await app.listen({ host, port });
    return app;
  } catch (error) {
    await app.close().catch(() => {});
    throw toListenFault(error, host, port);
  }
};

const runtimeOf = (parts: readonly ServicePart[], group: string): ServiceRuntime => {
  const belongs = (service: Service): boolean => group === service || group.startsWith(`${service}.`);
  const part = parts.find(({ runtime }) => belongs(runtime.service));
  if (part === undefined) throw new TypeError(`group ${group} belongs to no service of this process`);
  return part.runtime;
};

const toListenFault = (error: unknown, host: string, port: number): unknown => {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (code === 'EADDRINUSE')
    return new AppError('configuration.invalid', `port ${port} is in use: stop what listens there, or choose another with SALLYPORT_PORT`, {
      cause: error,
    });
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    return new AppError(
      'configuration.invalid',
      `cannot listen on ${host}:${port}: choose another with SALLYPORT_HOST and SALLYPORT_PORT`,
      { cause: error },
    );
  return error;
};
