import { VisuallyHidden } from '@mantine/core';
import { useEffect, useState } from 'react';
import { instantText } from '../../components/instant.js';
import classes from './approvals.module.css';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** From here on seconds are counted, and it is said once that time runs out. */
const SHORT_MS = MINUTE_MS;

/** `2 h 5 min`, `7 min`, `41 s`: rounded so that it changes as seldom as it says. */
export const timeLeftText = (leftMs: number): string => {
  if (leftMs <= 0) return 'over';
  if (leftMs <= SHORT_MS) return `${Math.ceil(leftMs / SECOND_MS)} s`;
  const minutes = Math.ceil(leftMs / MINUTE_MS);
  return leftMs < HOUR_MS ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

/** Now, as often as what is shown of it changes. */
const useNow = (until: number): number => {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const leftMs = until - now;
    if (leftMs <= 0) return;
    const stepMs = leftMs <= SHORT_MS ? SECOND_MS : MINUTE_MS;
    // At the moment the text changes, and not before.
    const timer = setTimeout(() => setNow(Date.now()), ((leftMs - 1) % stepMs) + 1);
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
