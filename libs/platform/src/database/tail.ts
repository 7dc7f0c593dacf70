import { AppError } from '@sallyport/contracts';
import { Observable } from 'rxjs';
import type { Clock } from '../clock/clock.port.js';
import type { Database, Listening } from './sql.js';

/** Something to pass on, with the cursor to continue from; without it, a sign of life that moves the cursor on. */
export interface TailStep<T> {
  readonly cursor: string;
  readonly item: T | null;
}

/** What one reader follows. `P` is a place in it. */
export interface TailSource<P, T> {
  /** Where this reader begins. */
  begin(): Promise<{ readonly place: P }>;
  /** How a reader that resumes names a place. */
  cursorOf(place: P): string;
  /** What comes after a place, and the place after that. `isFull`: there is more. */
  read(after: P): Promise<{ readonly steps: readonly TailStep<T>[]; readonly place: P; readonly isFull: boolean }>;
}

export interface TailOptions {
  readonly database: Pick<Database, 'listen'>;
  readonly clock: Clock;
  /** Notifications say that there is something to read: for the tenant they name, or for all where they name none. */
  readonly channel: string;
  /** Streams that one tenant may have open at once; default 32. */
  readonly perTenantMax?: number;
  /** After how long a stream completes, so that who follows shows again who they are; default: never. */
  readonly lifeMs?: number;
  readonly onFault: (error: unknown) => void;
}

/** Each reads whenever something changes. */
const PER_TENANT_MAX = 32;
/** How often to look for what no notification told of. */
const LOOK_MS = 5_000;
/** Proxies close a stream that is silent for a minute or so. */
const SILENCE_MS = 15_000;

/** Follows what changes in tables, for any number of readers over one listening connection. */
export class Tail {
  private readonly readers = new Map<() => void, string>();
  private listening: Promise<Listening> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: TailOptions) {}

  /**
   * What a source has for one tenant, as it comes. Begins with a sign of life, and gives one when nothing came for a while. Completes when its life
   * is over and when the tail closes; errors with `store.unavailable`, after which the reader continues from its last cursor, and with
   * `request.too-many-streams` when the tenant has as many open as it may.
   */
  follow<P, T>(tenantId: string, source: TailSource<P, T>): Observable<TailStep<T>> {
    return new Observable<TailStep<T>>((reader) => {
      const { perTenantMax = PER_TENANT_MAX, onFault } = this.options;
      if ([...this.readers.values()].filter((of) => of === tenantId).length >= perTenantMax) {
        reader.error(new AppError('request.too-many-streams', `${tenantId} has ${perTenantMax} streams open already`));
        return;
      }
      let wake: () => void = () => {};
      const onNews = (): void => wake();
      const news = (): Promise<void> =>
        new Promise((resolve) => {
          wake = resolve;
        });
      this.readers.set(onNews, tenantId);
      this.listen()
        .then(() =>
          this.run(
            source,
            news,
            (step) => reader.next(step),
            () => !reader.closed && !this.closed,
          ),
        )
        .then(() => reader.complete())
        .catch((error: unknown) => {
          onFault(error);
          reader.error(error);
        });
      return () => {
        this.readers.delete(onNews);
        wake();
      };
    });
  }

  /** Ends every reader's stream and the listening connection. */
  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    clearInterval(this.timer);
    const listening = await this.listening?.catch(() => undefined);
    await listening?.close();
  }

  private async run<P, T>(
    source: TailSource<P, T>,
    news: () => Promise<void>,
    pass: (step: TailStep<T>) => void,
    isOpen: () => boolean,
  ): Promise<void> {
    const { clock, lifeMs = Number.POSITIVE_INFINITY } = this.options;
    const beganAtMs = clock.monotonicMs();
    let saidAtMs = beganAtMs;
    let { place } = await source.begin();
    pass({ cursor: source.cursorOf(place), item: null });
    while (isOpen() && clock.monotonicMs() - beganAtMs < lifeMs) {
      // Asked for before reading, so that news in the meantime is not missed.
      const woken = news();
      const page = await source.read(place);
      place = page.place;
      const isSilent = page.steps.length === 0 && clock.monotonicMs() - saidAtMs >= SILENCE_MS;
      for (const step of isSilent ? [{ cursor: source.cursorOf(place), item: null }] : page.steps) {
        pass(step);
        saidAtMs = clock.monotonicMs();
      }
      if (!page.isFull && isOpen()) await woken;
    }
  }

  private wake(tenantId = ''): void {
    for (const [reader, of] of this.readers) if (tenantId === '' || of === tenantId) reader();
  }

  private async listen(): Promise<void> {
    if (this.closed) return;
    const { database, channel } = this.options;
    this.listening ??= database.listen({ channel, onNotification: (tenantId) => this.wake(tenantId), onGap: () => this.wake() });
    try {
      await this.listening;
    } catch (error) {
      this.listening = undefined;
      throw error;
    }
    if (this.timer !== undefined || this.closed) return;
    this.timer = setInterval(() => this.wake(), LOOK_MS);
    this.timer.unref();
  }
}
