import { AppError } from '@sallyport/contracts';
import { GroupConsumption } from '../consumption/group-consumption.js';
import {
  type EventLog,
  type LogFault,
  type LogRecord,
  RECORD_BYTES_MAX,
  type ReceivedRecord,
  type SubscribeOptions,
  type Subscription,
} from '../event-log.port.js';
import {
  partitionName,
  partitionOf,
  partitionsOf,
  productTopics,
  type TopicLayout,
  type TopicPartition,
  topicSpec,
} from '../topic-layout.js';

export interface MemoryEventLogOptions {
  readonly topics?: TopicLayout;
  readonly report?: (fault: LogFault) => void;
  /** Milliseconds since 1970 for `appendedAtMs`; default: the machine's clock. */
  readonly nowMs?: () => number;
}

interface Member {
  readonly options: SubscribeOptions;
  readonly consumption: GroupConsumption;
  share: readonly TopicPartition[];
  ready: Promise<void>;
}

/** The log in memory, for unit tests alone: same consumption, same order, nothing durable. */
export class MemoryEventLog implements EventLog {
  private readonly layout: TopicLayout;
  private readonly partitions = new Map<string, ReceivedRecord[]>();
  private readonly members = new Set<Member>();
  private down = false;

  constructor(private readonly options: MemoryEventLogOptions = {}) {
    this.layout = options.topics ?? productTopics;
  }

  /** Makes appends fail until called with `false`. */
  break(down: boolean): void {
    this.down = down;
  }

  /** What is on a topic, in the order of each partition. */
  recordsOf(topic: string): readonly ReceivedRecord[] {
    return partitionsOf(this.layout, [topic]).flatMap((of) => this.recordsIn(of));
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    if (this.down) throw new AppError('log.unavailable', 'the memory log was told to be down');
    for (const { topic, value } of records) {
      topicSpec(this.layout, topic);
      if (value.length > RECORD_BYTES_MAX) throw new RangeError(`a record of ${value.length} bytes is too large for ${topic}`);
    }
    const fresh: ReceivedRecord[] = records.map((record) => {
      const partition = partitionOf(record.key, topicSpec(this.layout, record.topic).partitions);
      const own = this.recordsIn({ topic: record.topic, partition });
      const headers = record.headers.ce_id === undefined ? { ...record.headers, ce_id: record.id } : record.headers;
      const received = { ...record, headers, partition, position: BigInt(own.length), appendedAtMs: this.options.nowMs?.() ?? Date.now() };
      own.push(received);
      return received;
    });
    for (const member of this.members) {
      for (const record of fresh) this.feed(member, record);
    }
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const consumption = new GroupConsumption(
      options,
      {
        append: (records) => this.append(records),
        onRoom: () => this.feedAll(member),
        onLost: (lost) => void this.take(member, lost),
        report: (fault) => this.options.report?.(fault),
      },
      this.layout,
    );
    const member: Member = { options, consumption, share: [], ready: Promise.resolve() };
    this.members.add(member);
    const ready = this.shareOut(options);
    return {
      ready,
      caughtUp: ready.then(() => consumption.caughtUp),
      lag: () => consumption.lag(),
      close: async () => {
        if (!this.members.delete(member)) return;
        await consumption.close();
        await this.shareOut(options);
      },
    };
  }

  async ends(topic: string): Promise<ReadonlyMap<number, bigint>> {
    return new Map(partitionsOf(this.layout, [topic]).map((of) => [of.partition, BigInt(this.recordsIn(of).length)]));
  }

  async verifyTopics(): Promise<void> {}

  isHealthy(): boolean {
    return !this.down;
  }

  async close(): Promise<void> {
    const members = [...this.members];
    this.members.clear();
    await Promise.all(members.map(({ consumption }) => consumption.close()));
  }

  /** Gives every member of a group each n-th partition; an ephemeral reader has all for itself. */
  private async shareOut({ group, positions }: SubscribeOptions): Promise<void> {
    const members = [...this.members].filter(({ options }) => options.group === group && options.positions === positions);
    await Promise.all(
      members.map(async (member, rank) => {
        const all = partitionsOf(this.layout, member.options.topics);
        const share = positions === 'ephemeral' ? all : all.filter((_, index) => index % members.length === rank);
        const names = new Set(share.map(partitionName));
        member.share = share;
        await member.consumption.giveUp(all.filter((of) => !names.has(partitionName(of))));
      }),
    );
    await Promise.all(
      members.map((member) =>
        this.take(
          member,
          member.share.filter((of) => !member.consumption.isHeld(of)),
        ),
      ),
    );
  }

  private async take(member: Member, partitions: readonly TopicPartition[]): Promise<void> {
    await member.consumption.take(partitions.map((of) => ({ ...of, earliest: 0n, end: BigInt(this.recordsIn(of).length) })));
    this.feedAll(member);
  }

  private feedAll(member: Member): void {
    for (const of of member.share) {
      const next = member.consumption.nextOf(of);
      if (next === undefined) continue;
      for (const record of this.recordsIn(of).slice(Number(next))) this.feed(member, record);
    }
  }

  private feed(member: Member, record: ReceivedRecord): void {
    const next = member.consumption.nextOf(record);
    if (next === undefined || next !== record.position || member.consumption.isFull()) return;
    member.consumption.deliver(record, [record], record.position + 1n);
  }

  private recordsIn(of: TopicPartition): ReceivedRecord[] {
    const name = partitionName(of);
    let own = this.partitions.get(name);
    if (own === undefined) {
      own = [];
      this.partitions.set(name, own);
    }
    return own;
  }
}
