import classes from './figures.module.css';

const FORMAT = new Intl.NumberFormat('en');

export interface CountProps {
  /** `null` or `undefined` is unknown. */
  readonly of: number | null | undefined;
  /** Something is wrong with it. */
  readonly bad?: boolean;
}

/** A number of things, grouped by thousands. */
export const Count = ({ of, bad = false }: CountProps) => {
  if (of === null || of === undefined) return <span className={classes.none}>–</span>;
  return (
    <span className={classes.figure} data-bad={bad || undefined}>
      {FORMAT.format(of)}
    </span>
  );
};
