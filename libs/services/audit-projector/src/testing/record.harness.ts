import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnyEnvelope, encodeEvent, type Principal, type RebuiltCalls } from '@sallyport/contracts';
import { OutboxPublisher, openPostgresEventLog, postgresPositions, type Subscription, type TransactionalEventLog } from '@sallyport/log';
import { type Database, openDatabase, quietTelemetry, systemClock, systemIdSource } from '@sallyport/platform';
import {
  policyDecided,
  type TestDatabase,
  type TestPostgres,
  toolCallCompleted,
  toolCallDispatched,
  toolCallRequested,
} from '@sallyport/testing';
import { AUDIT_SCHEMA, auditMigrations } from '../audit-migrations.js';
import { AUDIT_GROUP, AUDIT_SCOPE, type AuditFaultReport, type AuditProjectorPorts } from '../audit-projector.ports.js';
import { rebuildCalls } from '../calls/rebuild-calls.js';
import { checkpointKeyFromFile } from '../checkpoints/checkpoint-key.js';
import { CheckpointWriter } from '../checkpoints/checkpoint-writer.js';
import { EventRecorder } from '../record/event-recorder.js';
import { RECORDED_TOPICS } from '../record/recorded-topics.js';

/** A record on a real PostgreSQL with the real log, in a database of its own. */
export interface RecordHarness {
  readonly ports: AuditProjectorPorts;
  readonly database: Database;
  readonly log: TransactionalEventLog;
  readonly recorder: EventRecorder;
  readonly checkpoints: CheckpointWriter;
  readonly faults: AuditFaultReport[];
  append(...events: readonly AnyEnvelope[]): Promise<void>;
  /** Consumes all that is on the log, then stops. */
  project(): Promise<void>;
  subscribe(): Promise<Subscription>;
  /** Derives every call of a tenant anew; returns how many there are. */
  rebuild(tenantId?: string): Promise<number>;
  /** Runs a statement as the superuser, whom nothing stops. */
  tamper<R extends Record<string, unknown>>(text: string): Promise<R[]>;
  close(): Promise<void>;
}

export const aPrincipal = (tenantId: string, scopes: readonly string[] = [AUDIT_SCOPE]): Principal => ({
  subject: 'user:grace',
  actors: [],
  tenantId,
  issuer: 'https://issuer.example',
  scopes: [...scopes],
  mode: 'interactive',
  clientId: null,
  environment: 'test',
  tokenSource: 'local',
  workflow: null,
});

export const openRecordHarness = async (postgres: TestPostgres, override: Partial<AuditProjectorPorts> = {}): Promise<RecordHarness> => {
  const testDatabase: TestDatabase = await postgres.createDatabase();
  const urls = await testDatabase.provision([{ service: 'log' }, { service: AUDIT_SCHEMA }]);
  const logUrls = urls.get('log');
  const auditUrls = urls.get(AUDIT_SCHEMA);
  if (logUrls === undefined || auditUrls === undefined) throw new TypeError('not provisioned');
  const log = await openPostgresEventLog({ ...logUrls, applicationName: 'test-log' });
  const database = await openDatabase({ ...auditUrls, schema: AUDIT_SCHEMA, applicationName: 'test-audit', migrations: auditMigrations() });
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-audit-'));
  const faults: AuditFaultReport[] = [];
  const ports: AuditProjectorPorts = {
    database,
    log,
    logInSameDatabase: true,
    authenticate: async (authorization) => aPrincipal(authorization?.slice('Bearer '.length) ?? ''),
    checkpointKey: await checkpointKeyFromFile(join(folder, 'checkpoint-key.json')),
    clock: systemClock,
    ids: systemIdSource,
    telemetry: quietTelemetry(AUDIT_GROUP),
    instance: 'test',
    onFault: (fault) => faults.push(fault),
    ...override,
  };
  const outbox = new OutboxPublisher(database, log, ports.logInSameDatabase);
  const recorder = new EventRecorder(ports, outbox);
  const subscribe = (): Promise<Subscription> =>
    log.subscribe({
      group: AUDIT_GROUP,
      topics: RECORDED_TOPICS,
      from: 'earliest',
      positions: postgresPositions(database),
      handle: (batch) => recorder.record(batch),
    });
  return {
    ports,
    database,
    log,
    recorder,
    checkpoints: new CheckpointWriter(ports, outbox),
    faults,
    append: (...events) => log.append(events.map(encodeEvent)),
    subscribe,
    project: async () => {
      const subscription = await subscribe();
      await subscription.caughtUp;
      await subscription.close();
    },
    rebuild: async (tenantId = 'acme') => {
      let calls = 0;
      for (let after: string | null = null; ; ) {
        const some: RebuiltCalls = await rebuildCalls(database, tenantId, after);
        calls += some.calls;
        after = some.next;
        if (after === null) return calls;
      }
    },
    tamper: (text) => postgres.admin(text, `${testDatabase.url}?options=-c%20search_path%3D${AUDIT_SCHEMA}`),
    close: async () => {
      await log.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** The four events of a call that was allowed and answered. */
export const anAllowedCall = (number: number, tenantId = 'acme', chainId = 'chain-1'): AnyEnvelope[] => {
  const callId = `call-${tenantId}-${String(number).padStart(5, '0')}`;
  const occurredAt = new Date(Date.UTC(2026, 10, 21, 12, 0, 0, number)).toISOString();
  const decisionId = `${callId}-decided`;
  return [toolCallRequested(), policyDecided(), toolCallDispatched({ decisionId }), toolCallCompleted()].map((event, index) => ({
    ...event,
    id: event.type === 'PolicyDecided' ? decisionId : `${callId}-${index}`,
    callId,
    chainId,
    key: chainId,
    tenantId,
    occurredAt,
  }));
};
