import { AppError, decodeEvent } from '@sallyport/contracts';
import { MemoryEventLog } from '@sallyport/log';
import type { ToolDefinition } from '@sallyport/mcp';
import { createLogger, quietTelemetry, systemIdSource } from '@sallyport/platform';
import { aTestClock } from '@sallyport/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DefinitionObserver, type ObservedUpstream } from './definition-observer.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const tool = (name: string, description = ''): ToolDefinition => ({ name, description, inputSchema: { type: 'object' } });

const open = (listings: Record<string, () => ToolDefinition[] | Promise<ToolDefinition[]>>) => {
  const log = new MemoryEventLog();
  const upstreams = Object.entries(listings).map(
    ([server, list]): ObservedUpstream => ({
      server,
      tenantId: 'acme',
      settings: { audience: null },
      client: {
        listAllTools: async () => ({ protocolVersion: '2026-07-28', serverInfo: { name: server, version: '1' }, tools: await list() }),
      },
    }),
  );
  const observer = new DefinitionObserver({
    upstreams: { all: () => upstreams },
    log,
    minter: { mint: async () => ({ token: 't', tokenId: 'j' }) },
    settings: { edgeId: 'edge-1', observeEveryMs: 60_000 },
    telemetry: quietTelemetry(),
    clock: aTestClock(),
    ids: systemIdSource,
    logger: createLogger('test', { level: 'silent' }),
  });
  const observed = () =>
    log.recordsOf('tool-call.events.v1').flatMap((record) => {
      const event = decodeEvent(record);
      return event.type === 'ToolDefinitionsObserved'
        ? [{ server: event.data.server, names: event.data.definitions.map(({ name }) => name) }]
        : [];
    });
  return { observer, observed };
};

test('records what each server says at start, and again only when it says otherwise', async () => {
  let tools = [tool('b'), tool('a')];
  const { observer, observed } = open({ crm: () => tools });
  observer.start();
  await vi.advanceTimersByTimeAsync(1);
  expect(observed()).toEqual([{ server: 'crm', names: ['a', 'b'] }]);
  await vi.advanceTimersByTimeAsync(180_000);
  expect(observed()).toHaveLength(1);
  tools = [tool('a'), tool('b', 'now it does something else')];
  await vi.advanceTimersByTimeAsync(60_000);
  expect(observed()).toHaveLength(2);
  await observer.close();
});

test('looks at once when told that a list changed, and once more when told while it looks', async () => {
  let looks = 0;
  const { observer } = open({
    crm: () => {
      looks++;
      return [tool('a')];
    },
  });
  observer.start();
  observer.notice('acme', 'crm');
  observer.notice('acme', 'crm');
  await vi.advanceTimersByTimeAsync(10);
  expect(looks).toBe(2);
  observer.notice('globex', 'crm');
  await vi.advanceTimersByTimeAsync(10);
  expect(looks).toBe(2);
  await observer.close();
});

test('is delayed by no server that is dead or silent, and tries them again with growing pauses', async () => {
  let tries = 0;
  const { observer, observed } = open({
    dead: () => {
      tries++;
      throw new AppError('upstream.unreachable', 'dead');
    },
    silent: () => new Promise(() => {}),
    alive: () => [tool('a')],
  });
  observer.start();
  await vi.advanceTimersByTimeAsync(1);
  expect(observed()).toEqual([{ server: 'alive', names: ['a'] }]);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(tries).toBe(5);
});
