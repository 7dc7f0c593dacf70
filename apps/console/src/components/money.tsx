import classes from './figures.module.css';

/** `1.2345 USD`: as many digits as the amount has, at least as many as the currency is usually written with. Exact: no floating point. */
export const moneyText = (micros: number, currency: string, locale?: string): string => {
  const digits = Math.abs(micros) % 10_000 === 0 ? 2 : 6;
  const sign = micros < 0 ? '-' : '';
  const whole = Math.trunc(Math.abs(micros) / 1_000_000);
  const fraction = String(Math.abs(micros) % 1_000_000).padStart(6, '0');
  const decimal = `${sign}${whole}.${fraction}`;
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(decimal as Intl.StringNumericLiteral);
};

export interface MoneyProps {
  /** Millionths of the currency; `null` is unknown, which is not nothing. */
  readonly micros: number | null;
  readonly currency: string | null;
}

/** An amount with its currency. */
export const Money = ({ micros, currency }: MoneyProps) => {
  if (micros === null) return <span className={classes.none}>unknown</span>;
  if (currency === null || !/^[A-Z]{3}$/.test(currency)) return <span className={classes.figure}>{`${micros} millionths`}</span>;
  return <span className={classes.figure}>{moneyText(micros, currency)}</span>;
};
