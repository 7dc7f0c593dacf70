import type { MigrationInterface, QueryRunner } from 'typeorm';

const TENANT_TABLES = ['call_words', 'call_minute', 'chain_label', 'catalog_tool'];
/** What people answer for, and what waits for them. Rare, so that an index over these alone costs nothing. */
const TURNS = [
  'ChainPoisoned',
  'ChainCleared',
  'ToolCallInDoubt',
  'ToolCallResolved',
  'DefinitionDrifted',
  'DefinitionPinned',
  'ApprovalParamsUnmasked',
];

/**
 * Digests of records, by which a call's place in the record is proven without showing its neighbours; and read models for the console: words to
 * find calls by, counts by the minute, labels by chain, tools of the catalog. Entries recorded before have no
 * digest and verify by the hash of their time; calls of then are found and counted after a rebuild.
 */
export class SearchMeasureAndProveCalls1795270000000 implements MigrationInterface {
  readonly name = 'SearchMeasureAndProveCalls1795270000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT set_config('sallyport.tenant', '*', true)`);
    await runner.query(`ALTER TABLE audit_event ADD COLUMN digest text NOT NULL DEFAULT ''`);
    await runner.query('ALTER TABLE audit_event ALTER COLUMN digest DROP DEFAULT');
    await runner.query(
      `CREATE INDEX audit_event_turns ON audit_event (tenant_id, event_type, occurred_at)
       WHERE event_type IN (${TURNS.map((type) => `'${type}'`).join(', ')})`,
    );
    await runner.query(
      `CREATE INDEX audit_event_turns_of_chain ON audit_event (tenant_id, key, occurred_at)
       WHERE event_type IN ('ChainPoisoned', 'ChainCleared')`,
    );
    await runner.query('ALTER TABLE call_record ADD COLUMN chain_id text');
    await runner.query(`UPDATE call_record SET chain_id = state -> 'request' ->> 'chainId'`);
    await runner.query(
      `CREATE INDEX call_record_by_chain ON call_record (tenant_id, chain_id, started_at, call_id)
       WHERE started_at IS NOT NULL AND chain_id IS NOT NULL`,
    );
    await runner.query(`CREATE TABLE call_words (
      tenant_id text NOT NULL, call_id text NOT NULL, started_at timestamptz, words tsvector NOT NULL,
      PRIMARY KEY (tenant_id, call_id))`);
    await runner.query('CREATE INDEX call_words_by_time ON call_words (tenant_id, started_at DESC, call_id DESC)');
    await runner.query('CREATE INDEX call_words_by_word ON call_words USING gin (words)');
    await runner.query(`CREATE TABLE call_minute (
      tenant_id text NOT NULL, minute timestamptz NOT NULL, measure text NOT NULL, value bigint NOT NULL,
      PRIMARY KEY (tenant_id, minute, measure)) WITH (fillfactor = 60)`);
    await runner.query(`CREATE TABLE chain_label (
      tenant_id text NOT NULL, chain_id text NOT NULL, label text NOT NULL, call_id text NOT NULL, found_at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, chain_id, label))`);
    await runner.query(`CREATE TABLE catalog_tool (
      tenant_id text NOT NULL, tool text NOT NULL, server text NOT NULL, owner text, risk_tier text, lifecycle text, epoch bigint NOT NULL,
      PRIMARY KEY (tenant_id, tool))`);
    for (const table of TENANT_TABLES) {
      await runner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      await runner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      await runner.query(`CREATE POLICY tenant ON ${table}
        USING (tenant_id = current_setting('sallyport.tenant', true) OR current_setting('sallyport.tenant', true) = '*')`);
    }
    // Under row-level security a condition of a statement waits for the policies unless its operator is leakproof, which no text search is, and
    // so uses no index. A condition of a policy does not wait. What is not searched for is not seen, which fails closed.
    await runner.query(`CREATE POLICY searched ON call_words AS RESTRICTIVE FOR SELECT
      USING (words @@ current_setting('sallyport.words', true)::tsquery)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TENANT_TABLES.toReversed()) await runner.query(`DROP TABLE ${table}`);
    await runner.query('DROP INDEX call_record_by_chain');
    await runner.query('ALTER TABLE call_record DROP COLUMN chain_id');
    await runner.query('DROP INDEX audit_event_turns_of_chain');
    await runner.query('DROP INDEX audit_event_turns');
    await runner.query('ALTER TABLE audit_event DROP COLUMN digest');
  }
}
