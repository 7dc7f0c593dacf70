import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '@sallyport/contracts';
import { type LogRecord, RECORD_BYTES_MAX } from './event-log.port.js';

export interface AppendLaneOptions {
  /** Makes a group durable, or rejects for all of it. */
  readonly send: (records: readonly LogRecord[]) => Promise<void>;
  /** Most records of a group; default 1,000. */
  readonly groupRecordsMax?: number;
  /** Most bytes of a group; default 512 KiB, so that it fits a request with room for headers. */
  readonly groupBytesMax?: number;
  /** Beyond so many waiting records an append is refused at once; default 20,000. */
  readonly waitingRecordsMax?: number;
  /** How long an append waits before it rejects; default 30,000. */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  readonly since: number;
  settled: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const SWEEP_MS = 250;

/**
 * One lane of appends: gathers while the group before is in flight, then sends what gathered as one. No timer holds anything back, but what
 * comes in one turn of the event loop travels together: of requests that arrive at once the first would else go alone, and wake everybody who
 * reads the log for itself. Order is the order of the calls because one group is out at a time.
 */
export class AppendLane {
  private waiting: Waiting[] = [];
  private waitingRecords = 0;
  private inFlight: readonly Waiting[] = [];
  private running: Promise<void> | undefined;
  private sweep: NodeJS.Timeout | undefined;
  private closed = false;
  private readonly groupRecordsMax: number;
  private readonly groupBytesMax: number;
  private readonly waitingRecordsMax: number;
  private readonly timeoutMs: number;

  constructor(private readonly options: AppendLaneOptions) {
    this.groupRecordsMax = options.groupRecordsMax ?? 1_000;
    this.groupBytesMax = options.groupBytesMax ?? 512 * 1024;
    this.waitingRecordsMax = options.waitingRecordsMax ?? 20_000;
    this.timeoutMs = options.timeoutMs ?? 30_000;
  }

  append(records: readonly LogRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    let bytes = 0;
    for (const record of records) {
      const size = sizeOf(record);
      if (size > RECORD_BYTES_MAX) return Promise.reject(new RangeError(`a record of ${size} bytes is too large for ${record.topic}`));
      bytes += size;
    }
    if (this.closed) return Promise.reject(new AppError('log.unavailable', 'the log is closed'));
    if (this.waitingRecords + records.length > this.waitingRecordsMax) {
      return Promise.reject(new AppError('log.unavailable', `${this.waitingRecords} records wait to be appended already`));
    }
    return new Promise<void>((resolve, reject) => {
      this.waiting.push({ records, bytes, since: performance.now(), settled: false, resolve, reject });
      this.waitingRecords += records.length;
      this.running ??= this.run();
    });
  }

  /** Refuses new appends and waits for those it has. */
  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private async run(): Promise<void> {
    this.sweep = setInterval(() => this.rejectOverdue(), SWEEP_MS);
    this.sweep.unref();
    while (this.waiting.length > 0) {
      await nextTurn();
      const group = this.takeGroup();
      // All of it was overdue.
      if (group.length === 0) continue;
      this.inFlight = group;
      try {
        await this.options.send(group.length === 1 && group[0] ? group[0].records : group.flatMap((entry) => entry.records));
        for (const entry of group) this.settle(entry, entry.resolve);
      } catch (error) {
        for (const entry of group) this.settle(entry, () => entry.reject(error));
      }
      this.inFlight = [];
    }
    clearInterval(this.sweep);
    this.running = undefined;
  }

  private takeGroup(): Waiting[] {
    let records = 0;
    let bytes = 0;
    let count = 0;
    for (const entry of this.waiting) {
      if (count > 0 && (records + entry.records.length > this.groupRecordsMax || bytes + entry.bytes > this.groupBytesMax)) break;
      records += entry.records.length;
      bytes += entry.bytes;
      count += 1;
    }
    this.waitingRecords -= records;
    return this.waiting.splice(0, count);
  }

  private settle(entry: Waiting, how: () => void): void {
    if (entry.settled) return;
    entry.settled = true;
    how();
  }

  private rejectOverdue(): void {
    const due = performance.now() - this.timeoutMs;
    const overdue = (): AppError => new AppError('log.unavailable', `no acknowledgement within ${this.timeoutMs} ms`);
    for (const entry of this.inFlight) if (entry.since < due) this.settle(entry, () => entry.reject(overdue()));
    if (this.waiting[0] === undefined || this.waiting[0].since >= due) return;
    const kept: Waiting[] = [];
    for (const entry of this.waiting) {
      if (entry.since >= due) {
        kept.push(entry);
        continue;
      }
      this.waitingRecords -= entry.records.length;
      this.settle(entry, () => entry.reject(overdue()));
    }
    this.waiting = kept;
  }
}

const sizeOf = (record: LogRecord): number => {
  // UTF-16 length is a lower bound of the bytes; only what may be too large is measured exactly.
  let size = record.key.length + record.value.length;
  for (const name in record.headers) size += name.length + (record.headers[name]?.length ?? 0);
  return size * 3 > RECORD_BYTES_MAX ? Buffer.byteLength(record.value) + size - record.value.length : size;
};
