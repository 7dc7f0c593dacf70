import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which runs of which gateways live, which calls have not ended, and what recovery has begun. */
export class CreateRecovery1795267000000 implements MigrationInterface {
  readonly name = 'CreateRecovery1795267000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE edge_instances (
        edge_id text NOT NULL,
        boot_id text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        seen_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz,
        PRIMARY KEY (edge_id, boot_id)
      )`);
    await runner.query(`
      CREATE TABLE open_calls (
        call_id text PRIMARY KEY,
        tenant_id text NOT NULL,
        chain_id text NOT NULL,
        edge_id text NOT NULL,
        boot_id text NOT NULL,
        stage text NOT NULL CHECK (stage IN ('requested', 'parked', 'dispatched', 'in-doubt')),
        opened_at timestamptz NOT NULL,
        method text,
        risk_tier text,
        target text,
        subject text,
        actor text,
        traceparent text NOT NULL,
        last_event_id text NOT NULL,
        attempt integer NOT NULL DEFAULT 1,
        is_dry_run boolean NOT NULL DEFAULT false,
        token_id text,
        may_come_back boolean NOT NULL DEFAULT false,
        waits_until timestamptz,
        dispatched_at timestamptz,
        in_doubt_at timestamptz,
        recovered_at timestamptz,
        resolved_at timestamptz,
        resolution jsonb
      )`);
    await runner.query(`CREATE INDEX open_calls_writer ON open_calls (edge_id, boot_id) WHERE stage <> 'in-doubt'`);
    await runner.query(`CREATE INDEX open_calls_waiting ON open_calls (waits_until) WHERE stage = 'parked'`);
    await runner.query(`CREATE INDEX open_calls_in_doubt ON open_calls (tenant_id, in_doubt_at, call_id) WHERE stage = 'in-doubt'`);
    await runner.query('CREATE INDEX open_calls_resolved ON open_calls (resolved_at) WHERE resolution IS NOT NULL');
    await runner.query('CREATE INDEX dispatch_claims_unkeyed ON dispatch_claims (settled_at) WHERE idempotency_scope IS NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX dispatch_claims_unkeyed');
    await runner.query('DROP TABLE open_calls');
    await runner.query('DROP TABLE edge_instances');
  }
}
