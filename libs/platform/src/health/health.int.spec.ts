import 'reflect-metadata';
import { Controller, Get, Post } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AppError } from '@sallyport/contracts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { AppErrorFilter } from '../http/app-error.filter.js';
import { createLogger } from '../logging/logger.js';
import { HealthModule } from './health.module.js';
import { HealthRegistry } from './health-registry.js';
import { stopOnSignals } from './stop-on-signals.js';

@Controller()
class FailingController {
  @Get('known')
  known(): never {
    throw new AppError('call.tenant-saturated', 'internal text', { detail: { limit: 512 } });
  }
  @Get('unknown')
  unknown(): never {
    throw new Error('internal text');
  }
  @Post('schema')
  schema(): unknown {
    return z.object({ name: z.string() }).parse({});
  }
}

let app: NestFastifyApplication;
let registry: HealthRegistry;
const lines: string[] = [];

beforeEach(async () => {
  registry = new HealthRegistry();
  const module = await Test.createTestingModule({ imports: [HealthModule.forRoot(registry)], controllers: [FailingController] }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter({ bodyLimit: 1_024 }), { logger: false });
  app.useGlobalFilters(new AppErrorFilter(createLogger('spec', { destination: { write: (line) => void lines.splice(0, 0, line) } })));
  await app.init();
});
afterEach(async () => {
  lines.length = 0;
  await app.close();
});

const get = async (url: string) => {
  const { statusCode, headers, body } = await app.inject({ method: 'GET', url });
  return { statusCode, headers, body: JSON.parse(body) };
};

test('is live whatever fails, and ready when every check passes', async () => {
  const remove = registry.register('edge-gateway.log', () => false);
  registry.register('edge-gateway.store', async () => true);
  expect(await get('/healthz')).toMatchObject({ statusCode: 200, body: { status: 'live' } });
  expect(await get('/readyz')).toMatchObject({
    statusCode: 503,
    body: { status: 'not-ready', checks: { 'edge-gateway.log': 'failing', 'edge-gateway.store': 'ok' } },
  });
  remove();
  expect(await get('/readyz')).toMatchObject({ statusCode: 200, body: { status: 'ready' } });
});

test('a check that throws is failing and nothing of its text is told', async () => {
  registry.register('store', () => Promise.reject(new Error('password=hunter2')));
  const { statusCode, body } = await get('/readyz');
  expect(statusCode).toBe(503);
  expect(JSON.stringify(body)).not.toContain('hunter2');
});

test('a check that never answers is failing after two seconds', async () => {
  vi.useFakeTimers();
  try {
    registry.register('store', () => new Promise<boolean>(() => {}));
    const readiness = registry.readiness();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await readiness).toMatchObject({ status: 'not-ready' });
  } finally {
    vi.useRealTimers();
  }
});

test('when told to stop, it is not ready at once, waits for work in flight, then closes', async () => {
  const order: string[] = [];
  const leave = registry.enter();
  const stopped = stopOnSignals({
    health: registry,
    drainTimeoutMs: 60_000,
    signals: ['SIGUSR2'],
    onStopping: () => order.push('stopping'),
    close: async () => void order.push('closed'),
  });
  process.emit('SIGUSR2');
  expect(await get('/readyz')).toMatchObject({ statusCode: 503, body: { status: 'draining' } });
  order.push('work ends');
  leave();
  await stopped;
  expect(order).toEqual(['stopping', 'work ends', 'closed']);
});

test('work that does not end is cut off when its time is up', async () => {
  registry.enter();
  const cutOff: number[] = [];
  const stopped = stopOnSignals({
    health: registry,
    drainTimeoutMs: 10,
    signals: ['SIGUSR2'],
    onCutOff: (left) => cutOff.push(left),
    close: async () => {},
  });
  process.emit('SIGUSR2');
  await stopped;
  expect(cutOff).toEqual([1]);
});

test('an error of the registry is answered with its status, code, summary and public detail, and nothing internal', async () => {
  const { statusCode, headers, body } = await get('/known');
  expect(statusCode).toBe(429);
  expect(headers['retry-after']).toBe('1');
  expect(body).toMatchObject({
    code: 'call.tenant-saturated',
    detail: { limit: 512 },
    callId: null,
    docs: expect.stringContaining('call.tenant-saturated'),
  });
  expect(JSON.stringify(body)).not.toMatch(/internal text|\.ts/);
});

test('anything else is internal.error to the stranger and named in the log', async () => {
  const { statusCode, body } = await get('/unknown');
  expect(statusCode).toBe(500);
  expect(body).toMatchObject({ code: 'internal.error' });
  expect(JSON.stringify(body)).not.toContain('internal text');
  expect(lines.join()).toContain('internal text');
});

test.each([
  ['no such path', { method: 'GET', url: '/nowhere' }, 'request.not-found', 404],
  [
    'a body that is not well formed',
    { method: 'POST', url: '/schema', headers: { 'content-type': 'application/json' }, payload: '{' },
    'request.invalid',
    400,
  ],
  ['a body that does not fit', { method: 'POST', url: '/schema', payload: {} }, 'request.invalid', 400],
  ['a body too large', { method: 'POST', url: '/schema', payload: { text: 'x'.repeat(2_000) } }, 'request.body-too-large', 413],
  [
    'another media type',
    { method: 'POST', url: '/schema', headers: { 'content-type': 'text/csv' }, payload: 'a' },
    'request.unsupported-media-type',
    415,
  ],
] as const)('%s is answered by its code', async (_what, request, code, status) => {
  const { statusCode, body } = await app.inject(request);
  expect({ statusCode, code: JSON.parse(body).code }).toEqual({ statusCode: status, code });
});
