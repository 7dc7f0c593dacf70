import type { BudgetWindow } from '@sallyport/contracts';

/** From the shortest to the longest. Every window begins where a shorter one begins. */
export const BUDGET_WINDOWS: readonly BudgetWindow[] = ['minute', 'hour', 'day', 'month'];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Days from 1970-01-01 to the first of a month of the proleptic Gregorian calendar; `month` counts from 1 and may be 13. */
const daysToMonth = (year: number, month: number): number => {
  const y = month > 12 ? year + 1 : year;
  const m = month > 12 ? month - 12 : month;
  // Years taken to begin in March, so that the leap day is the last of one.
  const marchYear = m <= 2 ? y - 1 : y;
  const marchMonth = (m + 9) % 12;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return 365 * marchYear + leapDays + Math.floor((153 * marchMonth + 2) / 5) - 719_468;
};

/** The UTC date of a day counted from 1970-01-01. */
const dateOf = (days: number): CalendarDate => {
  // A first guess from the mean length of a year, at most one off.
  let year = 1970 + Math.floor(days / 365.2425);
  if (daysToMonth(year, 1) > days) year -= 1;
  else if (daysToMonth(year + 1, 1) <= days) year += 1;
  let month = 12;
  while (daysToMonth(year, month) > days) month -= 1;
  return { year, month, day: days - daysToMonth(year, month) + 1 };
};

const lengthOf = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const;

/** When the window begins that a moment lies in; milliseconds since 1970, UTC. */
export const windowStart = (window: BudgetWindow, atMs: number): number => {
  if (window !== 'month') return Math.floor(atMs / lengthOf[window]) * lengthOf[window];
  const { year, month } = dateOf(Math.floor(atMs / DAY_MS));
  return daysToMonth(year, month) * DAY_MS;
};

/** When the windows begin that one moment lies in. */
export type WindowStarts = Readonly<Record<BudgetWindow, number>>;

export const windowStarts = (atMs: number): WindowStarts => ({
  minute: windowStart('minute', atMs),
  hour: windowStart('hour', atMs),
  day: windowStart('day', atMs),
  month: windowStart('month', atMs),
});

/** When a window that begins at `startMs` ends and the next begins. */
export const windowEnd = (window: BudgetWindow, startMs: number): number => {
  if (window !== 'month') return startMs + lengthOf[window];
  const { year, month } = dateOf(Math.floor(startMs / DAY_MS));
  return daysToMonth(year, month + 1) * DAY_MS;
};

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** A moment as RFC 3339 in UTC with milliseconds, for years 0 to 9999. */
export const instantOf = (atMs: number): string => {
  const days = Math.floor(atMs / DAY_MS);
  const { year, month, day } = dateOf(days);
  const ms = atMs - days * DAY_MS;
  const time = [Math.floor(ms / HOUR_MS), Math.floor(ms / MINUTE_MS) % 60, Math.floor(ms / 1_000) % 60]
    .map((part) => pad(part, 2))
    .join(':');
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${time}.${pad(ms % 1_000, 3)}Z`;
};
