import type { EncodedEvent } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';

const HELD_MAX = 10_000;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5_000;

/**
 * Outcomes that could not be written when they happened, because the log was down: their answers were withheld. They are appended again until
 * the log takes them; consumers drop an event id they have handled. Bounded: `isFull` makes the gateway refuse new calls instead.
 */
export class UnrecordedOutcomes {
  private held: { readonly records: readonly EncodedEvent[]; readonly onRecorded: (() => void) | null }[] = [];
  private timer: NodeJS.Timeout | null = null;
  private flushing: Promise<void> | null = null;
  private retryMs = RETRY_FIRST_MS;
  private isClosed = false;

  constructor(private readonly log: Pick<EventLog, 'append'>) {}

  get size(): number {
    return this.held.length;
  }

  get isFull(): boolean {
    return this.held.length >= HELD_MAX;
  }

  hold(records: readonly EncodedEvent[], onRecorded: (() => void) | null = null): void {
    this.held.push({ records, onRecorded });
    this.schedule();
  }

  /** Tries at once, for a drain, or waits for the try that is under way. Resolves whether or not the log took them. */
  flush(): Promise<void> {
    this.flushing ??= this.appendHeld().finally(() => {
      this.flushing = null;
    });
    return this.flushing;
  }

  close(): void {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private async appendHeld(): Promise<void> {
    while (this.held[0] !== undefined) {
      const [first] = this.held;
      try {
        await this.log.append(first.records);
      } catch {
        return;
      }
      this.held.shift();
      this.retryMs = RETRY_FIRST_MS;
      first.onRecorded?.();
    }
  }

  private schedule(): void {
    if (this.timer !== null || this.isClosed) return;
    this.timer = setTimeout(() => {
      void this.flush().finally(() => {
        this.timer = null;
        if (this.held.length === 0) return;
        this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
        this.schedule();
      });
    }, this.retryMs);
    this.timer.unref();
  }
}
