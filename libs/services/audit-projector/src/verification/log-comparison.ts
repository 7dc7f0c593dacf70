import { type AuditFault, canonicalRecord } from '@sallyport/contracts';
import type { ReceivedRecord } from '@sallyport/log';
import { AUDIT_GROUP, type AuditProjectorPorts } from '../audit-projector.ports.js';
import { chainRecordOf, columnsOf } from '../record/event-chain.store.js';
import { RECORDED_TOPICS } from '../record/recorded-topics.js';
import { readAt } from './stored-chain.js';

export interface LogComparison {
  readonly compared: number;
  /** The first difference of each partition. */
  readonly faults: readonly { readonly fault: AuditFault; readonly tenantId: string }[];
}

/**
 * Reads the log from where it still reaches back to, and holds every event up to the given position of its partition against the record.
 * Finds what no hash can: an event that was changed before it was recorded, or a record made anew altogether, and names it.
 * Throws `log.unavailable`, `store.unavailable`.
 */
export const compareWithLog = async (
  ports: Pick<AuditProjectorPorts, 'database' | 'log' | 'ids'>,
  ends: ReadonlyMap<string, bigint>,
): Promise<LogComparison> => {
  let compared = 0;
  const faults = new Map<string, LogComparison['faults'][number]>();
  const compare = async (records: readonly ReceivedRecord[]): Promise<void> => {
    const partitions = Map.groupBy(
      records.filter((record) => record.position <= (ends.get(nameOf(record)) ?? -1n)),
      nameOf,
    );
    for (const [name, ofPartition] of partitions) {
      const [first] = ofPartition;
      if (first === undefined || faults.has(name)) continue;
      const stored = new Map(
        (
          await readAt(
            ports.database,
            first,
            ofPartition.map(({ position }) => position),
          )
        ).map(({ record }) => [record.position, record]),
      );
      for (const received of ofPartition) {
        compared += 1;
        const found = stored.get(received.position);
        if (found !== undefined && canonicalRecord(found) === canonicalRecord(chainRecordOf(received))) continue;
        faults.set(name, faultOf(received, found === undefined));
        break;
      }
    }
  };
  const subscription = await ports.log.subscribe({
    group: `${AUDIT_GROUP}.verify-${ports.ids.uuidv7()}`,
    topics: RECORDED_TOPICS,
    from: 'earliest',
    positions: 'ephemeral',
    handle: ({ records }) => compare(records),
  });
  try {
    await subscription.ready;
    await subscription.caughtUp;
  } finally {
    await subscription.close();
  }
  return { compared, faults: [...faults.values()] };
};

const nameOf = ({ topic, partition }: ReceivedRecord): string => `${topic}/${partition}`;

const faultOf = ({ topic, partition, position, id, headers }: ReceivedRecord, missing: boolean): LogComparison['faults'][number] => {
  const { tenantId, callId } = columnsOf(headers);
  return {
    tenantId,
    fault: {
      kind: missing ? 'deleted' : 'edited',
      topic,
      partition,
      position: String(position),
      eventId: id,
      callId,
      detail: missing ? 'the log holds it, the record does not' : 'the log holds something else',
    },
  };
};
