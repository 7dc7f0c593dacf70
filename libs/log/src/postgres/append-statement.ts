import { intArray, type Sql, textArray } from '@sallyport/platform';
import type { LogRecord, ReceivedRecord } from '../event-log.port.js';
import { partitionOf, type TopicLayout, type TopicPartition, topicSpec } from '../topic-layout.js';

/** Records of one partition with the places they got. */
export interface AppendedRun extends TopicPartition {
  readonly first: bigint;
  readonly records: readonly ReceivedRecord[];
}

interface Group extends TopicPartition {
  readonly records: LogRecord[];
}

const APPEND = 'SELECT log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS firsts';

/** Appends records in one statement. `notice` names the appender to listeners; `null` tells nobody. */
export const appendRecords = async (
  sql: Sql,
  layout: TopicLayout,
  records: readonly LogRecord[],
  notice: string | null,
): Promise<AppendedRun[]> => {
  const groups = groupByPartition(layout, records);
  const all = groups.flatMap((group) => group.records);
  const { rows } = await sql.query<{ firsts: string[] }>({
    name: 'sallyport-append',
    text: APPEND,
    values: [
      textArray(groups.map(({ topic }) => topic)),
      intArray(groups.map(({ partition }) => partition)),
      intArray(groups.map((group) => group.records.length)),
      intArray(groups.flatMap((group, index) => group.records.map(() => index + 1))),
      intArray(groups.flatMap((group) => group.records.map((_, offset) => offset))),
      textArray(all.map(({ key }) => key)),
      textArray(all.map(({ id }) => id)),
      textArray(all.map((record) => JSON.stringify(headersOf(record)))),
      textArray(all.map(({ value }) => value)),
      notice,
    ],
  });
  const firsts = rows[0]?.firsts ?? [];
  const appendedAtMs = Date.now();
  return groups.map(({ topic, partition, records: own }, index) => {
    const first = BigInt(firsts[index] ?? '0');
    return {
      topic,
      partition,
      first,
      records: own.map((record, offset) => ({
        ...record,
        headers: headersOf(record),
        partition,
        position: first + BigInt(offset),
        appendedAtMs,
      })),
    };
  });
};

const headersOf = ({ id, headers }: LogRecord): Readonly<Record<string, string>> =>
  headers.ce_id === undefined ? { ...headers, ce_id: id } : headers;

/** Sorted as `log.append` wants them; the order within a partition is kept. */
const groupByPartition = (layout: TopicLayout, records: readonly LogRecord[]): Group[] => {
  const groups = new Map<string, Group>();
  for (const record of records) {
    const partition = partitionOf(record.key, topicSpec(layout, record.topic).partitions);
    const name = `${record.topic}/${partition}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { topic: record.topic, partition, records: [record] });
    else group.records.push(record);
  }
  return [...groups.values()].sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
};
