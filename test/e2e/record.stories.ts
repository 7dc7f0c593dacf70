import { type Cluster, until } from '@sallyport/testing';
import { expect, test } from 'vitest';

/** Where the audit projector keeps its chains. */
const EVENTS = 'audit_projector.events';

interface Kept extends Record<string, unknown> {
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
}

/** The chain of events holds over everything the stories did; what is done to it is found and named. Runs last: it breaks the record. */
export const record = (cluster: () => Cluster): void => {
  test('after all stories the chain of every partition holds, and signed checkpoints cover it', async () => {
    const verification = await until('a checkpoint covers what the stories did', async () => {
      const found = await cluster().record.verify();
      return found.checkpointsChecked > 0 && found.eventsAfterLastCheckpoint === 0 ? found : undefined;
    });
    expect(verification).toMatchObject({ ok: true, faults: [] });
    expect(verification.eventsChecked).toBeGreaterThan(50);
    expect(verification.chainsChecked).toBeGreaterThan(1);
  });

  /** Does something to the record as a superuser, looks what verify says, and undoes it. */
  const tampered = async (
    change: (rows: readonly Kept[]) => { readonly sql: string; readonly values: readonly unknown[]; readonly at: Kept },
  ): Promise<void> => {
    const backup = 'audit_projector_events_of_the_stories';
    await cluster().admin(`CREATE TABLE public.${backup} AS TABLE ${EVENTS}`);
    const [longest] = await cluster().admin<{ topic: string; partition: number }>(
      `SELECT topic, "partition" FROM ${EVENTS} GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1`,
    );
    const rows = await cluster().admin<Kept>(`SELECT * FROM ${EVENTS} WHERE topic = $1 AND "partition" = $2 ORDER BY position`, [
      longest?.topic,
      longest?.partition,
    ]);
    const { sql, values, at } = change(rows);
    await cluster().admin(sql, values);
    try {
      const { ok, faults } = await cluster().record.verify();
      expect(ok).toBe(false);
      expect(faults).toEqual(expect.arrayContaining([expect.objectContaining({ topic: at.topic, partition: at.partition })]));
      kinds.push(...faults.map((fault) => `${fault.kind} at ${fault.topic}/${fault.partition}/${fault.position}`));
    } finally {
      await cluster().admin(`BEGIN; DELETE FROM ${EVENTS}; INSERT INTO ${EVENTS} SELECT * FROM public.${backup}; DROP TABLE public.${backup}; COMMIT`);
    }
  };
  const kinds: string[] = [];
};
