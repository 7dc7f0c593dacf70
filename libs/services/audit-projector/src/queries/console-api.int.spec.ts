import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  type AnyEnvelope,
  AppError,
  CallDetail,
  type CallPage,
  CallProof,
  type CallVerification,
  ChainPage,
  JsonWebKeys,
  Overview,
  type ProofCrypto,
  type ToolRecord,
  verifyCallProof,
} from '@sallyport/contracts';
import { LogStrategy, postgresPositions } from '@sallyport/log';
import { AppErrorFilter, createLogger } from '@sallyport/platform';
import {
  anEvent,
  policyDecided,
  requestFacts,
  startTestPostgres,
  type TestPostgres,
  toolCallCompleted,
  toolCallDispatched,
  toolCallRefused,
  toolCallRequested,
} from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditProjectorModule } from '../audit-projector.module.js';
import { CheckpointWriter } from '../checkpoints/checkpoint-writer.js';
import { anAllowedCall, aPrincipal, openRecordHarness, type RecordHarness } from '../testing/record.harness.js';
import { aWaitingCall } from '../testing/waiting-lives.harness.js';

let postgres: TestPostgres;
let harness: RecordHarness;
let app: NestFastifyApplication;
let address: string;

const DIGEST = `sha256:${'a'.repeat(64)}`;
const MONEY = { amounts: [{ account: 'user:ada', amountMicros: 1_500, calls: 1 }], currency: 'USD' };
/** The calls begin a minute ago, so that every window has them. */
const START_MS = Date.now() - 60_000;
const instant = (ms: number): string => new Date(START_MS + ms).toISOString();

interface Life {
  readonly callId: string;
  readonly chainId?: string;
  readonly tenantId?: string;
  readonly atMs: number;
}

/** Events as those of one call, a millisecond apart. */
const call = ({ callId, chainId = 'chain-a', tenantId = 'acme', atMs }: Life, ...events: readonly AnyEnvelope[]): AnyEnvelope[] =>
  events.map((event, index) => ({
    ...event,
    ...{ callId, chainId, key: chainId, tenantId, occurredAt: instant(atMs + index) },
    id: event.type === 'PolicyDecided' ? `${callId}-decided` : `${callId}-${index}`,
  }));

/** Reads a contact with an e-mail address in it, and is charged for it. */
const reading = (life: Life): AnyEnvelope[] =>
  call(
    life,
    toolCallRequested({
      target: { kind: 'tool', server: 'crm', name: 'contacts.read' },
      tool: { id: 'crm/contacts.read', definitionDigest: DIGEST, version: '1', riskTier: 'read' },
      paramsMasked: { customer: 'Zephyrine Ltd' },
      labels: [],
    }),
    policyDecided({ policyIds: ['read-by-scope'], durationMicros: 400 }),
    anEvent('BudgetReserved', { ...MONEY, priceListVersion: '7' }),
    toolCallDispatched({ decisionId: `${life.callId}-decided`, server: 'crm', tokenId: `jti-${life.callId}` }),
    toolCallCompleted({ labels: ['pii.email'], outputMasked: { content: [{ type: 'text', text: 'quiet' }] } }),
    anEvent('BudgetSettled', MONEY),
  );

/** Is refused for carrying that label out. */
const refusing = (life: Life): AnyEnvelope[] =>
  call(
    life,
    toolCallRequested({ labels: ['pii.email'], paramsMasked: { path: '/sandbox/<script>alert(1)</script>' } }),
    policyDecided({ effect: 'deny', code: 'policy.denied', policyIds: ['no-personal-data-out'], reasons: ['no-personal-data-out'] }),
    toolCallRefused({ reasons: ['no-personal-data-out'] }),
  );

const control = (event: AnyEnvelope, chainId: string, atMs: number): AnyEnvelope => ({
  ...event,
  ...{ callId: null, chainId, key: chainId, subject: 'user:grace', actor: null, edgeId: null, occurredAt: instant(atMs) },
});

const tool = (id: string, override: Partial<ToolRecord> = {}): AnyEnvelope => {
  const [server = '', name = ''] = id.split('/');
  const data: ToolRecord = {
    ...{ id, tenantId: 'acme', server, name, owner: 'team', dataDomain: null, riskTier: 'read', version: '1', lifecycle: 'active' },
    ...{ lastReviewed: null, supportContact: null, costMicros: 1, currency: 'USD', scopes: [], tags: [], pinnedDigest: DIGEST },
    ...{ definition: {}, driftedDigest: null, missing: [], epoch: 1, ...override },
  };
  return anEvent('ToolInCatalog', data, {
    callId: null,
    chainId: null,
    subject: null,
    actor: null,
    edgeId: null,
    key: `acme/${id}`,
    id: `t-${id}`,
  });
};

const until = async (sql: string): Promise<void> => {
  for (;;) {
    const [row] = await harness.tamper<{ ok: boolean }>(`SELECT (${sql}) AS ok`);
    if (row?.ok === true) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

beforeAll(async () => {
  postgres = await startTestPostgres();
  harness = await openRecordHarness(postgres, {
    authenticate: async (authorization) => {
      if (authorization === undefined) throw new AppError('identity.token-missing', 'no token');
      const [tenantId = '', ...scope] = authorization.slice('Bearer '.length).split(' ');
      return aPrincipal(tenantId, scope.length === 0 ? undefined : scope);
    },
    traceUrlTemplate: 'https://tracing.example/trace/{traceId}',
    tailsPerTenant: 2,
  });
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
  await harness.append(
    ...reading({ callId: 'read-1', atMs: 0 }),
    ...refusing({ callId: 'refused-1', atMs: 100 }),
    ...reading({ callId: 'read-2', atMs: 200 }),
    ...reading({ callId: 'foreign-1', atMs: 300, tenantId: 'globex' }),
    control(anEvent('ChainPoisoned', { service: 'approval', deadLetterId: 'd1', reason: 'unreadable', epoch: 1 }), 'chain-a', 400),
    ...aWaitingCall(1, 'waiting').map((event) => ({ ...event, occurredAt: instant(500) })),
    tool('crm/contacts.read'),
    tool('fs/write_file', { owner: null }),
    tool('old/gone', { owner: null, lifecycle: 'retired' }),
  );
  await until(`(SELECT count(*) FROM audit_event) = 28 AND (SELECT count(*) FROM catalog_tool) = 3`);
  await app.get(CheckpointWriter).write();
});
afterAll(async () => {
  await app.close();
  await harness.close();
  await postgres.stop();
});

const get = async (path: string, token = 'acme'): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${address}/v1/audit${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: JSON.parse(await response.text()) };
};
const found = async (query: string, token = 'acme'): Promise<string[]> =>
  ((await get(`/calls?${query}`, token)).body as CallPage).calls.map(({ callId }) => callId);

describe('free text', () => {
  test('finds calls by codes, rules, targets, arguments, people and tokens, whole or by their beginning, all words together', async () => {
    for (const [text, expected] of [
      ['policy.denied', ['refused-1']],
      ['no-personal', ['refused-1']],
      ['zephyr', ['read-2', 'read-1']],
      ['crm/contacts.read', ['read-2', 'read-1']],
      ['jti-read-2', ['read-2']],
      ['ada sandbox script', ['refused-1']],
      ['zephyrine denied', []],
      ['quiet', []],
      ['sealed', []],
    ] as const) {
      expect(await found(`text=${encodeURIComponent(text)}`), text).toEqual(expected);
    }
  });

  test('goes with every other filter, and with pages that neither skip nor repeat', async () => {
    expect(await found('text=ada&outcome=refused')).toEqual(['refused-1']);
    expect(await found('text=ada&decision=deny')).toEqual(['refused-1']);
    expect(await found('outcome=refused')).toEqual(['refused-1']);
    expect(await found('chainId=chain-a&text=contacts')).toEqual(['read-2', 'read-1']);
    const first = (await get('/calls?text=ada&limit=2')).body as CallPage;
    const second = (await get(`/calls?text=ada&limit=200&cursor=${first.nextCursor}`)).body as CallPage;
    expect([...first.calls, ...second.calls].map(({ callId }) => callId)).toEqual(await found('text=ada&limit=200'));
  });

  test('finds nothing of another tenant, whatever the search is made of', async () => {
    expect(await found('text=zephyrine', 'globex')).toEqual(['foreign-1']);
    for (const text of ['=globex', "globex' | '*", '*', "'*'", 'foreign-1']) {
      const { body } = await get(`/calls?text=${encodeURIComponent(text)}`);
      expect(JSON.stringify(body), text).not.toContain('foreign-1"');
    }
    expect(await get('/calls?text=%E2%80%A6')).toMatchObject({ status: 400, body: { detail: { paths: ['text'] } } });
    expect(await get(`/calls?text=${'a'.repeat(201)}`)).toMatchObject({ status: 400 });
  });

  test('shows no words at all to whoever has not said what to search for, even past the API', async () => {
    const counted = await harness.database.transaction(async (tx) => {
      await tx.query(`SELECT set_config('sallyport.tenant', 'acme', true)`);
      return tx.query<{ n: string }>('SELECT count(*) AS n FROM call_words');
    });
    expect(counted.rows).toEqual([{ n: '0' }]);
  });
});

describe('a call', () => {
  test('is told with its time, decisions, money, tries, content and trace', async () => {
    const detail = CallDetail.parse((await get('/calls/read-1')).body);
    expect(detail.spans.map(({ stage }) => stage)).toEqual(
      expect.arrayContaining(['queue', 'decide', 'hold', 'dispatch', 'upstream', 'book']),
    );
    expect(detail).toMatchObject({
      decisions: [{ effect: 'allow', policyIds: ['read-by-scope'], durationMicros: 400 }],
      money: [
        { kind: 'reserved', priceListVersion: '7', amounts: [{ account: 'user:ada', amountMicros: 1_500 }] },
        { kind: 'settled', currency: 'USD' },
      ],
      dispatches: [{ server: 'crm', attempt: 1, tokenId: 'jti-read-1' }],
      argumentsMasked: { customer: 'Zephyrine Ltd' },
      outputMasked: { content: [{ text: 'quiet' }] },
      paramsHash: requestFacts().paramsHash,
      traceUrl: 'https://tracing.example/trace/4bf92f3577b34da6a3ce929d0e0e4736',
    });
  });
});

const crypto: ProofCrypto = {
  sha256: async (text) => Buffer.from(await webcrypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString('hex'),
  verifyEd25519: async (x, signature, data) => {
    const key = await webcrypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519', false, ['verify']);
    return webcrypto.subtle.verify('Ed25519', key, signature, data);
  },
};

describe('a proof', () => {
  const verify = async (callId: string): Promise<CallVerification> => {
    const detail = CallDetail.parse((await get(`/calls/${callId}`)).body);
    const proof = CallProof.parse((await get(`/calls/${callId}/proof`)).body);
    const keys = JsonWebKeys.parse((await get('/keys')).body);
    return verifyCallProof({ callId, events: detail.events }, proof, keys, crypto);
  };

  test('shows anybody with WebCrypto and the public key that a call stands in the signed record', async () => {
    expect(await verify('read-1')).toMatchObject({ ok: true, events: 6, intact: 6, signed: 6, unsigned: 0, tooFar: 0, faults: [] });
  });

  test('has nothing sealed in it, nothing of another tenant, and is not for another tenant', async () => {
    const text = JSON.stringify((await get('/calls/read-1/proof')).body);
    expect(text).toContain('sealedParams\\":\\"sha256:');
    expect(text).not.toContain('sealedParams\\":\\"sealed');
    expect(text).not.toContain('globex');
    expect(await get('/calls/foreign-1/proof')).toMatchObject({ status: 404 });
    expect(await get('/calls/read-1/proof', 'acme tools:read')).toMatchObject({ status: 403 });
  });

  test('says of what no checkpoint covers yet that it is not signed', async () => {
    await harness.append(...reading({ callId: 'late-1', atMs: 2_000 }));
    await until(`(SELECT count(*) FROM audit_event) = 34`);
    expect(await verify('late-1')).toMatchObject({ ok: true, intact: 6, signed: 0, unsigned: 6 });
    await app.get(CheckpointWriter).write();
    expect(await verify('late-1')).toMatchObject({ ok: true, signed: 6, unsigned: 0 });
    expect(await verify('read-1')).toMatchObject({ ok: true, signed: 6 });
  });

  test('fails for a record that a superuser edited, also when the hashes were made anew', async () => {
    const where = `WHERE event_id = 'read-2-0'`;
    await harness.tamper(`UPDATE audit_event SET value = replace(value, 'Zephyrine', 'Zaphyrine') ${where}`);
    expect((await verify('read-2')).faults).toMatchObject([{ kind: 'edited', eventId: 'read-2-0' }]);
    await harness.tamper(`UPDATE audit_event SET digest = '${'0'.repeat(64)}' ${where}`);
    expect(await verify('read-2')).toMatchObject({ ok: false });
    // A neighbour's proof goes through it, too.
    expect((await verify('read-1')).faults).toMatchObject([{ kind: 'rewritten' }]);
    await harness.tamper(`UPDATE audit_event SET value = replace(value, 'Zaphyrine', 'Zephyrine') ${where}`);
  });
});

describe('a chain', () => {
  test('is told in the order of its calls, with the labels that went from one to the next', async () => {
    const chain = ChainPage.parse((await get('/chains/chain-a')).body);
    expect(chain.calls.map(({ record, labelsIn, labelsOut }) => [record.callId, labelsIn, labelsOut])).toEqual([
      ['read-1', [], ['pii.email']],
      ['refused-1', [{ label: 'pii.email', fromCallId: 'read-1', fromAt: expect.any(String) }], []],
      ['read-2', [], ['pii.email']],
      ['late-1', [], ['pii.email']],
    ]);
    const page = ChainPage.parse((await get('/chains/chain-a?limit=1')).body);
    expect(ChainPage.parse((await get(`/chains/chain-a?limit=1&cursor=${page.nextCursor}`)).body).calls[0]).toMatchObject({
      ...{ record: { callId: 'refused-1' }, labelsIn: [{ fromCallId: 'read-1' }] },
    });
  });

  test('says that it is poisoned until it is cleared', async () => {
    expect((await get('/chains/chain-a')).body).toMatchObject({
      poisoned: true,
      turns: [{ kind: 'poisoned', by: 'approval', why: 'unreadable' }],
    });
    await harness.append(control(anEvent('ChainCleared', { clearedBy: 'user:grace', why: 'looked', epoch: 2 }), 'chain-a', 30_400));
    await until(`EXISTS (SELECT FROM audit_event WHERE event_type = 'ChainCleared')`);
    expect((await get('/chains/chain-a')).body).toMatchObject({
      poisoned: false,
      turns: [{}, { kind: 'cleared', by: 'user:grace', why: 'looked' }],
    });
  });

  test('is nobody else’s', async () => {
    expect(ChainPage.parse((await get('/chains/chain-a', 'globex')).body).calls.map(({ record }) => record.callId)).toEqual(['foreign-1']);
    expect(await get('/chains/chain-b')).toMatchObject({ status: 404 });
  });
});

describe('the overview', () => {
  const overview = async (token = 'acme'): Promise<Overview> => Overview.parse((await get('/overview?window=15m', token)).body);

  test('counts calls, refusals, time, money, what waits, and the four numbers of governance', async () => {
    const shown = await overview();
    expect(shown).toMatchObject({
      ...{ window: '15m', bucketSeconds: 60, completed: 3, refused: 1, failed: 0, waiting: 1, inDoubt: 0 },
      refusals: [{ code: 'policy.denied', calls: 1 }],
      spend: [{ currency: 'USD', amountMicros: 4_500 }],
      governance: {
        servers: { total: 2, withOwnerAndTier: 1, without: ['fs'] },
        explicit: { decided: 5, byRule: 5 },
        exceptions: { approved: 0, chainsCleared: 1, unmasked: 0, settledByHand: 0 },
        investigations: { closed: 1, medianSeconds: 30, open: 0, oldestOpenAt: null },
      },
    });
    expect(shown.buckets).toHaveLength(15);
    expect(shown.buckets.reduce((sum, { calls }) => sum + calls, 0)).toBe(shown.calls);
    expect(shown.latency?.p50Micros).toBeGreaterThan(6_000);
  });

  test('is each tenant’s own', async () => {
    expect(await overview('globex')).toMatchObject({ calls: 1, refused: 0, waiting: 0, governance: { servers: { total: 0 } } });
  });

  test('and the searches are the same after everything derived was thrown away and derived again', async () => {
    const tables = ['call_words', 'call_minute', 'chain_label', 'call_record'];
    const stored = async () =>
      Promise.all(
        tables.map(async (table) =>
          (await harness.tamper(`SELECT to_jsonb(t) - 'version' AS row FROM ${table} t WHERE to_jsonb(t) ->> 'value' IS DISTINCT FROM '0'`))
            .map(({ row }) => JSON.stringify(row))
            .sort(),
        ),
      );
    const before = await stored();
    const tenants = (await harness.tamper<{ tenant_id: string }>('SELECT DISTINCT tenant_id FROM call_record')).map(
      ({ tenant_id }) => tenant_id,
    );
    for (const thrownAway of [[], tables, ['call_words', 'call_minute', 'chain_label']]) {
      for (const table of thrownAway) await harness.tamper(`DELETE FROM ${table}`);
      for (const tenantId of tenants) await harness.rebuild(tenantId);
      expect(await stored(), thrownAway.join()).toEqual(before);
    }
  });
});

const openTail = (query: string, token: string, { signal }: AbortController): Promise<Response> =>
  fetch(`${address}/v1/audit/tail${query}`, { headers: { authorization: `Bearer ${token}` }, signal });

/** Opens a stream as soon as one that was closed is seen to be. */
const openTailWhenFree = async (query: string, stop: AbortController): Promise<Response> => {
  for (;;) {
    const response = await openTail(query, 'acme', stop);
    if (response.status === 200) return response;
    await response.text();
  }
};

test('a tenant follows the record with as many streams as it may, and with another one when one was closed', async () => {
  const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()];
  expect((await openTail('', 'acme', one)).status).toBe(200);
  expect((await openTail('', 'acme', two)).status).toBe(200);
  const refused = await openTail('', 'acme', three);
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ code: 'request.too-many-streams' });
  expect((await openTail('', 'globex', three)).status).toBe(200);
  one.abort();
  await openTailWhenFree('', three);
  two.abort();
  three.abort();
});

test('a stream passes on what a search finds, and nothing else', async () => {
  const stop = new AbortController();
  const { body } = await openTailWhenFree('?text=zephyr', stop);
  if (body === null) throw new TypeError('no body');
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const read = async (): Promise<void> => {
    const { value, done } = await reader.read();
    if (done) throw new TypeError('the stream ended');
    text += value;
  };
  await read();
  await harness.append(...anAllowedCall(7), ...reading({ callId: 'live-1', atMs: 40_000 }));
  while (!text.includes('live-1')) await read();
  expect(text).not.toContain('call-acme-00007');
  stop.abort();
});
