import 'reflect-metadata';
import { Controller, Inject, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { expect, onTestFinished, test } from 'vitest';
import type { RecordBatch } from '../event-log.port.js';
import { MemoryEventLog } from '../memory/memory-event-log.adapter.js';
import { MemoryPositions } from '../memory/memory-positions.js';
import { LogStrategy, type LogStrategyOptions } from './log.strategy.js';
import { OnLogBatch } from './on-log-batch.decorator.js';

const SEEN = Symbol('seen');
const TOPICS = {
  'a.events.v1': { partitions: 2, cleanup: 'delete' as const },
  'b.events.v1': { partitions: 1, cleanup: 'delete' as const },
  'policy-decision.dead-letter.v1': { partitions: 1, cleanup: 'delete' as const },
};

@Controller()
class DecideController {
  constructor(@Inject(SEEN) private readonly seen: string[]) {}

  @OnLogBatch({ group: 'policy-decision', topics: ['a.events.v1'] })
  async decide({ records }: RecordBatch): Promise<void> {
    for (const { id } of records) {
      if (id === 'poison') throw new TypeError('cannot');
      this.seen.push(`decide ${id}`);
    }
  }
}

@Controller()
class JoinController {
  constructor(@Inject(SEEN) private readonly seen: string[]) {}

  @OnLogBatch({ group: 'edge-gateway.join', topics: ['a.events.v1', 'b.events.v1'], positions: 'ephemeral', from: 'latest' })
  async join({ records }: RecordBatch): Promise<void> {
    this.seen.push(...records.map(({ id }) => `join ${id}`));
  }
}

const start = async (controllers: Type[], options: Partial<LogStrategyOptions> = {}) => {
  const seen: string[] = [];
  const log = new MemoryEventLog({ topics: TOPICS });
  const positions = new MemoryPositions();
  class TestModule {}
  const strategy = new LogStrategy({ log, positions: () => positions, ...options });
  const app = await NestFactory.createMicroservice(
    { module: TestModule, controllers, providers: [{ provide: SEEN, useValue: seen }] },
    { strategy, logger: false },
  );
  onTestFinished(() => app.close());
  const append = (topic: string, id: string) => log.append([{ topic, key: 'k', id, headers: { 'edge-id': id }, value: '{}' }]);
  return { seen, log, app, strategy, append };
};

test('runs several groups of one application, all ready when it listens', async () => {
  const { app, seen, append } = await start([DecideController, JoinController]);
  await append('a.events.v1', 'before');
  await app.listen();
  await append('a.events.v1', '1');
  await append('b.events.v1', '2');
  await expect.poll(() => seen.toSorted()).toEqual(['decide 1', 'decide before', 'join 1', 'join 2']);
});

test('hands the error of a handler to the log, which isolates the poison record', async () => {
  const { app, seen, log, append } = await start([DecideController]);
  await app.listen();
  await append('a.events.v1', 'poison');
  await expect.poll(() => log.recordsOf('policy-decision.dead-letter.v1').map(({ id }) => id)).toEqual(['poison']);
  expect(seen).toEqual([]);
});

test('takes what only the composed application knows from the binding of the group', async () => {
  const { app, strategy, seen, append } = await start([JoinController], {
    bindings: { 'edge-gateway.join': { group: 'edge-gateway.join.one', accept: (headers) => headers['edge-id'] === 'mine' } },
  });
  await app.listen();
  await append('b.events.v1', 'foreign');
  await append('b.events.v1', 'mine');
  await expect.poll(() => seen).toEqual(['join mine']);
  expect(strategy.subscription('edge-gateway.join')).toBeDefined();
});

test('handles nothing any more once closed', async () => {
  const { app, seen, append } = await start([DecideController]);
  await app.listen();
  await append('a.events.v1', '1');
  await expect.poll(() => seen).toEqual(['decide 1']);
  await app.close();
  await append('a.events.v1', '2');
  expect(seen).toEqual(['decide 1']);
});

test('refuses two handlers for one group', async () => {
  class AnotherController extends DecideController {}
  Controller()(AnotherController);
  const { app } = await start([DecideController, AnotherController]);
  await expect(app.listen()).rejects.toThrow('two handlers');
});
