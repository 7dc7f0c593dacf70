/** Time as the services see it. Tests put their own in its place. */
export interface Clock {
  /** Wall clock, milliseconds since 1970 in UTC. May step when the machine's clock is set: never measure a duration by it. */
  nowMs(): number;
  /** Wall clock as RFC 3339 in UTC with milliseconds. */
  nowIso(): string;
  /** Milliseconds since an arbitrary moment, never backwards; for durations and deadlines within one process. */
  monotonicMs(): number;
}

/** Many events are written within a millisecond, and the text of a time costs more than the time. */
let written = { ms: Number.NaN, iso: '' };

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowIso: () => {
    const ms = Date.now();
    if (ms !== written.ms) written = { ms, iso: new Date(ms).toISOString() };
    return written.iso;
  },
  monotonicMs: () => performance.now(),
};
