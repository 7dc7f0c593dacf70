import type { SeenGrant } from '@sallyport/domain';
import type { Clock, Database } from '@sallyport/platform';
import { findGrants, type GrantKey, grantKeyOf } from './grant-store.js';

/** A question that is answered when its grant was seen, or when its time is over. */
export interface Held<T> {
  readonly key: GrantKey;
  readonly question: T;
  /** By the monotonic clock. */
  readonly untilMs: number;
}

/** A question whose waiting is over; `grant` is `undefined` when none was seen in time. */
export interface Released<T> {
  readonly question: T;
  readonly grant: SeenGrant | undefined;
}

const LOOK_MIN_MS = 10;
const LOOK_MAX_MS = 250;
/** Questions held at once; one more is answered without its grant, and its client asks a person again. */
const HELD_MAX = 1_000;

/**
 * Holds questions whose grant comes by another topic, perhaps to another replica, and so perhaps a little later. Looks into the table only
 * while a question waits, at once when this replica kept a grant. What is held is lost with the process: its calls are refused in time.
 */
export class WaitForGrants<T> {
  private held: Held<T>[] = [];
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> | null = null;
  private delayMs = LOOK_MIN_MS;
  private stopped = false;

  constructor(
    private readonly options: {
      readonly db: Database;
      readonly clock: Clock;
      /** Answers what waits no more. When it rejects, the questions are held on while their time lasts. */
      readonly release: (released: readonly Released<T>[]) => Promise<void>;
      readonly onFault: (what: string, error: unknown) => void;
    },
  ) {}

  /** Takes a question to hold; `false` when it is not held and is to be answered now. */
  hold(question: Held<T>): boolean {
    if (this.stopped || this.held.length >= HELD_MAX || question.untilMs <= this.options.clock.monotonicMs()) return false;
    this.held.push(question);
    this.look();
    return true;
  }

  /** Looks as soon as possible, where anything waits. */
  look(): void {
    this.delayMs = LOOK_MIN_MS;
    if (this.looking === null) this.schedule();
  }

  /** Resolves when nothing runs any more. What is held is not answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.looking;
    this.held = [];
  }

  private schedule(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.stopped || this.held.length === 0) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.looking = this.lookNow().finally(() => {
        this.looking = null;
        this.schedule();
      });
    }, this.delayMs);
    this.timer.unref();
  }

  private async lookNow(): Promise<void> {
    this.delayMs = Math.min(this.delayMs * 2, LOOK_MAX_MS);
    const looked = this.held;
    const nowMs = this.options.clock.monotonicMs();
    try {
      const grants = await findGrants(
        this.options.db,
        looked.map(({ key }) => key),
      );
      const released = looked.flatMap((one) => {
        const grant = grants.get(grantKeyOf(one.key));
        return grant === undefined && nowMs < one.untilMs ? [] : [{ one, question: one.question, grant }];
      });
      if (released.length === 0) return;
      await this.options.release(released);
      const gone = new Set(released.map(({ one }) => one));
      this.held = this.held.filter((one) => !gone.has(one));
    } catch (error) {
      this.options.onFault('looking for the grants that calls were resumed with', error);
      this.held = this.held.filter(({ untilMs }) => nowMs < untilMs);
    }
  }
}
