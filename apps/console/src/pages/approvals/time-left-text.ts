const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** From here on seconds are counted. */
export const SHORT_MS = MINUTE_MS;

/** `2 h 5 min`, `7 min`, `41 s`: rounded up, so that nothing is called over that is not. */
export const timeLeftText = (leftMs: number): string => {
  if (leftMs <= 0) return 'over';
  if (leftMs <= SHORT_MS) return `${Math.ceil(leftMs / SECOND_MS)} s`;
  const minutes = Math.ceil(leftMs / MINUTE_MS);
  return leftMs < HOUR_MS ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

/** How long until the text changes: at that moment, and not before. */
export const untilNextText = (leftMs: number): number => {
  const stepMs = leftMs <= SHORT_MS ? SECOND_MS : MINUTE_MS;
  return ((leftMs - 1) % stepMs) + 1;
};
