import { type AnyEnvelope, decodeEvent } from '@sallyport/contracts';
import { MemoryEventLog } from '@sallyport/log';
import { createLogger, type Database, openDatabase, quietTelemetry, systemIdSource } from '@sallyport/platform';
import { aTestClock, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { EDGE_GATEWAY_MIGRATIONS } from '../migrations/index.js';
import { ConsoleSessionRecord } from './console-session-record.js';
import { ConsoleSessionStore, type StoredSession } from './console-sessions.store.js';

const TOPIC = 'tool-call.events.v1';
const IDLE_MS = 60_000;
const LIFETIME_MS = 600_000;

let postgres: TestPostgres;
let database: Database;
let log: MemoryEventLog;
let clock: ReturnType<typeof aTestClock>;
let record: ConsoleSessionRecord;
let store: ConsoleSessionStore;
beforeAll(async () => {
  postgres = await startTestPostgres();
  const { url } = await postgres.createDatabase();
  database = await openDatabase({ url, schema: 'edge_gateway', applicationName: 'spec', migrations: EDGE_GATEWAY_MIGRATIONS });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await postgres?.stop();
});
beforeEach(async () => {
  await database.query('DELETE FROM console_sessions');
  log = new MemoryEventLog();
  clock = aTestClock();
  const logger = createLogger('spec', { level: 'silent' });
  record = new ConsoleSessionRecord({ database, log, clock, ids: systemIdSource, telemetry: quietTelemetry(), logger, edgeId: 'edge-1' });
  store = new ConsoleSessionStore(database, IDLE_MS, record);
});

const open = (sessionId: string, over: { readonly subject?: string; readonly had?: string; readonly max?: number } = {}) => {
  const openedAtMs = clock.nowMs();
  const session: StoredSession = {
    ...{ sessionId, tenantId: 'acme', subject: over.subject ?? 'user:mia', name: 'Mia', loginIssuer: 'https://login.example' },
    ...{ loginSource: 'console', roles: ['viewer'], idTokenSealed: 'sealed', browser: 'a browser', openedAtMs },
    ...{ lastSeenAtMs: openedAtMs, expiresAtMs: openedAtMs + LIFETIME_MS },
  };
  const keys = {
    secretDigest: `secret of ${sessionId}`,
    loginDigest: `login of ${sessionId}`,
    endedSecretDigests: over.had === undefined ? [] : [over.had],
  };
  return store.open(session, keys, over.max ?? 10);
};
const find = (sessionId: string) => store.find(`secret of ${sessionId}`, clock.nowMs());
const use = (sessionId: string) => store.use(`secret of ${sessionId}`, clock.nowMs());

/** What the log was told, without what differs from run to run. */
const told = (): readonly object[] =>
  log
    .recordsOf(TOPIC)
    .map((stored): AnyEnvelope => decodeEvent(stored))
    .sort((left, right) => (left.id < right.id ? -1 : 1))
    .flatMap((event): object[] => {
      if (event.type === 'ConsoleSessionOpened') return [{ opened: event.data.sessionId }];
      return event.type === 'ConsoleSessionEnded'
        ? [{ ended: event.data.sessionId, reason: event.data.reason, by: event.data.endedBy }]
        : [];
    });

test('a page that is merely open does not keep its session: looking is no use of it', async () => {
  await open('s-1');
  for (let n = 0; n < 3; n++) {
    clock.advance(IDLE_MS / 4);
    expect(await find('s-1')).toMatchObject({ sessionId: 's-1' });
  }
  clock.advance(IDLE_MS / 4);
  expect(await find('s-1')).toBeNull();
  expect(await use('s-1')).toBeNull();
});

test('a session lives on as long as its person does something, and no longer than its lifetime', async () => {
  await open('s-1');
  for (let at = IDLE_MS / 2; at < LIFETIME_MS; at += IDLE_MS / 2) {
    clock.advance(IDLE_MS / 2);
    expect(await use('s-1')).toMatchObject({ lastSeenAtMs: clock.nowMs() });
  }
  clock.advance(IDLE_MS / 2);
  expect(await use('s-1')).toBeNull();
});

test('time ends a session once on record, with the reason and since when it opened nothing', async () => {
  await open('s-1');
  clock.advance(IDLE_MS * 2);
  expect(await store.endLapsed(clock.nowMs())).toBe(1);
  expect(await store.endLapsed(clock.nowMs())).toBe(0);
  expect(told()).toEqual([{ opened: 's-1' }, { ended: 's-1', reason: 'idle', by: null }]);
});

test('every end is on record with who ended it: logged out, revoked, replaced, displaced', async () => {
  await open('s-1');
  const whose = { tenantId: 'acme', subject: null };
  await store.end(whose, 's-1', clock.nowMs(), { reason: 'revoked', endedBy: 'user:grace' });
  expect(await store.end(whose, 's-1', clock.nowMs(), { reason: 'revoked', endedBy: 'user:grace' })).toBe(0);
  clock.advance(1);
  await open('s-2');
  clock.advance(1);
  await open('s-3', { had: 'secret of s-2' });
  clock.advance(1);
  await open('s-4', { max: 1 });
  expect(told()).toEqual([
    { opened: 's-1' },
    { ended: 's-1', reason: 'revoked', by: 'user:grace' },
    { opened: 's-2' },
    { ended: 's-2', reason: 'replaced', by: 'user:mia' },
    { opened: 's-3' },
    { ended: 's-3', reason: 'displaced', by: 'user:mia' },
    { opened: 's-4' },
  ]);
});

test('a session that is ended while the log is away is over at once, and on record when the log is back', async () => {
  await open('s-1');
  log.break(true);
  await store.end({ tenantId: 'acme', subject: null }, 's-1', clock.nowMs(), { reason: 'revoked', endedBy: 'user:grace' });
  expect(await find('s-1')).toBeNull();
  expect(told()).toEqual([{ opened: 's-1' }]);
  log.break(false);
  await record.retry();
  expect(told()).toEqual([{ opened: 's-1' }, { ended: 's-1', reason: 'revoked', by: 'user:grace' }]);
});
