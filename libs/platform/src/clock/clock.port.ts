/** Time as the services see it. Tests put their own in its place. */
export interface Clock {
  /** Wall clock, milliseconds since 1970 in UTC. May step when the machine's clock is set: never measure a duration by it. */
  nowMs(): number;
  /** Wall clock as RFC 3339 in UTC with milliseconds. */
  nowIso(): string;
  /** Milliseconds since an arbitrary moment, never backwards; for durations and deadlines within one process. */
  monotonicMs(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowIso: () => new Date().toISOString(),
  monotonicMs: () => performance.now(),
};
