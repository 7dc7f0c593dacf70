import type { Clock } from '@sallyport/platform';

/** A clock that moves only when told to, and so does what waits on it. */
export interface TestClock extends Clock {
  /** Moves both clocks forward. */
  advance(milliseconds: number): void;
  /** Sets the wall clock alone, as an operator or NTP does: the monotonic clock stays. */
  setWall(iso: string): void;
}

/** A clock that stands at the given moment until it is advanced. */
export const aTestClock = (iso = '2026-11-21T12:00:00.000Z'): TestClock => {
  let wallMs = Date.parse(iso);
  let monotonicMs = 0;
  return {
    nowMs: () => wallMs,
    nowIso: () => new Date(wallMs).toISOString(),
    monotonicMs: () => monotonicMs,
    advance: (milliseconds) => {
      wallMs += milliseconds;
      monotonicMs += milliseconds;
    },
    setWall: (next) => {
      wallMs = Date.parse(next);
    },
  };
};
