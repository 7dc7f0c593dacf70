import type { MigrationInterface, QueryRunner } from 'typeorm';

const TENANT_TABLES = ['approval_request', 'approval_call', 'approval_rule'];

/** Requests with their state, the calls that wait for them, and the rules they were asked under. */
export class CreateApprovals1795263000000 implements MigrationInterface {
  readonly name = 'CreateApprovals1795263000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE approval_request (
      tenant_id text NOT NULL, approval_id uuid NOT NULL, version integer NOT NULL, status text NOT NULL, state json NOT NULL,
      asked json NOT NULL, sealed_params text, binding_key text NOT NULL, history_key text NOT NULL,
      asked_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, approval_id)) WITH (fillfactor = 80)`);
    await runner.query(
      `CREATE INDEX approval_request_live ON approval_request (tenant_id, binding_key) WHERE status IN ('pending', 'granted')`,
    );
    await runner.query(
      `CREATE UNIQUE INDEX approval_request_asked_once ON approval_request (tenant_id, binding_key) WHERE status = 'pending'`,
    );
    await runner.query(`CREATE INDEX approval_request_due ON approval_request (expires_at) WHERE status = 'pending'`);
    await runner.query('CREATE INDEX approval_request_by_status ON approval_request (tenant_id, status, approval_id DESC)');
    await runner.query('CREATE INDEX approval_request_alike ON approval_request (tenant_id, history_key)');
    await runner.query(`CREATE TABLE approval_call (
      tenant_id text NOT NULL, parked_event_id text NOT NULL, call_id text NOT NULL, approval_id uuid NOT NULL, envelope json NOT NULL,
      PRIMARY KEY (tenant_id, parked_event_id))`);
    await runner.query('CREATE INDEX approval_call_of_call ON approval_call (tenant_id, call_id)');
    await runner.query('CREATE INDEX approval_call_of_request ON approval_call (tenant_id, approval_id)');
    await runner.query(`CREATE TABLE approval_rule (
      tenant_id text NOT NULL, rule_id text NOT NULL, body json NOT NULL,
      PRIMARY KEY (tenant_id, rule_id))`);
    for (const table of TENANT_TABLES) {
      await runner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      // An owner is exempt otherwise, and where nothing was provisioned one role owns and runs everything.
      await runner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      await runner.query(`CREATE POLICY tenant ON ${table}
        USING (tenant_id = current_setting('sallyport.tenant', true) OR current_setting('sallyport.tenant', true) = '*')`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TENANT_TABLES.toReversed()) await runner.query(`DROP TABLE ${table}`);
  }
}
