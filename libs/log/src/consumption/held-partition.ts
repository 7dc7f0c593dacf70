import type { ReceivedRecord } from '../event-log.port.js';
import { partitionName, type TopicPartition } from '../topic-layout.js';
import type { PositionMove } from './position-store.port.js';

/** A partition while a group holds it: what was delivered and is not handled yet. */
export class HeldPartition {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  /** Where the group stands: all before it is handled. */
  position: bigint;
  /** Where it stands in the store: behind `position` only in groups whose positions move later. */
  stored: bigint;
  /** Where the next delivery begins. */
  seen: bigint;
  /** The log's end, as far as known. */
  end: bigint;
  /** What must be handled before the group has caught up. */
  readonly target: bigint;
  readonly queue: ReceivedRecord[] = [];
  /** Set when it is given up: a batch in hand then leaves it out. */
  gone = false;

  constructor(of: TopicPartition, position: bigint, end: bigint) {
    this.name = partitionName(of);
    this.topic = of.topic;
    this.partition = of.partition;
    this.position = position;
    this.stored = position;
    this.seen = position;
    this.end = end > position ? end : position;
    this.target = end;
  }

  /** Adds what is new of a delivery and returns the bytes added. */
  add(records: readonly ReceivedRecord[], next: bigint): number {
    let bytes = 0;
    for (const record of records) {
      if (record.position < this.seen) continue;
      this.queue.push(record);
      bytes += record.value.length;
    }
    if (next > this.seen) this.seen = next;
    if (this.seen > this.end) this.end = this.seen;
    return bytes;
  }

  /** The part of a batch that is the first `count` records here, with what was skipped behind them when it is all there is. */
  part(count: number): Part {
    const records = this.queue.slice(0, count);
    const last = records.at(-1);
    return { held: this, records, next: count === this.queue.length || last === undefined ? this.seen : last.position + 1n };
  }

  /** Takes note that the group handled a part, and whether the store knows. */
  settle(part: Part, isStored: boolean): number {
    this.queue.splice(0, part.records.length);
    this.position = part.next;
    if (isStored) this.stored = part.next;
    return part.records.reduce((sum, record) => sum + record.value.length, 0);
  }
}

/** What a batch takes of one partition. */
export interface Part {
  readonly held: HeldPartition;
  readonly records: readonly ReceivedRecord[];
  readonly next: bigint;
}

export const moveOf = ({ held, next }: Part): PositionMove => ({
  topic: held.topic,
  partition: held.partition,
  expected: held.stored,
  next,
});
