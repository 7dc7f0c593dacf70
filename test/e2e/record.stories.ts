import type { AuditFault } from '@sallyport/contracts';
import { type Cluster, until } from '@sallyport/testing';
import { expect, test } from 'vitest';

/** Where the audit projector keeps its chains: evidence that its own role cannot change, and a superuser can. */
const EVENTS = 'audit_projector.audit_event';
const HEADS = 'audit_projector.chain_head';

interface Kept extends Record<string, unknown> {
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly event_id: string;
}

/** The chain of events holds over everything the stories did; what is done to it is found and named. Runs last: it tampers with the record. */
export const record = (cluster: () => Cluster): void => {
  /** Does something to the longest chain as a superuser, hands over what verify says, and undoes it. */
  const tampered = async (change: (rows: readonly Kept[]) => Promise<void>): Promise<readonly AuditFault[]> => {
    const sql = cluster().admin;
    await sql(`CREATE TABLE public.kept_events AS TABLE ${EVENTS}`);
    await sql(`CREATE TABLE public.kept_heads AS TABLE ${HEADS}`);
    try {
      await change(await longestChain());
      const { ok, faults } = await cluster().record.verify();
      expect(ok).toBe(false);
      return faults;
    } finally {
      // Only what was there before: events that arrived meanwhile stand on the heads they found.
      await sql(`BEGIN;
        DELETE FROM ${EVENTS} AS e USING public.kept_events AS k
          WHERE (e.topic, e.partition, e.position) = (k.topic, k.partition, k.position);
        INSERT INTO ${EVENTS} SELECT * FROM public.kept_events; DROP TABLE public.kept_events;
        UPDATE ${HEADS} AS h SET size = k.size, position = k.position, hash = k.hash, event_id = k.event_id
          FROM public.kept_heads AS k WHERE h.topic = k.topic AND h.partition = k.partition AND h.size < k.size;
        DROP TABLE public.kept_heads;
        COMMIT`);
    }
  };
  const longestChain = async (): Promise<readonly Kept[]> => {
    const [longest] = await cluster().admin<{ topic: string; partition: number }>(
      `SELECT topic, partition FROM ${EVENTS} GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1`,
    );
    return await cluster().admin<Kept>(
      `SELECT topic, partition, position, event_id FROM ${EVENTS} WHERE topic = $1 AND partition = $2 ORDER BY position`,
      [longest?.topic, longest?.partition],
    );
  };
  const middle = (rows: readonly Kept[]): Kept => {
    const row = rows[Math.floor(rows.length / 2)];
    if (row === undefined) throw new Error('the longest chain is empty');
    return row;
  };
  const change = async (text: string, ...rows: readonly (Kept | undefined)[]): Promise<void> => {
    await cluster().admin(
      text,
      rows.flatMap((row) => [row?.topic, row?.partition, row?.position]),
    );
  };

  test('after all stories the chain of every partition holds, and signed checkpoints cover it', async () => {
    const verification = await until('a checkpoint covers what the stories did', async () => {
      const found = await cluster().record.verify();
      return found.checkpointsChecked > 0 && found.eventsAfterLastCheckpoint === 0 ? found : undefined;
    });
    expect(verification).toMatchObject({ ok: true, faults: [] });
    expect(verification.eventsChecked).toBeGreaterThan(50);
    expect(verification.chainsChecked).toBeGreaterThan(1);
  });

  test('an edited event is found and named', async () => {
    const at = middle(await longestChain());
    const faults = await tampered(() =>
      change(`UPDATE ${EVENTS} SET value = value || ' ' WHERE topic = $1 AND partition = $2 AND position = $3`, at),
    );
    expect(faults).toEqual([
      expect.objectContaining({
        kind: 'edited',
        topic: at.topic,
        partition: at.partition,
        position: String(at.position),
        eventId: at.event_id,
      }),
    ]);
  });

  test('a deleted event is found and named', async () => {
    const at = middle(await longestChain());
    const faults = await tampered(() => change(`DELETE FROM ${EVENTS} WHERE topic = $1 AND partition = $2 AND position = $3`, at));
    expect(faults).toEqual([expect.objectContaining({ kind: 'deleted', topic: at.topic, partition: at.partition, eventId: at.event_id })]);
  });

  test('two events that changed places are found and named', async () => {
    const rows = await longestChain();
    const at = middle(rows);
    const next = rows[rows.indexOf(at) + 1];
    const contents = 'event_id, event_type, tenant_id, call_id, occurred_at, key, headers, value';
    const faults = await tampered(() =>
      change(
        `UPDATE ${EVENTS} AS to_row SET (${contents}) = (SELECT ${contents} FROM public.kept_events AS from_row
           WHERE from_row.topic = $1 AND from_row.partition = $2 AND from_row.position IN ($3, $6) AND from_row.position <> to_row.position)
         WHERE topic = $4 AND partition = $5 AND position IN ($3, $6)`,
        at,
        next,
      ),
    );
    expect(faults).toEqual([
      expect.objectContaining({ kind: 'reordered', topic: at.topic, partition: at.partition, position: String(at.position) }),
    ]);
  });

  test('put back as it was, the record holds again', async () => {
    expect(await cluster().record.verify()).toMatchObject({ ok: true, faults: [] });
  });

  test('the role that the projector runs as can add to the record and change nothing in it', async () => {
    const [privileges] = await cluster().admin<{ insert: boolean; change: boolean }>(
      `SELECT bool_or(privilege_type = 'INSERT') AS insert, bool_or(privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')) AS change
         FROM information_schema.role_table_grants
        WHERE table_schema = 'audit_projector' AND table_name = 'audit_event' AND grantee LIKE '%audit_projector'`,
    );
    expect(privileges).toEqual({ insert: true, change: false });
  });

  // Last: a checkpoint that is signed meanwhile tells of the shorter record for good.
  test('an end that was cut off is found by the signed checkpoints, even where the head was set back', async () => {
    const rows = await longestChain();
    const last = rows.at(-1);
    const faults = await tampered(async () => {
      await change(`DELETE FROM ${EVENTS} WHERE topic = $1 AND partition = $2 AND position = $3`, last);
      await cluster().admin(
        `UPDATE ${HEADS} AS head SET size = end_row.entry, position = end_row.position, hash = end_row.hash, event_id = end_row.event_id
           FROM (SELECT * FROM ${EVENTS} WHERE topic = $1 AND partition = $2 ORDER BY position DESC LIMIT 1) AS end_row
          WHERE head.topic = $1 AND head.partition = $2`,
        [last?.topic, last?.partition],
      );
    });
    expect(faults).toEqual([expect.objectContaining({ kind: 'truncated', topic: last?.topic, partition: last?.partition })]);
  });
};
