import { Tooltip } from '@mantine/core';
import classes from './figures.module.css';

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** `3 minutes ago`, `in 2 hours`. */
export const relativeText = (at: Date, now: Date, locale?: string): string => {
  const deltaMs = at.getTime() - now.getTime();
  const [unit, sizeMs] = UNITS.find(([, size]) => Math.abs(deltaMs) >= size) ?? (['second', 1_000] as const);
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.round(deltaMs / sizeMs), unit);
};

/** `2026-11-27 05:41:07.123 GMT+1`: readable, sortable, with its zone. `precision` says how far it goes. */
export const instantText = (at: Date, precision: 'minute' | 'second' | 'millisecond' = 'second', timeZone?: string): string => {
  const parts = new Map(
    new Intl.DateTimeFormat('en-CA', {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
      hourCycle: 'h23',
      timeZoneName: 'short',
      ...(timeZone === undefined ? {} : { timeZone }),
    })
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const get = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const seconds = precision === 'minute' ? '' : `:${get('second')}${precision === 'millisecond' ? `.${get('fractionalSecond')}` : ''}`;
  return `${get('year')}-${get('month')}-${get('day')} ${get('hour')}:${get('minute')}${seconds} ${get('timeZoneName')}`;
};

/** `05:41:07 GMT+1`: the time of day with its zone. */
const clockText = (at: Date): string => instantText(at).slice('2026-11-27 '.length);

const isSameDay = (one: Date, other: Date): boolean => instantText(one).slice(0, 10) === instantText(other).slice(0, 10);

export interface InstantProps {
  /** ISO 8601; `null` shows `otherwise`. */
  readonly at: string | null;
  readonly precision?: 'minute' | 'second' | 'millisecond';
  /** Shows how long ago, and the time on hover, instead of the other way round. */
  readonly relative?: boolean;
  /** Leaves out the date where it is today's. */
  readonly clock?: boolean;
  readonly otherwise?: string;
}

/** A point in time with its zone; how long ago on hover, and the other way round with `relative`. */
export const Instant = ({ at, precision = 'second', relative = false, clock = false, otherwise = '–' }: InstantProps) => {
  if (at === null) return <span className={classes.none}>{otherwise}</span>;
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span className={classes.none}>{otherwise}</span>;
  const absolute = instantText(date, precision);
  const now = new Date();
  const ago = relativeText(date, now);
  const shown = clock && isSameDay(date, now) ? clockText(date) : absolute;
  return (
    <Tooltip label={relative ? absolute : ago} openDelay={300}>
      <time dateTime={date.toISOString()} className={classes.figure}>
        {relative ? ago : shown}
      </time>
    </Tooltip>
  );
};
