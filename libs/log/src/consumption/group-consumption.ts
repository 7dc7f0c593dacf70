import { isAppError } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import type { LogFault, LogRecord, ReceivedRecord, RecordBatch, SubscribeOptions } from '../event-log.port.js';
import { deadLetterTopicOf, partitionName, type TopicLayout, type TopicPartition } from '../topic-layout.js';
import { deadLetterOf, errorCodeOf } from './dead-letter.js';
import { HeldPartition, moveOf, type Part } from './held-partition.js';
import type { PositionMove, PositionStore } from './position-store.port.js';
import { Wakeable } from './wakeable.js';

/** What the consumption asks of the adapter that feeds it. */
export interface ConsumptionFeed {
  append(records: readonly LogRecord[]): Promise<void>;
  /** There is room again after `isFull()`. */
  onRoom(): void;
  /** Somebody else moved the positions of these: they are dropped here; take them again when they are still ours. */
  onLost(partitions: readonly TopicPartition[]): void;
  /** A batch was handled, or given up. */
  onHandled?(): void;
  /** Positions moved durably. */
  onAdvanced?(moves: readonly PositionMove[]): void;
  report(fault: LogFault): void;
}

/** Where a partition begins and ends now. */
export interface PartitionBounds extends TopicPartition {
  readonly earliest: bigint;
  readonly end: bigint;
}

/** One try of a batch: what it takes, whether what follows poison is on the dead letter already, whether positions moved with it. */
interface Attempt {
  readonly parts: readonly Part[];
  parkedDone: boolean;
  advanced: boolean;
}

/** Tries of a batch before its records are handled one by one, and of a single record before it is poison. */
const TRIES = 3;
const RETRY_MS = [50, 200];
const OUTAGE_MIN_MS = 100;
const OUTAGE_MAX_MS = 5_000;
/** Beyond this the adapter stops fetching, down to half of it. */
const QUEUE_RECORDS_MAX = 4_000;
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
const GATHER_BYTES = 65_536;
/** Records skipped by `accept` before the position moves for their sake alone. */
const SKIPPED_MAX = 1_000n;

/**
 * Consumes the partitions a group holds, for every adapter alike: gathers batches over partitions, moves positions with results, repeats,
 * isolates what cannot be handled, waits out broken dependencies. One batch at a time, so order within a partition is the order handled.
 */
export class GroupConsumption {
  private readonly held = new Map<string, HeldPartition>();
  private readonly store: PositionStore | undefined;
  private readonly deadLetterTopic: string;
  private poisoned = new Set<string>();
  private queuedRecords = 0;
  private queuedBytes = 0;
  private full = false;
  /** An urgent record is in a queue. */
  private hurried = false;
  private turn = 0;
  private closing = false;
  private moving: NodeJS.Timeout | undefined;
  private readonly work = new Wakeable();
  /** Serializes batches with assignments: a partition is never taken while a batch of its former life runs. */
  private busy: Promise<void> = Promise.resolve();
  private readonly running: Promise<void>;
  private caughtUpSettled = false;
  private settleCaughtUp: () => void = () => {};
  private assigned = false;
  readonly caughtUp: Promise<void>;

  constructor(
    private readonly options: SubscribeOptions,
    private readonly feed: ConsumptionFeed,
    layout: TopicLayout,
  ) {
    this.store = options.positions === 'ephemeral' ? undefined : options.positions;
    this.deadLetterTopic = this.store === undefined ? '' : (options.deadLetterTopic ?? deadLetterTopicOf(layout, options.group));
    this.caughtUp = new Promise((resolve) => {
      this.settleCaughtUp = resolve;
    });
    this.running = this.run();
  }

  /** Takes partitions after the batch in hand. Resolves to where each of them is to be read from. Throws `store.unavailable`. */
  take(bounds: readonly PartitionBounds[]): Promise<Map<string, bigint>> {
    return this.exclusively(async () => {
      const starts = new Map<string, bigint>();
      if (this.closing) return starts;
      const initials = bounds.map((of) => ({ ...of, initial: this.options.from === 'earliest' ? of.earliest : of.end }));
      const positions =
        this.store === undefined || bounds.length === 0
          ? new Map(initials.map((of) => [partitionName(of), of.initial]))
          : await this.store.load(this.options.group, initials);
      if (this.store !== undefined && bounds.length > 0) this.poisoned = await this.store.poisoned(this.options.group);
      for (const of of bounds) {
        const name = partitionName(of);
        this.forget(name);
        const position = positions.get(name) ?? of.earliest;
        this.held.set(name, new HeldPartition(of, position, of.end));
        starts.set(name, position);
      }
      this.assigned = true;
      this.checkCaughtUp();
      return starts;
    });
  }

  /** Gives partitions up after the batch in hand. */
  giveUp(partitions: readonly TopicPartition[]): Promise<void> {
    for (const of of partitions) {
      const held = this.held.get(partitionName(of));
      if (held !== undefined) held.gone = true;
    }
    return this.exclusively(async () => {
      await this.moveHandled();
      for (const of of partitions) this.forget(partitionName(of));
    });
  }

  isHeld(of: TopicPartition): boolean {
    const held = this.held.get(partitionName(of));
    return held !== undefined && !held.gone;
  }

  /** Where the next delivery of a partition begins, or nothing when it is not held. */
  nextOf(of: TopicPartition): bigint | undefined {
    const held = this.held.get(partitionName(of));
    return held === undefined || held.gone ? undefined : held.seen;
  }

  /**
   * Takes records of a partition in order; `next` is where the following delivery begins. What was delivered before is dropped, so a
   * reader may overlap. Never waits: ask `isFull()` before the next fetch.
   */
  deliver(of: TopicPartition, records: readonly ReceivedRecord[], next: bigint, end?: bigint): void {
    const held = this.held.get(partitionName(of));
    if (held === undefined || held.gone) return;
    if (end !== undefined && end > held.end) held.end = end;
    const { accept, urgent } = this.options;
    const before = held.queue.length;
    this.queuedBytes += held.add(accept === undefined ? records : records.filter(({ headers }) => accept(headers)), next);
    this.queuedRecords += held.queue.length - before;
    if (urgent !== undefined && !this.hurried) this.hurried = held.queue.slice(before).some(({ headers }) => urgent(headers));
    if (held.queue.length === 0 && this.store === undefined) held.position = held.seen;
    if (held.queue.length > 0 || held.seen - held.position > SKIPPED_MAX) this.work.wake();
    if (this.isFull()) this.full = true;
    this.checkCaughtUp();
  }

  private get batchRecordsMax(): number {
    return this.options.batchRecordsMax ?? 500;
  }

  isFull(): boolean {
    return this.queuedRecords >= QUEUE_RECORDS_MAX || this.queuedBytes >= QUEUE_BYTES_MAX;
  }

  /** Whether records are being handled, or will be at once: not while they wait for more to come. */
  get isHandling(): boolean {
    return this.queuedRecords > 0 && this.isEnough();
  }

  /** Whether the log has records of a held partition, as far as known here, that were not delivered yet. */
  isBehind(): boolean {
    for (const held of this.held.values()) if (held.end > held.seen) return true;
    return false;
  }

  knowEnd(of: TopicPartition, end: bigint): void {
    const held = this.held.get(partitionName(of));
    if (held !== undefined && end > held.end) held.end = end;
  }

  lag(): number {
    let lag = 0n;
    for (const held of this.held.values()) lag += held.end - (held.queue[0]?.position ?? held.seen);
    return Number(lag);
  }

  async close(): Promise<void> {
    this.closing = true;
    this.work.close();
    await this.running;
    await this.exclusively(() => this.moveHandled());
    clearTimeout(this.moving);
    this.held.clear();
  }

  private async run(): Promise<void> {
    for (;;) {
      await this.work.wait();
      if (this.closing) return;
      const { pauseMs = 0 } = this.options;
      if (!this.isEnough()) await this.work.pause(pauseMs, () => this.isEnough());
      if (this.closing) return;
      // Whoever is behind the batch's end does not wait again.
      this.hurried &&= this.queuedRecords > this.batchRecordsMax;
      await this.exclusively(() => this.process(this.nextParts()));
      this.feed.onHandled?.();
      if (this.hasWork()) this.work.wake();
    }
  }

  /** Whether a batch need not wait for more. */
  private isEnough(): boolean {
    const { pauseMs = 0, gatherBytes = GATHER_BYTES } = this.options;
    return pauseMs === 0 || this.hurried || this.queuedBytes >= gatherBytes;
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.busy.then(work);
    this.busy = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  private hasWork(): boolean {
    if (this.queuedRecords > 0) return true;
    for (const held of this.held.values()) if (held.seen - held.position > SKIPPED_MAX) return true;
    return false;
  }

  /** Something of every partition, beginning with another one each time so that none starves. */
  private nextParts(): Part[] {
    const all = [...this.held.values()].filter((held) => !held.gone && held.seen > held.position);
    const busy = all.some((held) => held.queue.length > 0);
    this.turn += 1;
    let room = this.batchRecordsMax;
    const parts: Part[] = [];
    for (let n = 0; n < all.length; n += 1) {
      const held = all[(n + this.turn) % all.length];
      if (held === undefined || (busy && held.queue.length === 0 && held.seen - held.position < 100n)) continue;
      if (held.queue.length > 0 && room === 0) continue;
      const count = Math.min(held.queue.length, room);
      room -= count;
      parts.push(held.part(count));
    }
    return parts.sort((a, b) => (a.held.name < b.held.name ? -1 : 1));
  }

  private async process(wanted: readonly Part[], tries = TRIES): Promise<void> {
    let outageMs = 0;
    let parkedDone = false;
    for (let n = 1; ; ) {
      const parts = wanted.filter(({ held }) => !held.gone);
      if (parts.length === 0) return;
      const attempt: Attempt = { parts, parkedDone, advanced: false };
      try {
        await this.attempt(attempt);
        if (outageMs > 0) this.report({ kind: 'resumed' });
        this.settle(parts, attempt.advanced);
        return;
      } catch (failure) {
        parkedDone = attempt.parkedDone;
        let error = failure;
        if (attempt.advanced || isAppError(error, 'log.position-lost')) {
          try {
            if (await this.settleByStore(parts)) return;
          } catch (cause) {
            error = cause;
          }
        }
        if (this.closing) return;
        // A position that turns out to stand where it was expected is no fault of a record, nor is what a newer release wrote: the same batch again.
        if (isAppError(error, 'store.unavailable', 'log.unavailable', 'log.position-lost', 'contract.newer-event')) {
          if (outageMs === 0) this.report({ kind: 'paused', error });
          outageMs = Math.min(Math.max(outageMs * 2, OUTAGE_MIN_MS), OUTAGE_MAX_MS);
          await this.work.sleep(outageMs);
          if (this.closing) return;
          continue;
        }
        if (n < tries) {
          this.report({ kind: 'retried', error });
          await this.work.sleep(RETRY_MS[n - 1] ?? OUTAGE_MIN_MS);
          n += 1;
          continue;
        }
        const [only] = parts;
        if (parts.length === 1 && only?.records.length === 1) {
          if (await this.bury(only, error)) return;
          outageMs = OUTAGE_MIN_MS;
          continue;
        }
        return this.isolate(parts);
      }
    }
  }

  private async attempt(attempt: Attempt): Promise<void> {
    const { store } = this;
    let records = attempt.parts.length === 1 ? (attempt.parts[0]?.records ?? []) : attempt.parts.flatMap((part) => part.records);
    if (store !== undefined && this.poisoned.size > 0) records = await this.park(store, records, attempt);
    const moves = attempt.parts.map(moveOf);
    const batch: RecordBatch = {
      records,
      advance: async (tx: Sql): Promise<void> => {
        if (store === undefined) return;
        await store.advance(tx, this.options.group, moves);
        attempt.advanced = true;
      },
    };
    if (records.length > 0) await this.options.handle(batch);
    if (store === undefined || attempt.advanced || this.options.moveMs !== undefined) return;
    // What a crash takes back is handled again, as it would be had the crash come a moment sooner: nobody waits for the disk.
    await store.transaction((tx) => store.advance(tx, this.options.group, moves), { synchronousCommit: false });
    attempt.advanced = true;
  }

  /** Moves positions behind what was handled since they last moved. What fails is tried again later. */
  private async moveHandled(): Promise<void> {
    clearTimeout(this.moving);
    this.moving = undefined;
    const { store } = this;
    const behind = [...this.held.values()].filter((held) => held.stored < held.position);
    if (store === undefined || this.options.moveMs === undefined || behind.length === 0) return;
    const parts = behind.map((held): Part => ({ held, records: [], next: held.position }));
    const moves = parts.map(moveOf);
    try {
      await store.transaction((tx) => store.advance(tx, this.options.group, moves), { synchronousCommit: false });
      for (const { held, next } of parts) held.stored = next;
      this.feed.onAdvanced?.(moves);
    } catch (error) {
      this.report({ kind: 'retried', error });
      // They may have moved all the same, or somebody else has moved them.
      await this.settleByStore(parts).catch(() => false);
      this.moveLater();
    }
  }

  private moveLater(): void {
    const { moveMs } = this.options;
    if (moveMs === undefined || this.moving !== undefined || this.closing) return;
    this.moving = setTimeout(() => void this.exclusively(() => this.moveHandled()), moveMs);
    this.moving.unref();
  }

  /** Sends what follows poison to the dead letter, and returns the rest. */
  private async park(store: PositionStore, records: readonly ReceivedRecord[], attempt: Attempt): Promise<readonly ReceivedRecord[]> {
    const { group } = this.options;
    if (!records.some(({ key }) => this.poisoned.has(key))) return records;
    this.poisoned = await store.poisoned(group);
    const parked = records.filter(({ key }) => this.poisoned.has(key));
    if (parked.length === 0) return records;
    if (!attempt.parkedDone) {
      const topic = this.deadLetterTopic;
      await this.feed.append(
        parked.map((record) => deadLetterOf(record, { topic, group, reason: 'behind-poison', errorCode: 'chain.poisoned' })),
      );
      attempt.parkedDone = true;
      for (const { topic: of, partition, position } of parked) this.report({ kind: 'parked', topic: of, partition, position });
    }
    return records.filter(({ key }) => !this.poisoned.has(key));
  }

  /** One record after the other, so that the one that cannot be handled stands alone. */
  private async isolate(parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      for (let left = part.records.length; left > 0 && !part.held.gone && !this.closing; left -= 1) {
        const before = part.held.queue.length;
        await this.process([part.held.part(1)], TRIES - 1);
        if (part.held.queue.length === before) return;
      }
    }
  }

  /** Sends a poison record to the dead letter and moves behind it. Resolves to `false` when a dependency is down: try again later. */
  private async bury(part: Part, error: unknown): Promise<boolean> {
    const { store } = this;
    const [record] = part.records;
    if (record === undefined) return true;
    const { group, poison } = this.options;
    const { topic, partition, position, key } = record;
    if (store === undefined) {
      this.report({ kind: 'dropped', topic, partition, position, error });
      this.settle([part], false);
      return true;
    }
    const errorCode = errorCodeOf(error);
    try {
      await this.feed.append([deadLetterOf(record, { topic: this.deadLetterTopic, group, reason: 'poison', errorCode })]);
      await store.transaction(async (tx) => {
        await store.advance(tx, group, [moveOf(part)]);
        if (poison !== 'continue') await store.poison(tx, group, { topic, partition, position, key, errorCode });
      });
    } catch (cause) {
      this.report({ kind: 'paused', error: cause });
      if (isAppError(cause, 'log.position-lost')) return this.settleByStore([part]).catch(() => false);
      await this.work.sleep(OUTAGE_MIN_MS);
      return this.closing;
    }
    if (poison !== 'continue') this.poisoned.add(key);
    this.report({ kind: 'poison', topic, partition, position, error });
    this.settle([part], true);
    return true;
  }

  /**
   * Finds out by the stored positions what became of parts whose transaction may or may not have committed. Resolves to `false` when
   * nothing moved, so that they are to be handled again; drops what somebody else moved.
   */
  private async settleByStore(parts: readonly Part[]): Promise<boolean> {
    if (this.store === undefined) return false;
    const where = await this.store.load(
      this.options.group,
      parts.map(({ held }) => ({ topic: held.topic, partition: held.partition, initial: held.stored })),
    );
    const at = ({ held }: Part): bigint => where.get(held.name) ?? -1n;
    if (parts.every((part) => at(part) === part.next)) {
      this.settle(parts, true);
      return true;
    }
    const lost = parts.filter((part) => at(part) !== part.held.stored);
    if (lost.length === 0) return false;
    for (const { held } of lost) {
      this.forget(held.name);
      this.report({ kind: 'position-lost', topic: held.topic, partition: held.partition, position: held.position });
    }
    this.feed.onLost(lost.map(({ held }) => ({ topic: held.topic, partition: held.partition })));
    return true;
  }

  private settle(parts: readonly Part[], isStored: boolean): void {
    const moves = parts.map(moveOf);
    for (const part of parts) {
      this.queuedRecords -= part.records.length;
      this.queuedBytes -= part.held.settle(part, isStored);
    }
    if (isStored) this.feed.onAdvanced?.(moves);
    else this.moveLater();
    this.checkRoom();
    this.checkCaughtUp();
  }

  private forget(name: string): void {
    const held = this.held.get(name);
    if (held === undefined) return;
    held.gone = true;
    this.queuedRecords -= held.queue.length;
    for (const record of held.queue) this.queuedBytes -= record.value.length;
    this.held.delete(name);
    this.checkRoom();
  }

  private checkRoom(): void {
    if (!this.full || this.queuedRecords > QUEUE_RECORDS_MAX / 2 || this.queuedBytes > QUEUE_BYTES_MAX / 2) return;
    this.full = false;
    this.feed.onRoom();
  }

  private checkCaughtUp(): void {
    if (this.caughtUpSettled || !this.assigned) return;
    for (const held of this.held.values()) {
      const handled = held.queue[0]?.position ?? held.seen;
      if (handled < held.target) return;
    }
    this.caughtUpSettled = true;
    this.settleCaughtUp();
  }

  private report(fault: Omit<LogFault, 'group'>): void {
    this.feed.report({ ...fault, group: this.options.group });
  }
}
