import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sessions, codes, grants, tokens and registered clients: found by a digest of their id, sealed, and gone when their time is over. */
export class CreateArtifacts1796000000000 implements MigrationInterface {
  readonly name = 'CreateArtifacts1796000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE artifact (
        model text NOT NULL,
        id_digest text NOT NULL,
        sealed_payload text NOT NULL,
        grant_digest text,
        user_code_digest text,
        uid_digest text,
        is_consumed boolean NOT NULL DEFAULT false,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (model, id_digest))`);
    await runner.query('CREATE INDEX artifact_grant ON artifact (grant_digest) WHERE grant_digest IS NOT NULL');
    await runner.query('CREATE INDEX artifact_user_code ON artifact (user_code_digest) WHERE user_code_digest IS NOT NULL');
    await runner.query('CREATE INDEX artifact_uid ON artifact (uid_digest) WHERE uid_digest IS NOT NULL');
    await runner.query('CREATE INDEX artifact_expiry ON artifact (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE artifact');
  }
}
