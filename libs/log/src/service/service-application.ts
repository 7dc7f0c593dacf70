import type { ServerOptions, ServerResponse } from 'node:http';
import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppError, type Service } from '@sallyport/contracts';
import {
  AppErrorFilter,
  type Clock,
  CONSOLE_TOKEN_SECONDS,
  ConnectionFaults,
  ConsoleCookies,
  checkBody,
  checkHead,
  type ErrorReply,
  HealthModule,
  type HealthRegistry,
  type Logger,
  type RejectionRecord,
  TurnedAway,
  toAppError,
} from '@sallyport/platform';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { postgresPositions } from '../consumption/postgres-position-store.js';
import { LogStrategy } from '../nest/log.strategy.js';
import type { ServiceRuntime } from './service-runtime.js';
import { StatusModule } from './status/status.module.js';

/** One service as a module of an application. */
export interface ServicePart {
  readonly runtime: ServiceRuntime;
  readonly module: DynamicModule;
  /** Sets up the HTTP server before routes are there, e.g. to leave bodies unread. */
  readonly prepareHttp?: (fastify: FastifyInstance) => void;
  /** Where requests that are turned away become events: the gateway alone has that, for the whole process. */
  readonly rejectionsOf?: (app: INestApplicationContext) => RejectionRecord;
}

export interface ServiceApplicationOptions {
  readonly parts: readonly ServicePart[];
  readonly health: HealthRegistry;
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  /** Adds what is served beside the services. */
  readonly prepareHttp?: (fastify: FastifyInstance) => void;
}

/** A client sends its headers in one go; who does not holds the connection for nothing. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the gateway itself waits for a body, which knows whose body it is. */
const REQUEST_TIMEOUT_MS = 40_000;
const CONNECTIONS_CHECK_MS = 2_000;
/** On every answer, errors as well: nothing guesses its type, and no page shows it in a frame. Pages say on top of it what they need. */
const ANSWER_HEADERS = [
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
] as const;

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
  const root: DynamicModule = {
    module: ServicesModule,
    imports: [
      HealthModule.forRoot(health),
      StatusModule.forServices(parts.map(({ runtime }) => runtime)),
      ...parts.map(({ module }) => module),
    ],
  };
  const turnedAway = new TurnedAway({ telemetry: first.runtime.telemetry, logger });
  const filter = new AppErrorFilter(logger, { turnedAway });
  const { configuration, clock } = first.runtime;
  const cookies = new ConsoleCookies(configuration.gateway.publicUrl);
  const app = await NestFactory.create<NestFastifyApplication>(root, adapterFor({ turnedAway, filter, cookies, clock }), {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  });
  try {
    const fastify = app.getHttpAdapter().getInstance();
    for (const part of parts) {
      part.prepareHttp?.(fastify);
      const { rejectionsOf } = part;
      if (rejectionsOf !== undefined) turnedAway.recordIn(() => rejectionsOf(app));
    }
    options.prepareHttp?.(fastify);
    app.useGlobalFilters(filter);
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

interface AdapterParts {
  readonly turnedAway: TurnedAway;
  readonly filter: AppErrorFilter;
  readonly cookies: ConsoleCookies;
  readonly clock: Clock;
}

/** A server that turns away nobody without a note, not even what Node or Fastify refuse before there is a route. */
const adapterFor = ({ turnedAway, filter, cookies, clock }: AdapterParts): FastifyAdapter => {
  const faults = new ConnectionFaults(turnedAway);
  const options: FastifyServerOptions & { readonly http: ServerOptions } = {
    trustProxy: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CONNECTIONS_CHECK_MS, requireHostHeader: false },
    clientErrorHandler: (fault, socket) => faults.handle(fault, socket),
    frameworkErrors: (fault, request, reply) => {
      guardAnswer(reply.raw);
      void filter.answer(toAppError(fault), request, plainReply(reply.raw));
    },
  };
  const adapter = new FastifyAdapter(options);
  const fastify: FastifyInstance = adapter.getInstance();
  faults.watch(fastify.server);
  fastify.addHook('onRequest', (request, reply, done) => {
    guardAnswer(reply.raw);
    refusing(done, () => checkHead(request.raw));
  });
  fastify.addHook('onRequest', (request, reply, done) =>
    refusing(done, () => {
      const { method, raw, routeOptions } = request;
      const tokenEndsAtMs = cookies.admit({ method, route: routeOptions.url, headers: raw.headers });
      if (tokenEndsAtMs !== null) endWith(reply.raw, tokenEndsAtMs - clock.nowMs());
    }),
  );
  leaveNoConnection(fastify);
  fastify.addHook('preValidation', (request, _reply, done) => refusing(done, () => checkBody(request.body)));
  return adapter;
};

/** A connection whose answer ends after the server began to close is idle too late to be closed with the others: it would be waited for. */
const leaveNoConnection = (fastify: FastifyInstance): void => {
  let isClosing = false;
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  fastify.addHook('onResponse', (request, _reply, done) => {
    if (isClosing) request.raw.socket.destroySoon();
    done();
  });
};

const guardAnswer = (response: ServerResponse): void => {
  for (const [name, value] of ANSWER_HEADERS) response.setHeader(name, value);
};

/** Cuts an answer that is not complete when the token it was asked for with ends: a stream would outlive a session that was ended. */
const endWith = (response: ServerResponse, remainingMs: number): void => {
  // One that has ended lets nobody in, and its sender should read that.
  if (remainingMs <= 0) return;
  const timer = setTimeout(() => response.destroy(), Math.min(remainingMs, CONSOLE_TOKEN_SECONDS * 1_000));
  timer.unref();
  response.once('close', () => clearTimeout(timer));
};

const refusing = (done: (error?: Error) => void, check: () => void): void => {
  try {
    check();
  } catch (error) {
    done(error instanceof Error ? error : new Error('the request was refused', { cause: error }));
    return;
  }
  done();
};

/** A reply before there is a route. */
const plainReply = (response: ServerResponse): ErrorReply => ({
  get sent() {
    return response.headersSent;
  },
  status: (code) => {
    response.statusCode = code;
  },
  header: (name, value) => response.setHeader(name, value),
  send: (body) => response.end(JSON.stringify(body)),
});

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
