import type { Cluster } from '@sallyport/testing';

/** How many calls a page must stay quick with. */
export const MANY_CALLS = 100_000;

/**
 * Puts many calls on the read model: each a call that was made, half a second after the one before and with an id of its own, in every column that
 * pages and searches look at. One in a thousand is of the agent `rare`. Returns how to take them away again.
 */
export const addManyCalls = async (cluster: Cluster, callId: string, count = MANY_CALLS): Promise<() => Promise<void>> => {
  const ids = `'many-' || lpad(n::text, 6, '0')`;
  const at = `c.started_at - n * interval '500 milliseconds'`;
  const iso = `to_char((${at}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const agent = `CASE WHEN n % 1000 = 0 THEN 'agent:rare' ELSE c.agent END`;
  await cluster.admin(
    `INSERT INTO audit_projector.call_record
       (tenant_id, call_id, version, state, started_at, ended_at, subject, agent, target, decision, outcome, trace_id, chain_id)
     SELECT c.tenant_id, ${ids}, c.version,
       replace(replace(replace(c.state::text, c.call_id, ${ids}), c.state -> 'request' ->> 'at', ${iso}), c.agent, ${agent})::json,
       ${at}, ${at} + (c.ended_at - c.started_at), c.subject, ${agent}, c.target, c.decision, c.outcome, c.trace_id, c.chain_id
     FROM audit_projector.call_record c, generate_series(1, $2::int) n WHERE c.call_id = $1`,
    [callId, count],
  );
  await cluster.admin(
    `INSERT INTO audit_projector.call_words (tenant_id, call_id, started_at, words)
     SELECT c.tenant_id, ${ids}, ${at}, CASE WHEN n % 1000 = 0 THEN w.words || 'rare'::tsvector ELSE w.words END
     FROM audit_projector.call_record c JOIN audit_projector.call_words w USING (tenant_id, call_id), generate_series(1, $2::int) n
     WHERE c.call_id = $1`,
    [callId, count],
  );
  await cluster.admin('ANALYZE audit_projector.call_record, audit_projector.call_words');
  return async () => {
    for (const table of ['call_record', 'call_words'])
      await cluster.admin(`DELETE FROM audit_projector.${table} WHERE call_id LIKE 'many-%'`);
  };
};
