import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Test, type TestingModule } from '@nestjs/testing';
import { decodeEvent, type Envelope, type EventData, encodeEvent, type RequestFacts } from '@sallyport/contracts';
import type { SeenGrant } from '@sallyport/domain';
import { LogStrategy, MemoryEventLog, postgresPositions } from '@sallyport/log';
import { type Database, openDatabase, openSealer, parseRootKey, quietTelemetry, systemClock, systemIdSource } from '@sallyport/platform';
import { anEvent, aTestClock, requestFacts, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { findGrants, keepGrants } from './grants/grant-store.js';
import { type DeclaredTenant, PolicyDecisionModule, policyDecisionMigrations } from './index.js';

const ROOT = join(import.meta.dirname, '../../../..');
const folderOf = (folder: string, pattern: RegExp): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => pattern.test(file))
      .map((file) => [file, readFileSync(join(ROOT, folder, file), 'utf8')]),
  );

const TENANT: DeclaredTenant = {
  id: 'acme',
  identity: {
    users: [{ id: 'user:ada', scopes: ['tools:read', 'tools:write'] }],
    agents: [{ id: 'agent:writer', scopes: ['tools:read', 'tools:write'] }],
    delegations: [{ subject: '*', agent: 'agent:writer', scopes: ['tools:read', 'tools:write'] }],
  },
  policies: folderOf('policies', /\.(cedar|cedarschema|yaml)$/),
  catalog: folderOf('catalog', /\.yaml$/),
};
const DIGEST = `sha256:${'1'.repeat(64)}`;
const OTHER_DIGEST = `sha256:${'2'.repeat(64)}`;
const DAY_MS = 86_400_000;
const EDGE = 'edge-7';

let postgres: TestPostgres;
let db: Database;
let log: MemoryEventLog;
let clock: ReturnType<typeof aTestClock>;
let replicas: Awaited<ReturnType<typeof start>>[];
let faults: unknown[];
const sealer = openSealer({ rootKey: parseRootKey(randomBytes(32).toString('base64url'), 'test'), clock: systemClock });
let calls = 0;

const start = async (instanceId: string) => {
  const module: TestingModule = await Test.createTestingModule({
    imports: [
      PolicyDecisionModule.forRoot({
        ...{ db, log, sealer, clock, instanceId, tenants: [TENANT], ids: systemIdSource, telemetry: quietTelemetry() },
        authenticator: { authenticate: async () => requestFacts().principal },
        onFault: (what, error) => faults.push([what, error]),
        wait: async () => {},
      }),
    ],
  }).compile();
  const app = module.createNestMicroservice({ strategy: new LogStrategy({ log, positions: () => postgresPositions(db) }), logger: false });
  await app.listen();
  return app;
};

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  const { url } = await postgres.createDatabase();
  db = await openDatabase({ url, schema: 'policy_decision', applicationName: 'test', migrations: policyDecisionMigrations() });
  log = new MemoryEventLog();
  clock = aTestClock();
  faults = [];
  replicas = [await start('pdp-1')];
  await observe(DIGEST);
});
afterEach(async () => {
  for (const replica of replicas) await replica.close();
  await log.close();
  await db.close();
  expect(faults).toEqual([]);
});

const observe = async (digest: string): Promise<void> => {
  const definitions = ['move_file', 'write_file'].map((name) => ({ name, digest, definition: { name, inputSchema: { type: 'object' } } }));
  const data = { server: 'fs', protocolVersion: '2025-11-25', serverName: 'fs', serverVersion: '1', definitions };
  await log.append([encodeEvent(anEvent('ToolDefinitionsObserved', data, { callId: null, chainId: null, key: 'edge' }))]);
  await vi.waitFor(async () => {
    const { rows } = await db.query<{ count: string }>('SELECT count(*) FROM catalog_tool WHERE observed LIKE $1', [`%${digest}%`]);
    if (Number(rows[0]?.count) < 2) throw new Error('not observed yet');
  });
};

const decisions = (): Envelope<'PolicyDecided'>[] =>
  log.recordsOf('policy.events.v1').flatMap((record) => {
    const event = decodeEvent(record);
    return event.type === 'PolicyDecided' ? [event] : [];
  });
const decisionOf = (callId: string, evaluation: number): Envelope<'PolicyDecided'> | undefined =>
  decisions().find((event) => event.callId === callId && event.data.evaluation === evaluation);
const decided = (callId: string, evaluation: number): Promise<Envelope<'PolicyDecided'>> =>
  vi.waitFor(
    () => {
      const event = decisionOf(callId, evaluation);
      if (event === undefined) throw new Error(`no decision ${evaluation} on ${callId}`);
      return event;
    },
    { timeout: 20_000, interval: 2 },
  );

const factsOf = (name: string, over: Partial<RequestFacts> = {}): RequestFacts =>
  requestFacts({
    principal: { ...requestFacts().principal, actors: ['agent:writer'], scopes: ['tools:read', 'tools:write'] },
    target: { kind: 'tool', server: 'fs', name },
    tool: { id: `fs/${name}`, definitionDigest: DIGEST, version: '1', riskTier: 'write-high' },
    labels: [],
    ...over,
  });
const sealedFor = (callId: string): string => sealer.seal('acme', '{"name":"move_file","arguments":{}}', callId);
const nextCall = (): string => `call-${++calls}`;

const requested = async (name: string, callId = nextCall()): Promise<string> => {
  const data = { ...factsOf(name), sealedParams: sealedFor(callId), idempotencyKeyHash: null, ttlMs: 8_000, requires: ['policy' as const] };
  await log.append([encodeEvent(anEvent('ToolCallRequested', data, { callId }))]);
  await decided(callId, 1);
  return callId;
};

const resumedEvent = (callId: string, over: Partial<EventData<'ToolCallResumed'>> = {}) => {
  const whole = { request: factsOf('move_file'), sealedParams: sealedFor(callId) };
  return anEvent('ToolCallResumed', { approvalId: `approval-of-${callId}`, evaluation: 2, edgeId: EDGE, ...whole, ...over }, { callId });
};
const resume = async (callId: string, over: Partial<EventData<'ToolCallResumed'>> = {}): Promise<void> =>
  log.append([encodeEvent(resumedEvent(callId, over))]);

const grantOf = (callId: string, over: Partial<SeenGrant> = {}): SeenGrant => ({
  ...{ tenantId: 'acme', callId, approvalId: `approval-of-${callId}`, paramsHash: requestFacts().paramsHash, toolDigest: DIGEST },
  ...{ ruleIds: ['high-risk'], expiresAtMs: clock.nowMs() + 60_000, ...over },
});
const granted = async (grant: SeenGrant): Promise<void> => {
  const { tenantId, callId, expiresAtMs, ruleIds, ...rest } = grant;
  const told = {
    ...rest,
    ruleIds: [...ruleIds],
    grantedBy: ['user:grace'],
    channel: 'http',
    expiresAt: new Date(expiresAtMs).toISOString(),
  };
  await log.append([encodeEvent(anEvent('ApprovalGranted', told, { callId, tenantId }))]);
};
const kept = (grant: SeenGrant): Promise<void> =>
  vi.waitFor(
    async () => {
      if ((await findGrants(db, [grant])).size === 0) throw new Error('not kept yet');
    },
    { timeout: 20_000, interval: 2 },
  );
const isMet = (callId: string) => ({ effect: 'allow', code: null, approvalId: `approval-of-${callId}` });

describe('a call that is resumed with a grant', () => {
  test('is allowed by a grant that was seen, for the edge that holds it now, with every other duty', async () => {
    const callId = await requested('move_file');
    expect((await decided(callId, 1)).data).toMatchObject({
      effect: 'require-approval',
      policyIds: expect.arrayContaining(['high-risk-asks']),
    });
    await granted(grantOf(callId));
    await kept(grantOf(callId));
    const resumed = resumedEvent(callId);
    await log.append([encodeEvent(resumed)]);
    const answer = await decided(callId, 2);
    expect(answer).toMatchObject({ edgeId: EDGE, causationId: resumed.id, data: isMet(callId) });
    expect(answer.data.obligations.map(({ type }) => type)).toEqual(['mask-arguments', 'mask-result']);
  });

  test('waits for a grant that comes later, and keeps nobody else waiting', async () => {
    const callId = nextCall();
    await resume(callId);
    await requested('write_file');
    expect(decisionOf(callId, 2)).toBeUndefined();
    await granted(grantOf(callId));
    expect((await decided(callId, 2)).data).toMatchObject(isMet(callId));
  });

  test('finds a grant that another replica took down', async () => {
    const callId = nextCall();
    await resume(callId);
    await requested('write_file');
    await keepGrants(db, [grantOf(callId)]);
    expect((await decided(callId, 2)).data).toMatchObject(isMet(callId));
  });

  test('asks for a person again when no grant is seen in time, and is allowed at no time before', async () => {
    const callId = nextCall();
    await resume(callId);
    await requested('write_file');
    clock.advance(9_000);
    await requested('write_file');
    expect(decisionOf(callId, 2)).toBeUndefined();
    clock.advance(1_000);
    const answer = await decided(callId, 2);
    expect(answer.data.effect).toBe('require-approval');
    expect(answer.data.approvalId ?? null).toBeNull();
  });

  test.each<[string, Partial<SeenGrant>]>([
    ['other parameters', { paramsHash: 'x'.repeat(43) }],
    ['another definition', { toolDigest: OTHER_DIGEST }],
    ['another rule', { ruleIds: ['exports-and-deletes'] }],
  ])('asks for a person again when the grant is for %s', async (_what, over) => {
    const callId = nextCall();
    await granted(grantOf(callId, over));
    await resume(callId);
    expect((await decided(callId, 2)).data.effect).toBe('require-approval');
  });

  test.each<[string, (grant: SeenGrant) => SeenGrant]>([
    ['another call', (grant) => ({ ...grant, callId: 'call-of-others' })],
    ['another tenant', (grant) => ({ ...grant, tenantId: 'globex' })],
    ['another request', (grant) => ({ ...grant, approvalId: 'approval-of-others' })],
  ])('asks for a person again when the grant is of %s', async (_what, change) => {
    const callId = nextCall();
    const other = change(grantOf(callId));
    await granted(other);
    await kept(other);
    await resume(callId);
    await requested('write_file');
    clock.advance(10_000);
    expect((await decided(callId, 2)).data.effect).toBe('require-approval');
  });

  test('asks for a person again when the grant has run out', async () => {
    const callId = nextCall();
    await granted(grantOf(callId));
    await kept(grantOf(callId));
    clock.advance(60_000);
    await resume(callId);
    expect((await decided(callId, 2)).data.effect).toBe('require-approval');
  });

  test('takes nothing but a grant for one', async () => {
    const callId = nextCall();
    const { paramsHash, toolDigest, approvalId, ruleIds } = grantOf(callId);
    const asked = { approvalId, paramsHash, toolDigest, ruleIds: [...ruleIds], tool: 'fs/move_file', paramsMasked: null };
    const people = {
      principal: requestFacts().principal,
      approvers: ['*'],
      quorum: 1,
      expiresAt: new Date(clock.nowMs() + 60_000).toISOString(),
    };
    await log.append([encodeEvent(anEvent('ApprovalRequested', { ...asked, ...people }, { callId }))]);
    await resume(callId);
    await requested('write_file');
    clock.advance(10_000);
    expect((await decided(callId, 2)).data.effect).toBe('require-approval');
  });

  test('is refused at once by what refuses it now: a stop, or a definition pinned anew', async () => {
    const stopped = nextCall();
    await db.query(
      `INSERT INTO control (tenant_id, kind, value, active, epoch, changed_by, why) VALUES ('acme', 'tool', 'fs/move_file', true, 1000, 'x', 'x')`,
    );
    await db.query('UPDATE epoch SET epoch = 1000');
    await resume(stopped);
    expect((await decided(stopped, 2)).data).toMatchObject({ effect: 'deny', code: 'control.killed' });
    await db.query('UPDATE control SET active = false, epoch = 1001');
    await db.query('UPDATE epoch SET epoch = 1001');
    const edited = nextCall();
    await granted(grantOf(edited));
    await kept(grantOf(edited));
    await observe(OTHER_DIGEST);
    await resume(edited);
    expect((await decided(edited, 2)).data).toMatchObject({ effect: 'deny', code: 'catalog.not-callable' });
  });

  test('is decided again on the same grant when the decision became too old', async () => {
    const callId = nextCall();
    await granted(grantOf(callId));
    const again = { evaluation: 3, reason: 'decision-too-old' as const, paramsHash: requestFacts().paramsHash, labels: [], edgeId: EDGE };
    const data = { ...again, request: factsOf('move_file'), sealedParams: sealedFor(callId) };
    const approvalId = grantOf(callId).approvalId;
    await log.append([encodeEvent(anEvent('ToolCallReevaluationRequested', { ...data, approvalId }, { callId }))]);
    expect((await decided(callId, 3)).data).toMatchObject(isMet(callId));
    const other = { ...data, approvalId, evaluation: 4, paramsHash: 'n'.repeat(43) };
    await log.append([encodeEvent(anEvent('ToolCallReevaluationRequested', other, { callId }))]);
    expect((await decided(callId, 4)).data.effect).toBe('require-approval');
  });

  test('is decided from memory where the question carries nothing, and refused where nothing is remembered', async () => {
    const callId = await requested('move_file');
    await granted(grantOf(callId));
    const bare = { approvalId: grantOf(callId).approvalId, evaluation: 2, edgeId: EDGE };
    await log.append([encodeEvent(anEvent('ToolCallResumed', bare, { callId }))]);
    expect((await decided(callId, 2)).data).toMatchObject(isMet(callId));
    await log.append([encodeEvent(anEvent('ToolCallResumed', bare, { callId: 'call-elsewhere' }))]);
    expect((await decided('call-elsewhere', 2)).data).toMatchObject({ effect: 'deny', code: 'policy.unavailable' });
  });

  test('is not answered by a replica that stops, and stopping waits for no grant', async () => {
    const callId = nextCall();
    await resume(callId);
    await requested('write_file');
    await replicas.pop()?.close();
    await keepGrants(db, [grantOf(callId)]);
    replicas.push(await start('pdp-2'));
    await requested('write_file');
    expect(decisionOf(callId, 2)).toBeUndefined();
  });

  test('is answered once the log is back, where it was away when the grant came', async () => {
    const callId = nextCall();
    await resume(callId);
    await requested('write_file');
    log.break(true);
    await keepGrants(db, [grantOf(callId)]);
    await vi.waitFor(() => expect(faults.length).toBeGreaterThan(0), { timeout: 20_000, interval: 2 });
    log.break(false);
    expect((await decided(callId, 2)).data).toMatchObject(isMet(callId));
    faults.length = 0;
  });
});

test('a grant that is told again changes nothing, and one that ended a day ago is dropped with the next', async () => {
  const old = grantOf('call-old', { expiresAtMs: clock.nowMs() - DAY_MS - 1 });
  const ended = grantOf('call-ended', { expiresAtMs: clock.nowMs() - DAY_MS + 1_000 });
  await keepGrants(db, [old, ended]);
  await granted(grantOf('call-new'));
  await kept(grantOf('call-new'));
  await granted(grantOf('call-new', { expiresAtMs: clock.nowMs() + DAY_MS }));
  await granted(grantOf('call-newest'));
  await kept(grantOf('call-newest'));
  const found = await findGrants(db, [old, ended, grantOf('call-new'), grantOf('call-newest')]);
  expect([...found.values()].map(({ callId, expiresAtMs }) => [callId, expiresAtMs - clock.nowMs()]).toSorted()).toEqual([
    ['call-ended', 1_000 - DAY_MS],
    ['call-new', 60_000],
    ['call-newest', 60_000],
  ]);
});
