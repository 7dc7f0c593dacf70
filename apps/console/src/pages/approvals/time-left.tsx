import { VisuallyHidden } from '@mantine/core';
import { useEffect, useState } from 'react';
import { instantText } from '../../components/instant.js';
import classes from './approvals.module.css';
import { SHORT_MS, timeLeftText, untilNextText } from './time-left-text.js';

/** Now, as often as what is shown of it changes. */
const useNow = (until: number): number => {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const leftMs = until - now;
    if (leftMs <= 0) return;
    const timer = setTimeout(() => setNow(Date.now()), untilNextText(leftMs));
    return () => clearTimeout(timer);
  }, [until, now]);
  return now;
};

/** How long people may still answer. `announce` tells screen readers once when a minute is left, and never counts down to them. */
export const TimeLeft = ({ until, announce = false }: { readonly until: string; readonly announce?: boolean }) => {
  const untilMs = Date.parse(until);
  const leftMs = untilMs - useNow(untilMs);
  const isShort = leftMs > 0 && leftMs <= SHORT_MS;
  return (
    <>
      <time dateTime={until} title={`until ${instantText(new Date(until))}`} className={classes.timeLeft} data-short={isShort || undefined}>
        {timeLeftText(leftMs)}
      </time>
      {announce && (
        <VisuallyHidden role="status">
          {isShort ? 'Less than a minute is left to answer.' : leftMs <= 0 ? 'The time to answer is over.' : ''}
        </VisuallyHidden>
      )}
    </>
  );
};
