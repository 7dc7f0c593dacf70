import type { ReactNode } from 'react';
import classes from './scrolled.module.css';

export interface ScrolledProps {
  /** What is in it, for screen readers. */
  readonly label: string;
  /** From here on it scrolls: a CSS length. Sideways it always does. */
  readonly maxHeight?: string;
  readonly children: ReactNode;
}

/** Something that may be wider or higher than its place: it scrolls there, by keys as well. */
export const Scrolled = ({ label, maxHeight, children }: ScrolledProps) => (
  <section
    className={classes.scrolled}
    style={maxHeight === undefined ? undefined : { maxBlockSize: maxHeight }}
    aria-label={label}
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    tabIndex={0}
  >
    {children}
  </section>
);
