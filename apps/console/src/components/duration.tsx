import classes from './figures.module.css';

/** `840 µs`, `12 ms`, `1.35 s`, `4 min 10 s`, `3 h 20 min`, `2 d 4 h`: three digits that matter. */
export const durationText = (micros: number): string => {
  if (micros < 1_000) return `${Math.round(micros)} µs`;
  if (micros < 1_000_000) return `${micros < 10_000 ? (micros / 1_000).toFixed(1) : Math.round(micros / 1_000)} ms`;
  const seconds = micros / 1_000_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
};

/** How long something took. */
export const Duration = ({ micros }: { readonly micros: number | null }) =>
  micros === null ? <span className={classes.none}>–</span> : <span className={classes.figure}>{durationText(micros)}</span>;
