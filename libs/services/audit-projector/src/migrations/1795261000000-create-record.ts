import { revokeFromService } from '@sallyport/platform';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const SERVICE = 'audit_projector';

/** Tables whose rows belong to tenants. */
const TENANT_TABLES = ['audit_event', 'call_record', 'ended_call', 'awaiting_call'];
/** What is evidence: the role the service runs as may add to it and read it, nothing else. */
const INSERT_ONLY_TABLES = ['audit_event', 'checkpoint'];

/** The event chain with its heads and checkpoints, and the read models derived from it. */
export class CreateRecord1795261000000 implements MigrationInterface {
  readonly name = 'CreateRecord1795261000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE audit_event (
      topic text NOT NULL, partition integer NOT NULL, position bigint NOT NULL, entry bigint NOT NULL,
      event_id text NOT NULL, event_type text NOT NULL, tenant_id text NOT NULL, call_id text, occurred_at timestamptz,
      key text NOT NULL, headers text NOT NULL, value text NOT NULL,
      previous_hash text NOT NULL, previous_event_id text, hash text NOT NULL,
      PRIMARY KEY (topic, partition, position))`);
    await runner.query('CREATE INDEX audit_event_of_call ON audit_event (tenant_id, call_id) WHERE call_id IS NOT NULL');
    await runner.query(
      `CREATE INDEX audit_event_rejections ON audit_event (tenant_id, occurred_at DESC, event_id DESC) WHERE event_type = 'RequestRejected'`,
    );
    await runner.query(`CREATE TABLE chain_head (
      topic text NOT NULL, partition integer NOT NULL, size bigint NOT NULL, position bigint NOT NULL,
      hash text NOT NULL, event_id text NOT NULL,
      PRIMARY KEY (topic, partition)) WITH (fillfactor = 40)`);
    await runner.query(`CREATE TABLE checkpoint (
      sequence bigint PRIMARY KEY, at timestamptz NOT NULL, digest text NOT NULL, signed text NOT NULL)`);
    await runner.query(`CREATE TABLE call_record (
      tenant_id text NOT NULL, call_id text NOT NULL, version integer NOT NULL, state json NOT NULL,
      started_at timestamptz, ended_at timestamptz, subject text, agent text, target text, decision text NOT NULL, outcome text NOT NULL,
      trace_id text,
      PRIMARY KEY (tenant_id, call_id)) WITH (fillfactor = 80)`);
    for (const [name, column] of [
      ['time', ''],
      ['subject', 'subject, '],
      ['agent', 'agent, '],
      ['target', 'target, '],
      ['trace', 'trace_id, '],
    ]) {
      await runner.query(
        `CREATE INDEX call_record_by_${name} ON call_record (tenant_id, ${column}started_at DESC, call_id DESC) WHERE started_at IS NOT NULL`,
      );
    }
    await runner.query(`CREATE TABLE ended_call (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id text NOT NULL, call_id text NOT NULL, end_event_id text NOT NULL,
      UNIQUE (tenant_id, call_id, end_event_id))`);
    await runner.query('CREATE INDEX ended_call_of_tenant ON ended_call (tenant_id, number)');
    await runner.query(`CREATE TABLE awaiting_call (
      tenant_id text NOT NULL, call_id text NOT NULL, since timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, call_id))`);
    for (const table of TENANT_TABLES) {
      await runner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      // An owner is exempt otherwise, and where nothing was provisioned one role owns and runs everything.
      await runner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      await runner.query(`CREATE POLICY tenant ON ${table}
        USING (tenant_id = current_setting('sallyport.tenant', true) OR current_setting('sallyport.tenant', true) = '*')`);
    }
    for (const table of INSERT_ONLY_TABLES) {
      await revokeFromService(runner, SERVICE, `UPDATE, DELETE, TRUNCATE ON ${table}`);
      await runner.query(`REVOKE UPDATE, DELETE, TRUNCATE ON ${table} FROM CURRENT_USER`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['awaiting_call', 'ended_call', 'call_record', 'checkpoint', 'chain_head', 'audit_event']) {
      await runner.query(`DROP TABLE ${table}`);
    }
  }
}
