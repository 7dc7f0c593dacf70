/** Latencies of one window, in milliseconds. */
export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

const DECIMALS = 1_000;

/** To three decimals: microseconds of a time in milliseconds. */
export const rounded = (value: number): number => Math.round(value * DECIMALS) / DECIMALS;

/** The value below which the share `q` of ascending values lies; `NaN` of none. */
export const percentile = (ascending: readonly number[], q: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))] ?? Number.NaN;

/** Summarises latencies in any order. */
export const latencySummary = (latenciesMs: readonly number[]): LatencySummary => {
  const ascending = [...latenciesMs].sort((a, b) => a - b);
  const at = (q: number): number => rounded(percentile(ascending, q));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
};

/** The middle value; of an even number of them the lower of the two, so that it is one that was measured. `NaN` is none, and so is the median of none. */
export const median = (values: readonly number[]): number => {
  const ascending = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return ascending[Math.ceil(ascending.length / 2) - 1] ?? Number.NaN;
};

/** The median of each name over records of the same names. */
export const mediansByName = (records: readonly Readonly<Record<string, number>>[]): Record<string, number> =>
  Object.fromEntries(Object.keys(records[0] ?? {}).map((name) => [name, median(records.map((record) => record[name] ?? Number.NaN))]));

/** How far the last quarter of a series lies above its second quarter, as a share of the latter: growth that warming up does not explain. */
export const growthAfterWarmUp = (series: readonly number[]): number => {
  const quarter = Math.floor(series.length / 4);
  if (quarter === 0) return Number.NaN;
  const early = median(series.slice(quarter, 2 * quarter));
  return rounded((median(series.slice(-quarter)) - early) / early);
};
