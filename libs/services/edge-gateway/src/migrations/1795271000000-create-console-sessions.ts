import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who is logged in to the console. Of the secret that a browser has there is a digest alone, and tokens of the provider are sealed. */
export class CreateConsoleSessions1795271000000 implements MigrationInterface {
  readonly name = 'CreateConsoleSessions1795271000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE console_sessions (
        session_id text PRIMARY KEY,
        secret_digest text NOT NULL UNIQUE,
        login_digest text NOT NULL UNIQUE,
        tenant_id text NOT NULL,
        subject text NOT NULL,
        name text NOT NULL,
        login_issuer text NOT NULL,
        login_source text NOT NULL,
        roles text[] NOT NULL,
        id_token_sealed text NOT NULL,
        browser text NOT NULL,
        opened_at timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz
      )`);
    await runner.query(`
      CREATE INDEX console_sessions_open ON console_sessions (tenant_id, opened_at DESC, session_id DESC) WHERE ended_at IS NULL`);
    await runner.query('CREATE INDEX console_sessions_expiry ON console_sessions (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE console_sessions');
  }
}
