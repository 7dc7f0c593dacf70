import 'reflect-metadata';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AppError, type AuditVerification, type CallDetail, type CallPage, CheckpointPage, RejectionPage } from '@sallyport/contracts';
import { formatCallDetail, formatRecordLine } from '@sallyport/domain';
import { LogStrategy, postgresPositions } from '@sallyport/log';
import { AppErrorFilter, createLogger } from '@sallyport/platform';
import { anEvent, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { createParser } from 'eventsource-parser';
import { compactVerify, createLocalJWKSet } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditProjectorModule } from '../audit-projector.module.js';
import { CheckpointWriter } from '../checkpoints/checkpoint-writer.js';
import { anAllowedCall, aPrincipal, openRecordHarness, type RecordHarness } from '../testing/record.harness.js';
import { verifyRecord } from '../verification/verify-record.js';

let postgres: TestPostgres;
let harness: RecordHarness;
let app: NestFastifyApplication;
let address: string;
const CALLS = 25;

/** `Bearer <tenant>` or `Bearer <tenant>:<scope>`. */
const authenticate = async (authorization: string | undefined) => {
  if (authorization === undefined) throw new AppError('identity.token-missing', 'no token');
  const [tenantId = '', ...scope] = authorization.slice('Bearer '.length).split(' ');
  return aPrincipal(tenantId, scope.length === 0 ? undefined : scope);
};

/** Resolves when the record says that so many calls ended. */
const ended = async (count: number): Promise<void> => {
  for (;;) {
    const [row] = await harness.tamper<{ n: string }>('SELECT count(*) AS n FROM ended_call');
    if (Number(row?.n) >= count) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

beforeAll(async () => {
  postgres = await startTestPostgres();
  harness = await openRecordHarness(postgres, { authenticate });
  const module = await Test.createTestingModule({ imports: [AuditProjectorModule.forRoot(harness.ports)] }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  app.useGlobalFilters(new AppErrorFilter(createLogger('spec', { level: 'silent' })));
  app.connectMicroservice(
    { strategy: new LogStrategy({ log: harness.log, positions: () => postgresPositions(harness.database) }) },
    { inheritAppConfig: false },
  );
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  address = await app.getUrl();
  for (let number = 1; number <= CALLS; number += 1) await harness.append(...anAllowedCall(number, 'acme', `chain-${number}`));
  await harness.append(...anAllowedCall(1, 'globex'));
  await ended(CALLS + 1);
});
afterAll(async () => {
  await app.close();
  await harness.close();
  await postgres.stop();
});

const get = async <T>(path: string, token: string | null = 'acme'): Promise<{ status: number; body: T }> => {
  const response = await fetch(`${address}/v1/audit${path}`, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  const body: T = JSON.parse(await response.text());
  return { status: response.status, body };
};

describe('who may read', () => {
  test('nobody without a token or without the scope, but for the public keys', async () => {
    for (const path of ['/calls', '/calls/call-acme-00001', '/rejections', '/verify', '/checkpoints', '/tail']) {
      expect(await get(path, null), path).toMatchObject({ status: 401, body: { code: 'identity.token-missing' } });
      expect(await get(path, 'acme tools:read'), path).toMatchObject({ status: 403, body: { code: 'identity.forbidden' } });
    }
    expect(await get('/keys', null)).toMatchObject({ status: 200, body: { keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA' }] } });
    expect(JSON.stringify((await get('/keys', null)).body)).not.toContain('"d"');
  });

  test('a tenant its own calls alone, by any way of asking', async () => {
    expect((await get<CallPage>('/calls', 'globex')).body.calls.map(({ callId }) => callId)).toEqual(['call-globex-00001']);
    expect((await get<CallPage>('/calls?callId=call-acme-00001', 'globex')).body.calls).toEqual([]);
    expect(await get('/calls/call-acme-00001', 'globex')).toMatchObject({ status: 404, body: { code: 'request.not-found' } });
    expect((await get<CallPage>('/calls', '*')).body.calls).toEqual([]);
  });
});

describe('calls', () => {
  test('come newest first, in pages that neither skip nor repeat while calls are added', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: CallPage = (await get<CallPage>(`/calls?limit=7${cursor === null ? '' : `&cursor=${cursor}`}`)).body;
      seen.push(...page.calls.map(({ callId }) => callId));
      cursor = page.nextCursor;
      if (seen.length === 7) {
        await harness.append(...anAllowedCall(900, 'acme', 'chain-900'));
        await ended(CALLS + 2);
      }
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: CALLS }, (_, index) => `call-acme-${String(CALLS - index).padStart(5, '0')}`));
  });

  test('are found by person, agent, tool, decision, outcome, trace and time', async () => {
    const found = async (query: string) => (await get<CallPage>(`/calls?limit=200&${query}`)).body.calls.length;
    const all = await found('');
    for (const query of [
      'subject=ada',
      'subject=user:ada',
      'agent=triage',
      'tool=fs/write_file',
      'decision=allow',
      'outcome=completed',
      'traceId=4bf92f3577b34da6a3ce929d0e0e4736',
    ]) {
      expect(await found(query), query).toBe(all);
    }
    for (const query of [
      'subject=eve',
      'agent=other',
      'tool=fs/read_file',
      'decision=deny',
      'outcome=pending',
      `traceId=${'0'.repeat(32)}`,
    ]) {
      expect(await found(query), query).toBe(0);
    }
    expect(await found('from=2026-11-21T12:00:00.005Z&to=2026-11-21T12:00:00.010Z')).toBe(5);
  });

  test('are refused to a query that nobody understands, naming what is wrong', async () => {
    expect(await get('/calls?tenantId=globex')).toMatchObject({
      status: 400,
      body: { code: 'request.invalid', detail: { paths: ['tenantId'] } },
    });
    expect(await get('/calls?limit=1000')).toMatchObject({ status: 400, body: { detail: { paths: ['limit'] } } });
    expect(await get('/calls?subject=%00')).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(await get('/calls/%00')).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(await get('/tail?cursor=99999999999999999999')).toMatchObject({ status: 400, body: { detail: { paths: ['cursor'] } } });
    expect(await get('/calls?cursor=abc')).toMatchObject({ status: 400, body: { detail: { paths: ['cursor'] } } });
    for (const place of [
      ['9999-99-99T00:00:00.000000Z', 'a'],
      ['2026-01-01T::Z', 'a'],
      ['2026-01-01T00:00:00.000000Z', '\u0000'],
    ]) {
      const forged = Buffer.from(JSON.stringify(place)).toString('base64url');
      for (const path of ['/calls?', '/calls?text=ada&', '/rejections?', '/chains/chain-1?'])
        expect(await get(`${path}cursor=${forged}`), `${path} ${place}`).toMatchObject({
          status: 400,
          body: { detail: { paths: ['cursor'] } },
        });
    }
  });

  test('are shown with their events as recorded, and never with sealed arguments', async () => {
    const { body } = await get<CallDetail>('/calls/call-acme-00003');
    expect(body.events.map(({ type }) => type).sort()).toEqual([
      'PolicyDecided',
      'ToolCallCompleted',
      'ToolCallDispatched',
      'ToolCallRequested',
    ]);
    expect(body.events.find(({ type }) => type === 'ToolCallRequested')?.data).toMatchObject({
      sealedParams: '[sealed]',
      paramsMasked: { path: '/sandbox/a' },
    });
    expect(body.record === null ? null : formatRecordLine(body.record)).toBe(
      'user:ada via agent:triage called fs/write_file policy:writers-low allow 7 ms trace 4bf9…',
    );
    expect(formatCallDetail(body.record, body.events)).toContain('ToolCallDispatched');
  });
});

test('requests that were turned away are on record of the tenant they are counted under, each once however often it was published', async () => {
  const reject = (number: number) =>
    anEvent(
      'RequestRejected',
      {
        code: number === 2 ? 'request.parse-error' : 'identity.token-invalid',
        sourceHash: 'h'.repeat(43),
        edgeId: 'edge-1',
        count: 3,
        from: '2026-11-21T12:00:00.000Z',
        to: '2026-11-21T12:00:00.900Z',
        method: 'POST',
        route: '/mcp',
        httpStatus: 401,
      },
      {
        callId: null,
        chainId: null,
        subject: null,
        actor: null,
        key: 'edge-1',
        id: `rejected-${number}`,
        occurredAt: `2026-11-21T12:00:0${number}.000Z`,
      },
    );
  await harness.append(reject(1), reject(2), reject(3), reject(3), reject(1), ...anAllowedCall(901, 'acme', 'edge-1'));
  await ended(CALLS + 3);
  const first = RejectionPage.parse((await get('/rejections?limit=2')).body);
  expect(first.rejections.map(({ eventId }) => eventId)).toEqual(['rejected-3', 'rejected-2']);
  const second = RejectionPage.parse((await get(`/rejections?limit=2&cursor=${first.nextCursor}`)).body);
  expect(second).toMatchObject({ rejections: [{ eventId: 'rejected-1', count: 3 }], nextCursor: null });
  expect(RejectionPage.parse((await get('/rejections?code=request.parse-error')).body).rejections).toHaveLength(1);
  expect(RejectionPage.parse((await get('/rejections', 'globex')).body).rejections).toEqual([]);
});

test('the tail sends calls as they end, to their tenant, through a filter, and resumes behind the last one seen', async () => {
  const stop = new AbortController();
  const seen: { id: string; callId: string }[] = [];
  const open = async (query: string, lastEventId?: string) => {
    const response = await fetch(`${address}/v1/audit/tail${query}`, {
      headers: { authorization: 'Bearer acme', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
      signal: stop.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    if (response.body === null) throw new TypeError('no body');
    return response.body.pipeThrough(new TextDecoderStream()).getReader();
  };
  const read = async (reader: Awaited<ReturnType<typeof open>>, count: number): Promise<void> => {
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (event === 'call') seen.push({ id: id ?? '', callId: JSON.parse(data).callId });
      },
    });
    while (seen.length < count) {
      const { value, done } = await reader.read();
      if (done) throw new TypeError('the tail ended');
      parser.feed(value);
    }
  };
  const [start] = await harness.tamper<{ n: string }>('SELECT max(number) AS n FROM ended_call');
  const reader = await open(`?outcome=completed&cursor=${start?.n}`);
  await harness.append(...anAllowedCall(911, 'acme', 'a'), ...anAllowedCall(912, 'globex', 'b'), ...anAllowedCall(913, 'acme', 'c'));
  await read(reader, 2);
  expect(seen.map(({ callId }) => callId).sort()).toEqual(['call-acme-00911', 'call-acme-00913']);
  const [firstSeen] = seen.splice(0);
  await read(await open('', firstSeen?.id), 1);
  expect(seen).toHaveLength(1);
  expect(seen[0]?.id).not.toBe(firstSeen?.id);
  stop.abort();
});

test('verification answers over HTTP, and tells a tenant no ids of another', async () => {
  await app.get(CheckpointWriter).write();
  const sound = (await get<AuditVerification>('/verify?log=true')).body;
  expect(sound).toMatchObject({ ok: true, faults: [], eventsAfterLastCheckpoint: 0 });
  expect(sound.eventsComparedWithLog).toBe(sound.eventsChecked);
  await harness.tamper(`UPDATE audit_event SET value = value || ' ' WHERE event_id = 'call-globex-00001-3'`);
  expect((await get<AuditVerification>('/verify', 'globex')).body).toMatchObject({
    ok: false,
    faults: [{ kind: 'edited', callId: 'call-globex-00001', eventId: 'call-globex-00001-3' }],
  });
  expect((await get<AuditVerification>('/verify')).body).toMatchObject({
    ok: false,
    faults: [{ kind: 'edited', callId: null, eventId: null }],
  });
  await harness.tamper(`UPDATE audit_event SET value = rtrim(value) WHERE event_id = 'call-globex-00001-3'`);
});

test('checkpoints can be verified by anybody with the published keys, and are on the log', async () => {
  const page = CheckpointPage.parse((await get('/checkpoints?limit=1')).body);
  const keys = createLocalJWKSet((await get<{ keys: [] }>('/keys', null)).body);
  const [checkpoint] = page.checkpoints;
  const { payload, protectedHeader } = await compactVerify(checkpoint?.signed ?? '', keys);
  expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'sallyport-checkpoint+jwt' });
  expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ logId: 'sallyport', sequence: checkpoint?.sequence });
  const published = await harness.tamper(`SELECT id FROM log.event WHERE topic = 'audit.checkpoints.v1'`);
  expect(published.length).toBeGreaterThan(0);
});

test('stopping ends open tails, and signs the record to its end', async () => {
  const response = await fetch(`${address}/v1/audit/tail`, { headers: { authorization: 'Bearer acme' } });
  await harness.append(...anAllowedCall(990));
  await ended(CALLS + 7);
  await app.close();
  expect(await response.text()).toContain('call-acme-00990');
  expect(await verifyRecord(harness.ports)).toMatchObject({ ok: true, eventsAfterLastCheckpoint: 0 });
});
