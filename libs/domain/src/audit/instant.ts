const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar; the year is taken to begin in March, so that the leap day comes last. */
const daysOf = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
};

/** Milliseconds since 1970 in UTC of an RFC 3339 instant, fractions of a millisecond cut off; `null` for anything else. No clock is read. */
export const epochMsOf = (instant: string): number | null => {
  const parts = RFC3339.exec(instant);
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second, fraction, sign, offsetHours, offsetMinutes] = parts;
  const seconds = daysOf(Number(year), Number(month), Number(day)) * 86_400 + Number(hour) * 3_600 + Number(minute) * 60 + Number(second);
  const offset = sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(offsetHours) * 3_600 + Number(offsetMinutes) * 60);
  return (seconds - offset) * 1_000 + Number((fraction ?? '').padEnd(3, '0').slice(0, 3));
};
