import type { Clock } from '@sallyport/platform';

/** Microseconds since a monotonic moment, whole and never negative, as events tell them. */
export const microsSince = (clock: Pick<Clock, 'monotonicMs'>, startedMs: number): number =>
  Math.max(0, Math.round((clock.monotonicMs() - startedMs) * 1_000));
