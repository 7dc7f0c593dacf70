import type { CheckpointPage } from '@sallyport/contracts';
import type { Database } from '@sallyport/platform';

/** Checkpoints, newest first; `before` is the sequence to continue below. They name chains and hashes, and no tenant. Throws `store.unavailable`. */
export const findCheckpoints = async (database: Database, before: number | null, limit: number): Promise<CheckpointPage> => {
  const { rows } = await database.query<{ sequence: string; at: Date; digest: string; signed: string }>(
    'SELECT sequence, at, digest, signed FROM checkpoint WHERE $1::bigint IS NULL OR sequence < $1 ORDER BY sequence DESC LIMIT $2',
    [before, limit + 1],
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    checkpoints: shown.map(({ sequence, at, digest, signed }) => ({ sequence: Number(sequence), at: at.toISOString(), digest, signed })),
    nextCursor: rows.length > limit && last !== undefined ? last.sequence : null,
  };
};
