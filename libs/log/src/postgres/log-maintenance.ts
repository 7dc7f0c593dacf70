import type { Database } from '@sallyport/platform';
import { partitionsOf, type TopicLayout, type TopicPartition, topicSpec } from '../topic-layout.js';

export interface MaintenanceOptions {
  readonly layout: TopicLayout;
  /** Records of `delete` topics older than this go; without it they stay for ever. */
  readonly retentionMs?: number;
  /** A compacted partition is compacted again after so many appends; default 1,000. */
  readonly compactAfterRecords?: number;
}

const CHUNK = 5_000;

const PENDING = `SELECT topic, partition, next_position AS end FROM log.partition
  WHERE next_position - compacted_to >= $1 AND topic = ANY($2)`;

/** Superseded rows are found in one pass over the partition, which compaction itself keeps small. The newest record of a key stays. */
const COMPACT = `DELETE FROM log.event e
  USING (SELECT key, max(position) AS newest FROM log.event WHERE topic = $1 AND partition = $2 AND position < $3 GROUP BY key) k
  WHERE e.topic = $1 AND e.partition = $2 AND e.key = k.key AND e.position < k.newest`;

const DONE = 'UPDATE log.partition SET compacted_to = greatest(compacted_to, $3) WHERE topic = $1 AND partition = $2';

/** Looks at the head alone: positions grow with time, so what is old is in front. */
const EXPIRE = `WITH head AS (
    SELECT position, appended_at FROM log.event WHERE topic = $1 AND partition = $2 ORDER BY topic, partition, position LIMIT ${CHUNK})
  DELETE FROM log.event e USING head h
  WHERE e.topic = $1 AND e.partition = $2 AND e.position = h.position AND h.appended_at < now() - make_interval(secs => $3)`;

/**
 * Compacts `compact` topics and drops what outlived the retention. Harmless beside readers and appenders and when several processes do it.
 * Resolves to the number of records dropped.
 */
export const maintainLog = async (db: Database, options: MaintenanceOptions): Promise<number> => {
  const names = Object.keys(options.layout);
  const compacted = names.filter((topic) => topicSpec(options.layout, topic).cleanup === 'compact');
  let dropped = 0;
  const pending = await db.query<TopicPartition & { end: string }>(PENDING, [options.compactAfterRecords ?? 1_000, compacted]);
  for (const { topic, partition, end } of pending.rows) {
    dropped += (await db.query(COMPACT, [topic, partition, end])).rowCount;
    await db.query(DONE, [topic, partition, end]);
  }
  if (options.retentionMs === undefined) return dropped;
  for (const { topic, partition } of partitionsOf(
    options.layout,
    names.filter((topic) => !compacted.includes(topic)),
  )) {
    for (let gone = CHUNK; gone === CHUNK; ) {
      gone = (await db.query(EXPIRE, [topic, partition, options.retentionMs / 1_000])).rowCount;
      dropped += gone;
    }
  }
  return dropped;
};
