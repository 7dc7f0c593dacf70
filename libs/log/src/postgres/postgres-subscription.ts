import { isAppError } from '@sallyport/contracts';
import { GroupConsumption, type PartitionBounds } from '../consumption/group-consumption.js';
import type { LogFault, LogRecord, ReceivedRecord, SubscribeOptions, Subscription } from '../event-log.port.js';
import { partitionName, partitionsOf, type TopicLayout, type TopicPartition } from '../topic-layout.js';
import type { AppendedRun } from './append-statement.js';
import { GroupMembership } from './group-membership.js';
import type { LogSession } from './log-session.js';

/** What a subscription needs of its log. */
export interface SubscriptionHost {
  readonly layout: TopicLayout;
  readonly session: LogSession;
  append(records: readonly LogRecord[]): Promise<void>;
  report(fault: LogFault): void;
  /** Beginnings and ends of partitions now. Throws `store.unavailable`. */
  bounds(partitions: readonly TopicPartition[]): Promise<PartitionBounds[]>;
  /** The end of a partition as far as known in this process. */
  endOf(of: TopicPartition): bigint;
  /** Reads from the table, in order within each partition, at most `recordsMax` of each. */
  read(from: readonly (TopicPartition & { readonly position: bigint })[], recordsMax: number): Promise<ReceivedRecord[]>;
  onClosed(subscription: PostgresSubscription): void;
}

const READ_RECORDS_MAX = 250;
/** How soon to look again when another member has not yet given up what is ours now. */
const RETRY_MS = 100;

/** One member of a group (or an ephemeral reader) on the PostgreSQL log: what it owns, what it reads and when. */
export class PostgresSubscription implements Subscription {
  readonly ready: Promise<void>;
  readonly caughtUp: Promise<void>;
  private readonly partitions: readonly TopicPartition[];
  private readonly consumption: GroupConsumption;
  private readonly membership: GroupMembership | undefined;
  /** Partitions that may have records in the table which were not handed over. */
  private readonly dirty = new Map<string, TopicPartition>();
  private pumping = false;
  private balancing = false;
  private balanceAgain = false;
  private took = false;
  private retry: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  private settleReady: () => void = () => {};

  constructor(
    private readonly host: SubscriptionHost,
    readonly options: SubscribeOptions,
  ) {
    this.partitions = partitionsOf(host.layout, options.topics);
    this.membership = options.positions === 'ephemeral' ? undefined : new GroupMembership(host.session, options.group, this.partitions);
    this.ready = new Promise((resolve) => {
      this.settleReady = resolve;
    });
    this.consumption = new GroupConsumption(
      options,
      {
        append: (records) => host.append(records),
        onRoom: () => this.lookAtAll(),
        onLost: () => this.balance(),
        report: (fault) => host.report(fault),
      },
      host.layout,
    );
    this.caughtUp = this.ready.then(() => this.consumption.caughtUp);
  }

  lag(): number {
    return this.consumption.lag();
  }

  /** Records that this process appended, after their commit. */
  handOver(run: AppendedRun): void {
    const next = this.consumption.nextOf(run);
    if (next === undefined) return;
    const end = run.first + BigInt(run.records.length);
    if (run.first <= next && !this.consumption.isFull()) this.consumption.deliver(run, run.records, end, end);
    else this.notice(run, end);
  }

  /** The end of a partition moved: read what is missing. */
  notice(of: TopicPartition, end: bigint): void {
    const next = this.consumption.nextOf(of);
    if (next === undefined || end <= next) return;
    this.consumption.knowEnd(of, end);
    this.dirty.set(partitionName(of), of);
    this.pump();
  }

  /** Looks whether members came or went, takes and gives up partitions accordingly. Runs once at a time. */
  balance(): void {
    if (this.balancing) {
      this.balanceAgain = true;
      return;
    }
    this.balancing = true;
    this.rebalance()
      .then(
        (complete) => complete,
        (error: unknown) => {
          if (!isAppError(error, 'store.unavailable')) {
            this.host.report({ kind: 'transport', group: this.options.group, error });
          }
          return false;
        },
      )
      .then((complete) => {
        this.balancing = false;
        if (this.closing !== undefined) return;
        if (this.balanceAgain) {
          this.balanceAgain = false;
          this.balance();
        } else if (!complete) {
          clearTimeout(this.retry);
          this.retry = setTimeout(() => this.balance(), RETRY_MS);
          this.retry.unref();
        }
      });
  }

  /** The session is gone, and the locks with it: another member may own the partitions in a moment. */
  loseSession(): void {
    if (this.membership === undefined) return;
    this.membership.lose();
    void this.consumption.giveUp(this.partitions);
  }

  /** Whether this is a member of the group; ephemeral readers are of none. */
  isMemberOf(group: string): boolean {
    return this.membership !== undefined && this.options.group === group;
  }

  close(): Promise<void> {
    this.closing ??= this.leave();
    return this.closing;
  }

  private async leave(): Promise<void> {
    clearTimeout(this.retry);
    await this.consumption.close();
    await this.membership?.leave();
    this.host.onClosed(this);
  }

  /** Resolves to whether all that is ours is held. */
  private async rebalance(): Promise<boolean> {
    const { membership } = this;
    if (this.closing !== undefined) return true;
    const share = membership === undefined ? this.partitions : await membership.share();
    if (share === undefined) return false;
    const ours = new Set(share.map(partitionName));
    if (membership !== undefined) {
      const surplus = this.partitions.filter((of) => membership.held.has(partitionName(of)) && !ours.has(partitionName(of)));
      if (surplus.length > 0) {
        await this.consumption.giveUp(surplus);
        await membership.unlock(surplus);
      }
      await membership.lock(share.filter((of) => !membership.held.has(partitionName(of))));
    }
    const locked = membership === undefined ? share : share.filter((of) => membership.held.has(partitionName(of)));
    const missing = locked.filter((of) => !this.consumption.isHeld(of));
    if (missing.length > 0 || !this.took) {
      this.took = true;
      await this.consumption.take(await this.host.bounds(missing));
      this.lookAt(missing);
    }
    if (locked.length === share.length) this.settleReady();
    return locked.length === share.length;
  }

  private lookAtAll(): void {
    this.lookAt(this.partitions);
  }

  private lookAt(partitions: readonly TopicPartition[]): void {
    for (const of of partitions) {
      const next = this.consumption.nextOf(of);
      if (next !== undefined && next < this.host.endOf(of)) this.dirty.set(partitionName(of), of);
    }
    this.pump();
  }

  private pump(): void {
    // What is left unread when it closes must not be looked at again: nothing would ever read it, and nothing else would ever run.
    if (this.pumping || this.closing !== undefined || this.dirty.size === 0) return;
    this.pumping = true;
    this.readDirty().then(
      () => {
        this.pumping = false;
        if (this.dirty.size > 0 && !this.consumption.isFull()) this.pump();
      },
      (error: unknown) => {
        // What was not read stays behind its end, and the next look at the ends finds it again.
        this.pumping = false;
        if (!isAppError(error, 'store.unavailable')) this.host.report({ kind: 'transport', group: this.options.group, error });
      },
    );
  }

  private async readDirty(): Promise<void> {
    while (this.dirty.size > 0 && this.closing === undefined && !this.consumption.isFull()) {
      const wanted = [...this.dirty.values()].flatMap((of) => {
        const position = this.consumption.nextOf(of);
        return position === undefined ? [] : [{ ...of, position, end: this.host.endOf(of) }];
      });
      this.dirty.clear();
      if (wanted.length === 0) return;
      const records = Map.groupBy(await this.host.read(wanted, READ_RECORDS_MAX), partitionName);
      for (const of of wanted) {
        const own = records.get(partitionName(of)) ?? [];
        const last = own.at(-1);
        const behindLast = last === undefined ? of.position : last.position + 1n;
        const isAll = own.length < READ_RECORDS_MAX;
        // All before the end known was committed before this read, so what did not come is gone for good (compaction, retention).
        const next = isAll && of.end > behindLast ? of.end : behindLast;
        this.consumption.deliver(of, own, next);
        if (!isAll || this.host.endOf(of) > next) this.dirty.set(partitionName(of), of);
      }
    }
  }
}
