import {
  type AnyEnvelope,
  decodeEvent,
  type EncodedEvent,
  type EventData,
  type EventType,
  encodeEvent,
  type RequestFacts,
} from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import { createLogger, type Database, openDatabase, quietTelemetry, systemClock, systemIdSource } from '@sallyport/platform';
import { anEvent, requestFacts, type TestPostgres } from '@sallyport/testing';
import { PostgresDispatchClaims } from '../invoke/postgres-dispatch-claims.adapter.js';
import { EDGE_GATEWAY_MIGRATIONS } from '../migrations/index.js';
import { CALL_TOPIC, RECOVERY_GROUP, RecoverLostCalls } from '../recovery/recover-lost-calls.js';
import { Recovery, type RecoveryDependencies } from '../recovery/recovery.js';

/** A run of a gateway that tells what a test lets it tell. */
export interface ToldRun {
  readonly edgeId: string;
  readonly bootId: string;
}

/** Gateways that recover, on a log and a PostgreSQL of their own, and runs that are lost by decree. */
export interface RecoveryHarness {
  readonly database: Database;
  readonly log: EventLog;
  readonly claims: PostgresDispatchClaims;
  readonly recovery: Recovery;
  /** A sweeper as another replica has one. */
  sweeper(): RecoverLostCalls;
  /** A run that lives until it is lost. */
  run(edgeId?: string): Promise<ToldRun>;
  /** Its last sign of life was so long ago. */
  silence(run: ToldRun, seconds: number): Promise<void>;
  /** Makes the event of a run. */
  eventOf<T extends EventType>(run: ToldRun, callId: string, type: T, data: EventData<T>, over?: Partial<AnyEnvelope>): AnyEnvelope;
  requested(run: ToldRun, callId: string, facts?: Partial<RequestFacts>): AnyEnvelope;
  dispatched(run: ToldRun, callId: string, over?: Partial<EventData<'ToolCallDispatched'>>): AnyEnvelope;
  /** Nothing was sent of what was dispatched, and the decision is asked for anew. */
  askedAnew(run: ToldRun, callId: string): AnyEnvelope;
  parked(run: ToldRun, callId: string, expiresAt: string, facts?: Partial<RequestFacts>): AnyEnvelope;
  completed(run: ToldRun, callId: string): AnyEnvelope;
  /** Appends, and waits until it is followed. */
  say(...events: readonly AnyEnvelope[]): Promise<void>;
  append(records: readonly EncodedEvent[]): Promise<void>;
  /** Resolves when everything on the log is followed. */
  followed(): Promise<void>;
  /** The list of open calls, by id: the stage of each. */
  open(): Promise<Readonly<Record<string, string>>>;
  /** Everything on the log of a call, ids that came twice once. */
  toldOf(callId: string): Promise<readonly AnyEnvelope[]>;
  close(): Promise<void>;
}

const DIGEST = `sha256:${'a'.repeat(64)}`;
const HASH = 'h'.repeat(43);
const WAIT_MS = 30_000;

export const openRecoveryHarness = async (
  postgres: TestPostgres,
  openLog: (url: string) => Promise<EventLog>,
): Promise<RecoveryHarness> => {
  const { url } = await postgres.createDatabase();
  const log = await openLog(url);
  const database = await openDatabase({
    url,
    schema: 'edge_gateway',
    applicationName: 'recovery-test',
    migrations: EDGE_GATEWAY_MIGRATIONS,
  });
  const dependencies: RecoveryDependencies = {
    ...{ database, log, clock: systemClock, telemetry: quietTelemetry() },
    source: '/edge-gateway/edge-alive/boot-alive',
    logger: createLogger('edge-gateway', { level: 'silent' }),
  };
  const recovery = new Recovery(dependencies);
  // Sweeps are the tests' own.
  await recovery.follow();
  const told: AnyEnvelope[] = [];
  const ear = await log.subscribe({
    group: 'audit-projector.ear',
    topics: [CALL_TOPIC],
    from: 'earliest',
    positions: 'ephemeral',
    handle: async ({ records }) => {
      for (const record of records) if (!told.some(({ id }) => id === record.id)) told.push(decodeEvent(record));
    },
  });
  await ear.ready;

  const until = async (isDone: () => Promise<boolean>, what: string): Promise<void> => {
    const deadline = performance.now() + WAIT_MS;
    while (!(await isDone())) {
      if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const followed = async (): Promise<void> => {
    const ends = await log.ends(CALL_TOPIC);
    await until(async () => {
      const { rows } = await database.query<{ partition: number; position: string }>(
        'SELECT partition, position FROM consumer_position WHERE group_name = $1',
        [RECOVERY_GROUP],
      );
      const at = new Map(rows.map(({ partition, position }) => [partition, BigInt(position)]));
      return [...ends].every(([partition, end]) => (at.get(partition) ?? 0n) >= end);
    }, 'the group follows the log');
  };
  const eventOf: RecoveryHarness['eventOf'] = ({ edgeId, bootId }, callId, type, data, over = {}) =>
    anEvent(type, data, {
      ...{ id: systemIdSource.uuidv7(), source: `/edge-gateway/${edgeId}/${bootId}`, edgeId, callId },
      ...{ key: `chain-${callId}`, chainId: `chain-${callId}`, occurredAt: new Date().toISOString() },
      ...over,
    });
  const append = (records: readonly EncodedEvent[]): Promise<void> => log.append(records);

  return {
    database,
    log,
    claims: new PostgresDispatchClaims(database),
    recovery,
    sweeper: () => new RecoverLostCalls(dependencies),
    run: async (edgeId = `edge-${systemIdSource.uuidv7()}`) => {
      const run = { edgeId, bootId: systemIdSource.uuidv7() };
      await database.query('INSERT INTO edge_instances (edge_id, boot_id) VALUES ($1, $2)', [run.edgeId, run.bootId]);
      return run;
    },
    silence: async ({ edgeId, bootId }, seconds) => {
      await database.query(
        `UPDATE edge_instances SET started_at = now() - interval '1 hour', seen_at = now() - make_interval(secs => $3)
          WHERE edge_id = $1 AND boot_id = $2`,
        [edgeId, bootId, seconds],
      );
    },
    eventOf,
    requested: (run, callId, facts = {}) =>
      eventOf(run, callId, 'ToolCallRequested', {
        ...{ ...requestFacts(facts), sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: 8_000 },
        requires: ['policy'],
      }),
    dispatched: (run, callId, over = {}) =>
      eventOf(run, callId, 'ToolCallDispatched', {
        ...{ server: 'fs', routeVersion: '1', attempt: 1, tokenId: 'jti-1', toolDigest: DIGEST, decisionId: 'd', dryRun: false },
        ...{ redactions: [], ...over },
      }),
    askedAnew: (run, callId) =>
      eventOf(run, callId, 'ToolCallReevaluationRequested', {
        ...{ evaluation: 2, reason: 'decision-too-old', sealedParams: 'sealed', paramsHash: HASH, labels: [], edgeId: run.edgeId },
        request: requestFacts(),
      }),
    parked: (run, callId, expiresAt, facts = {}) =>
      eventOf(run, callId, 'ToolCallParked', {
        ...{ approvalRuleIds: ['rule'], paramsHash: HASH, toolDigest: DIGEST, expiresAt, request: requestFacts(facts) },
      }),
    completed: (run, callId) =>
      eventOf(run, callId, 'ToolCallCompleted', {
        ...{ outcome: 'ok', upstreamCode: null, outputHash: HASH, outputMasked: null, outputBytes: 1, labels: [], redactions: [] },
        ...{ interim: { count: 0, digest: null }, upstreamMicros: 1, totalMicros: 2, reportedCostMicros: null },
      }),
    say: async (...events) => {
      await append(events.map((event) => encodeEvent(event)));
      await followed();
    },
    append,
    followed,
    open: async () => {
      const { rows } = await database.query<{ call_id: string; stage: string }>('SELECT call_id, stage FROM open_calls');
      return Object.fromEntries(rows.map(({ call_id, stage }) => [call_id, stage]));
    },
    toldOf: async (callId) => {
      // What is followed by the group is not heard by this ear yet, unless something behind it was.
      const marker = systemIdSource.uuidv7();
      const nobody = { edgeId: 'marker', bootId: 'marker' };
      await append([encodeEvent(eventOf(nobody, callId, 'RequestRejected', rejected, { id: marker, callId: null, chainId: null }))]);
      await until(async () => told.some(({ id }) => id === marker), 'the ear hears');
      return told.filter((event) => event.callId === callId);
    },
    close: async () => {
      await Promise.all([recovery.close(), ear.close()]);
      await log.close();
      await database.close();
    },
  };
};

const rejected: EventData<'RequestRejected'> = {
  ...{ code: 'request.not-found', sourceHash: HASH, edgeId: 'marker', count: 1, method: 'GET', route: '*', httpStatus: 404 },
  ...{ from: '2026-11-21T12:00:00.000Z', to: '2026-11-21T12:00:00.000Z' },
};
